// Starts the engines that have no URL on this machine, both at once because neither needs the other, and restarts those that die.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import { startClickhouse, type LocalClickhouse } from './clickhouse/clickhouse-engine.ts';
import { keepEngine } from './kept-engine.ts';
import { writingTo } from './local-engine-error.ts';
import { findNatsServer } from './nats/nats-binary.ts';
import { startNatsServer, type LocalNatsServer } from './nats/nats-server.ts';
import { PROJECT } from './project.ts';
import { storeBytesFor } from './nats/store-size.ts';

const LOOPBACK = '127.0.0.1';
const CACHE = fileURLToPath(new URL('.cache/nats-server', PROJECT));

export interface Engines {
  readonly natsUrl: string;
  readonly clickhouseUrl: string;
  /** What the NATS server may store; undefined if unknown. */
  readonly natsStoreBytes: number | undefined;
  /** Port of the MQTT gateway, if the NATS server was started here. */
  readonly mqttPort: number | undefined;
  stop(): Promise<void>;
}

interface Reporting {
  readonly printLine: (line: string) => void;
  /** Called when an engine has died, and when it cannot be restarted yet; it is tried again. */
  readonly onFailure: (error: Error) => void;
}

type StartedNats = Pick<Engines, 'natsUrl' | 'natsStoreBytes' | 'mqttPort' | 'stop'>;
type StartedClickhouse = Pick<Engines, 'clickhouseUrl' | 'stop'>;

/**
 * @param whileStarting called once ClickHouse, which takes longest to start, needs only to be waited for
 * @throws LocalEngineError or NatsServerUnavailableError, with one sentence that says what to do
 */
export async function startEngines(
  config: Config,
  printLine: (line: string) => void,
  onFailure: (error: Error) => void,
  whileStarting: () => void = () => undefined,
): Promise<Engines> {
  const { DENSITY_DATA_DIR: dataDir } = config;
  if (config.NATS_URL === undefined || config.CLICKHOUSE_URL === undefined)
    await writingTo(dataDir, () => mkdir(dataDir, { recursive: true }));
  const reporting = { printLine, onFailure };
  const starting = [natsFor(config, reporting), clickhouseFor(config, reporting, whileStarting)] as const;
  try {
    const [nats, clickhouse] = await Promise.all(starting);
    const stop = async (): Promise<void> => {
      await clickhouse.stop();
      await nats.stop();
    };
    return { ...nats, ...clickhouse, stop };
  } catch (error) {
    for (const result of await Promise.allSettled(starting))
      if (result.status === 'fulfilled') await result.value.stop();
    throw error;
  }
}

async function natsFor(config: Config, { printLine, onFailure }: Reporting): Promise<StartedNats> {
  const { NATS_URL: natsUrl, NATS_STORE_MAX: storeMax, DENSITY_DATA_DIR: dataDir } = config;
  if (natsUrl !== undefined)
    return { natsUrl, natsStoreBytes: storeMax, mqttPort: undefined, stop: async () => undefined };
  const binary = await findNatsServer({
    cacheDir: CACHE,
    onProgress: printLine,
    ...(config.NATS_SERVER_BIN === undefined ? {} : { explicitPath: config.NATS_SERVER_BIN }),
  });
  const folder = join(dataDir, 'nats');
  await writingTo(folder, () => mkdir(folder, { recursive: true }));
  const natsStoreBytes = storeMax ?? (await storeBytesFor(folder));
  const { engine, stop } = await keepEngine<LocalNatsServer>({
    start: async (before, onExit) =>
      startNatsServer({
        binary: binary.path,
        dataDir: folder,
        storeBytesMax: natsStoreBytes,
        host: LOOPBACK,
        port: before?.port ?? config.NATS_PORT,
        mqttPort: before?.mqttPort ?? config.MQTT_PORT,
        name: 'density',
        logFile: join(dataDir, 'nats-server.log'),
        syncInterval: config.NATS_SYNC_INTERVAL,
        onExit,
      }),
    onFailure,
  });
  printLine(`nats-server ${binary.version} with JetStream: ${engine.url}, MQTT on port ${engine.mqttPort}`);
  return { natsUrl: engine.url, natsStoreBytes, mqttPort: engine.mqttPort, stop };
}

async function clickhouseFor(
  config: Config,
  { printLine, onFailure }: Reporting,
  onSpawned: () => void,
): Promise<StartedClickhouse> {
  const { CLICKHOUSE_URL: clickhouseUrl, DENSITY_DATA_DIR: dataDir } = config;
  if (clickhouseUrl !== undefined) {
    onSpawned();
    return { clickhouseUrl, stop: async () => undefined };
  }
  const { engine, stop } = await keepEngine<LocalClickhouse>({
    start: async (before, onExit) =>
      startClickhouse({
        dataDir: join(dataDir, 'clickhouse'),
        host: LOOPBACK,
        port: before?.port ?? config.CLICKHOUSE_PORT,
        logFile: join(dataDir, 'clickhouse.log'),
        onSpawned,
        onExit,
      }),
    onFailure,
  });
  printLine(`ClickHouse engine (chDB): ${engine.url}`);
  return { clickhouseUrl: engine.url, stop };
}
