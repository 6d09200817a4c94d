// A TCP proxy whose connections can be cut, as when a network goes away.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface CuttableProxy {
  readonly url: string;
  /** Breaks all connections, and every new one until `restore`. */
  cut(): void;
  restore(): void;
  /** The connections that are open carry nothing any more, and nobody hears of it, as when a computer sleeps. New ones work. */
  freeze(): void;
  stop(): Promise<void>;
}

export async function startCuttableProxy(targetUrl: string): Promise<CuttableProxy> {
  const { hostname, port } = new URL(targetUrl);
  const open = new Set<Socket>();
  let isCut = false;
  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    const upstream = connect(Number(port), hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const destroyAll = (): void => open.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => {
      isCut = true;
      destroyAll();
    },
    restore: () => {
      isCut = false;
    },
    freeze: () =>
      open.forEach((socket) => {
        socket.unpipe();
        socket.pause();
      }),
    stop: async () => {
      destroyAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
