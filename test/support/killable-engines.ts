// A nats-server and a ClickHouse engine as separate processes, each of which can be killed and restarted on its port
// and data.
import { join } from 'node:path';
import { startClickhouse, type LocalClickhouse } from '../../src/local/clickhouse/clickhouse-engine.ts';
import { startNatsServer, type LocalNatsServer } from '../../src/local/nats/nats-server.ts';
import { freePorts } from './free-ports.ts';
import { QUICK } from './local-service.ts';

const HOST = '127.0.0.1';

export class KillableEngines {
  readonly #binary: string;
  readonly #folder: string;
  #nats!: LocalNatsServer;
  #clickhouse!: LocalClickhouse;

  private constructor(binary: string, folder: string) {
    [this.#binary, this.#folder] = [binary, folder];
  }

  /** @param binary the nats-server @param folder for their data and logs */
  static async start(binary: string, folder: string): Promise<KillableEngines> {
    const engines = new KillableEngines(binary, folder);
    try {
      const [nats = 0, clickhouse = 0] = await freePorts(2);
      await engines.#startNats(nats);
      await engines.#startClickhouse(clickhouse);
      return engines;
    } catch (error) {
      await engines.stop();
      throw error;
    }
  }

  get natsUrl(): string {
    return this.#nats.url;
  }

  get clickhouseUrl(): string {
    return this.#clickhouse.url;
  }

  /** SIGKILL. @returns how to start it again */
  async killNats(): Promise<() => Promise<void>> {
    await this.#nats.kill9();
    return () => this.#startNats(this.#nats.port);
  }

  /** SIGKILL. @returns how to start it again */
  async killClickhouse(): Promise<() => Promise<void>> {
    await this.#clickhouse.kill9();
    return () => this.#startClickhouse(this.#clickhouse.port);
  }

  async stop(): Promise<void> {
    await this.#clickhouse?.stop();
    await this.#nats?.stop();
  }

  async #startNats(port: number): Promise<void> {
    this.#nats = await startNatsIn(this.#folder, this.#binary, port);
  }

  async #startClickhouse(port: number): Promise<void> {
    this.#clickhouse = await startClickhouseIn(this.#folder, port);
  }
}

/** @param folder for its data and log @param onExit called if it ends without being stopped */
export async function startNatsIn(
  folder: string,
  binary: string,
  port: number,
  onExit?: () => void,
): Promise<LocalNatsServer> {
  return startNatsServer({
    binary,
    dataDir: join(folder, 'nats'),
    host: HOST,
    port,
    mqttPort: 0,
    name: 'test',
    syncInterval: QUICK.NATS_SYNC_INTERVAL,
    logFile: join(folder, 'nats.log'),
    ...(onExit && { onExit }),
  });
}

/** @param folder for its data and log @param onExit called if it ends without being stopped */
export async function startClickhouseIn(folder: string, port: number, onExit?: () => void): Promise<LocalClickhouse> {
  return startClickhouse({
    dataDir: join(folder, 'clickhouse'),
    host: HOST,
    port,
    logFile: join(folder, 'clickhouse.log'),
    ...(onExit && { onExit }),
  });
}
