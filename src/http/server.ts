import { createServer, type RequestListener, type Server } from 'node:http';

/** A body may take so long to arrive: the largest batch, 50 MB, over half a megabit a second. Node's own bound is 5 minutes. */
const REQUEST_MAX_MS = 15 * 60_000;

export interface HttpServer {
  readonly url: string;
  readonly port: number;
  /** Stops accepting, lets requests under way finish, then closes. */
  stop(): Promise<void>;
}

/** @throws Node's own error when the address cannot be used (EADDRINUSE, EACCES) */
export async function listen(handle: RequestListener, host: string, port: number): Promise<HttpServer> {
  const server = createServer({ requestTimeout: REQUEST_MAX_MS }, handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const actual = typeof address === 'object' && address ? address.port : port;
  return { port: actual, url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`, stop: () => close(server) };
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
