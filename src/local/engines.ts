// Starts the engines for which no URL is configured on this machine, and restarts those that die.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import { startClickhouse, type LocalClickhouse } from './clickhouse/clickhouse-engine.ts';
import { keepEngine } from './kept-engine.ts';
import { writingTo } from './local-engine-error.ts';
import { findNatsServer } from './nats/nats-binary.ts';
import { startNatsServer, type LocalNatsServer } from './nats/nats-server.ts';
import { storeBytesFor } from './nats/store-size.ts';

const LOOPBACK = '127.0.0.1';
const CACHE = fileURLToPath(new URL('../../.cache/nats-server', import.meta.url));

export interface Engines {
  readonly natsUrl: string;
  readonly clickhouseUrl: string;
  /** What the NATS server may store; undefined if unknown. */
  readonly natsStoreBytes: number | undefined;
  /** Port of the MQTT gateway, if the NATS server was started here. */
  readonly mqttPort: number | undefined;
  stop(): Promise<void>;
}

/**
 * @param onFailure called when an engine has died, and each time that restarting it fails; restarting continues
 * @throws LocalEngineError or NatsServerUnavailableError, with one sentence that tells the user what to do
 */
export async function startEngines(
  config: Config,
  say: (line: string) => void,
  onFailure: (error: Error) => void,
): Promise<Engines> {
  const dataDir = config.DENSITY_DATA_DIR;
  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const engine of started.reverse()) await engine.stop();
    started.length = 0;
  };
  try {
    let [natsUrl, clickhouseUrl] = [config.NATS_URL, config.CLICKHOUSE_URL];
    let mqttPort: number | undefined;
    let natsStoreBytes = config.NATS_STORE_MAX;
    if (natsUrl === undefined || clickhouseUrl === undefined)
      await writingTo(dataDir, () => mkdir(dataDir, { recursive: true }));
    if (natsUrl === undefined) {
      const binary = await findNatsServer({
        cacheDir: CACHE,
        onProgress: say,
        ...(config.NATS_SERVER_BIN === undefined ? {} : { explicitPath: config.NATS_SERVER_BIN }),
      });
      const folder = join(dataDir, 'nats');
      await writingTo(folder, () => mkdir(folder, { recursive: true }));
      natsStoreBytes ??= await storeBytesFor(folder);
      const storeBytesMax = natsStoreBytes;
      const nats = await keepEngine<LocalNatsServer>({
        start: async (before, onExit) =>
          startNatsServer({
            binary: binary.path,
            dataDir: folder,
            storeBytesMax,
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
      started.push(nats);
      ({ url: natsUrl, mqttPort } = nats.engine);
      say(`nats-server ${binary.version} with JetStream: ${natsUrl}, MQTT on port ${mqttPort}`);
    }
    if (clickhouseUrl === undefined) {
      const clickhouse = await keepEngine<LocalClickhouse>({
        start: async (before, onExit) =>
          startClickhouse({
            dataDir: join(dataDir, 'clickhouse'),
            host: LOOPBACK,
            port: before?.port ?? config.CLICKHOUSE_PORT,
            logFile: join(dataDir, 'clickhouse.log'),
            onExit,
          }),
        onFailure,
      });
      started.push(clickhouse);
      clickhouseUrl = clickhouse.engine.url;
      say(`ClickHouse engine (chDB): ${clickhouseUrl}`);
    }
    return { natsUrl, clickhouseUrl, natsStoreBytes, mqttPort, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
