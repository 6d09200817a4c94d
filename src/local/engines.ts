// Starts the engines that have no URL on this machine.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import { startClickhouse } from './clickhouse/clickhouse-engine.ts';
import type { LocalEngineError } from './local-engine-error.ts';
import { writingTo } from './local-engine-error.ts';
import { findNatsServer } from './nats/nats-binary.ts';
import { startNatsServer } from './nats/nats-server.ts';
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

/** @throws LocalEngineError or NatsServerUnavailableError, with one sentence that says what to do */
export async function startEngines(
  config: Config,
  say: (line: string) => void,
  onExit: (error: LocalEngineError) => void,
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
      const nats = await startNatsServer({
        binary: binary.path,
        dataDir: folder,
        storeBytesMax: natsStoreBytes,
        host: LOOPBACK,
        port: config.NATS_PORT,
        mqttPort: config.MQTT_PORT,
        name: 'density',
        logFile: join(dataDir, 'nats-server.log'),
        syncInterval: config.NATS_SYNC_INTERVAL,
        onExit,
      });
      started.push(nats);
      ({ url: natsUrl, mqttPort } = nats);
      say(`nats-server ${binary.version} with JetStream: ${natsUrl}, MQTT on port ${mqttPort}`);
    }
    if (clickhouseUrl === undefined) {
      const clickhouse = await startClickhouse({
        dataDir: join(dataDir, 'clickhouse'),
        host: LOOPBACK,
        port: config.CLICKHOUSE_PORT,
        logFile: join(dataDir, 'clickhouse.log'),
        onExit,
      });
      started.push(clickhouse);
      clickhouseUrl = clickhouse.url;
      say(`ClickHouse engine (chDB): ${clickhouseUrl}`);
    }
    return { natsUrl, clickhouseUrl, natsStoreBytes, mqttPort, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
