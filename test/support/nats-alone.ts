// A nats-server alone, with the streams of the service, that can be killed and started again on its port and its data.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNatsServer, type LocalNatsServer } from '../../src/local/nats-server.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { createStreams } from '../../src/nats/streams.ts';
import { freePorts } from './free-ports.ts';
import { QUICK } from './local-service.ts';

export class NatsAlone {
  readonly nats: NatsHandles;
  readonly #folder: string;
  #server: LocalNatsServer;

  private constructor(folder: string, server: LocalNatsServer, nats: NatsHandles) {
    [this.#folder, this.#server, this.nats] = [folder, server, nats];
  }

  static async start(partitions: number): Promise<NatsAlone> {
    const folder = await mkdtemp(join(tmpdir(), 'density-nats-'));
    const [port = 0] = await freePorts(1);
    const server = await startIn(folder, port);
    const nats = await connectNats(server.url, 'test');
    await createStreams(nats.jsm, partitions, 1);
    return new NatsAlone(folder, server, nats);
  }

  get url(): string {
    return this.#server.url;
  }

  /** SIGKILL. @returns how to start it again */
  async kill(): Promise<() => Promise<void>> {
    await this.#server.kill9();
    return async () => { this.#server = await startIn(this.#folder, this.#server.port); };
  }

  async dispose(): Promise<void> {
    await this.nats.nc.close();
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function startIn(folder: string, port: number): Promise<LocalNatsServer> {
  return startNatsServer({ binary: process.env['NATS_SERVER_BIN'] ?? '', dataDir: join(folder, 'nats'), host: '127.0.0.1', port, mqttPort: 0, name: 'test', syncInterval: QUICK.NATS_SYNC_INTERVAL, logFile: join(folder, 'nats.log') });
}
