// A ClickHouse engine in a folder of its own, without the rest of the service.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { startClickhouse } from '../../src/local/clickhouse/clickhouse-engine.ts';

export class ClickHouseAlone {
  readonly client: ClickHouseClient;
  readonly dataDir: string;
  readonly #engine: Awaited<ReturnType<typeof startClickhouse>>;

  private constructor(dataDir: string, engine: Awaited<ReturnType<typeof startClickhouse>>) {
    [this.dataDir, this.#engine] = [dataDir, engine];
    this.client = createClient({ url: engine.url, log: { level: ClickHouseLogLevel.OFF } });
  }

  static async start(): Promise<ClickHouseAlone> {
    const dataDir = await mkdtemp(join(tmpdir(), 'density-clickhouse-'));
    const engine = await startClickhouse({ dataDir, host: '127.0.0.1', port: 0, logFile: join(dataDir, 'log') });
    return new ClickHouseAlone(dataDir, engine);
  }

  get url(): string {
    return this.#engine.url;
  }

  async dispose(): Promise<void> {
    await this.client.close();
    await this.#engine.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
