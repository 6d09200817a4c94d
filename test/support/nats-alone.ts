// A single nats-server with the service's streams, which can be killed and restarted on its port and data.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNatsServer, type LocalNatsServer } from '../../src/local/nats/nats-server.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { createStreams } from '../../src/nats/streams.ts';
import { freePorts } from './free-ports.ts';
import { QUICK } from './local-service.ts';

/** The ports it keeps across restarts. */
type Ports = Pick<LocalNatsServer, 'port' | 'mqttPort'>;

export class NatsAlone {
  readonly nats: NatsHandles;
  readonly #folder: string;
  readonly #syncInterval: string;
  #server: LocalNatsServer;

  private constructor(folder: string, syncInterval: string, server: LocalNatsServer, nats: NatsHandles) {
    [this.#folder, this.#syncInterval, this.#server, this.nats] = [folder, syncInterval, server, nats];
  }

  static async start(partitions: number, syncInterval = QUICK.NATS_SYNC_INTERVAL): Promise<NatsAlone> {
    const folder = await mkdtemp(join(tmpdir(), 'density-nats-'));
    const [port = 0, mqttPort = 0] = await freePorts(2);
    const server = await startIn(folder, { port, mqttPort }, syncInterval);
    const nats = await connectNats(server.url, 'test');
    await createStreams(nats.jsm, partitions, 1);
    return new NatsAlone(folder, syncInterval, server, nats);
  }

  get url(): string {
    return this.#server.url;
  }

  /** Where its streams are. */
  get natsFolder(): string {
    return join(this.#folder, 'nats');
  }

  get mqttPort(): number {
    return this.#server.mqttPort;
  }

  /** @param signal SIGTERM waits for its graceful end @returns a function that starts it again */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<() => Promise<void>> {
    await (signal === 'SIGKILL' ? this.#server.kill9() : this.#server.stop());
    return async () => {
      this.#server = await startIn(this.#folder, this.#server, this.#syncInterval);
    };
  }

  async dispose(): Promise<void> {
    await this.nats.nc.close();
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function startIn(folder: string, { port, mqttPort }: Ports, syncInterval: string): Promise<LocalNatsServer> {
  return startNatsServer({
    binary: process.env['NATS_SERVER_BIN'] ?? '',
    dataDir: join(folder, 'nats'),
    host: '127.0.0.1',
    port,
    mqttPort,
    name: 'test',
    syncInterval,
    logFile: join(folder, 'nats.log'),
  });
}
