// The nats-server, the ClickHouse engine and the service as separate processes, with their process ids, so that the CPU
// time of each can be measured. All of them end with the benchmark, even if it fails or is interrupted.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { readConfig } from '../../src/config.ts';
import { startClickhouse } from '../../src/local/clickhouse/clickhouse-engine.ts';
import { findNatsServer } from '../../src/local/nats/nats-binary.ts';
import { startNatsServer } from '../../src/local/nats/nats-server.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { startDensity, type DensityProcess } from '../../test/support/density-process.ts';
import { printLine } from './output.ts';

const HOST = '127.0.0.1';
const STOP_WITHIN_MS = 60_000;
const NATS_CACHE = fileURLToPath(new URL('../../.cache/nats-server', import.meta.url));
/** The default settings that tests shorten, but without a rate limit. */
export const SERVICE_DEFAULTS = {
  PORT: '0',
  TICK_INTERVAL_MS: '',
  OUT_OF_ORDERNESS_MS: '',
  IDLE_TIMEOUT_MS: '',
  BLOCK_AGE_MAX_MS: '',
  LATE_BLOCK_AGE_MAX_MS: '',
  REPEATED_LATE_BLOCK_AGE_MAX_MS: '',
  LEASE_TTL_MS: '',
  PARTITIONS: '16',
  RATE_LIMIT_PER_MINUTE: '0',
  // As in `npm start` and the image.
  NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --max-semi-space-size=64`.trim(),
};

export interface Engines {
  readonly natsUrl: string;
  readonly clickhouseUrl: string;
  readonly pids: Readonly<Record<'nats-server' | 'ClickHouse', number>>;
  /** A folder that is removed at the end. */
  readonly folder: string;
}

export interface Processes {
  /** `http://host:port/api/v1` */
  readonly api: string;
  readonly nats: NatsHandles;
  readonly clickhouse: ClickHouseClient;
  readonly pids: Readonly<Record<'service' | keyof Engines['pids'], number>>;
}

/**
 * As in `npm start`, each message is synced to disk before it is acknowledged, unless BENCH_SYNC says otherwise;
 * nats-server's own default is 2m.
 */
export const SYNC_INTERVAL = readConfig({ NATS_SYNC_INTERVAL: process.env['BENCH_SYNC'] }).NATS_SYNC_INTERVAL;

// A signal would end this process without running its exit handlers, which end the others.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

export async function withEngines(act: (engines: Engines) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'density-bench-'));
  const started: { stop(): Promise<void> }[] = [];
  const onExit = (error: Error): void => {
    throw error;
  };
  try {
    const explicitPath = process.env['NATS_SERVER_BIN'];
    const binary = await findNatsServer({
      cacheDir: NATS_CACHE,
      onProgress: printLine,
      ...(explicitPath === undefined ? {} : { explicitPath }),
    });
    const nats = await startNatsServer({
      binary: binary.path,
      dataDir: join(folder, 'nats'),
      host: HOST,
      port: 0,
      mqttPort: 0,
      name: 'bench',
      logFile: join(folder, 'nats.log'),
      syncInterval: SYNC_INTERVAL,
      onExit,
    });
    started.push(nats);
    const clickhouse = await startClickhouse({
      dataDir: join(folder, 'clickhouse'),
      host: HOST,
      port: 0,
      logFile: join(folder, 'clickhouse.log'),
      onExit,
    });
    started.push(clickhouse);
    printLine(`nats-server ${binary.version}, sync_interval ${SYNC_INTERVAL}`);
    await act({
      natsUrl: nats.url,
      clickhouseUrl: clickhouse.url,
      pids: { 'nats-server': nats.pid, ClickHouse: clickhouse.pid },
      folder,
    });
  } finally {
    for (const engine of started.reverse()) await engine.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

export interface RunningService {
  /** `http://host:port` */
  readonly url: string;
  readonly process: DensityProcess;
  /** Ends it, and says what it complained of. */
  stop(): Promise<void>;
}

/** Resolves once it says that it is ready. @param settings the service's settings besides the defaults */
export async function startService(
  { natsUrl, clickhouseUrl, folder }: Engines,
  settings: Readonly<Record<string, string>> = {},
): Promise<RunningService> {
  const service = startDensity(['run'], {
    ...SERVICE_DEFAULTS,
    ...settings,
    NATS_URL: natsUrl,
    CLICKHOUSE_URL: clickhouseUrl,
    DENSITY_DATA_DIR: folder,
  });
  const kill = (): void => void service.child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    const over = new AbortController();
    const late = sleep(STOP_WITHIN_MS, undefined, { signal: over.signal }).then(kill, () => undefined);
    await Promise.race([service.end('SIGTERM'), late.then(() => service.ended())]);
    over.abort();
    process.off('exit', kill);
    sayComplaints(service);
  };
  try {
    const [, url = ''] = await service.waitForOutput(/density-api is ready: (\S+)\/api\/v1\/health/);
    return { url, process: service, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @param settings the service's settings besides the defaults */
export async function withService(
  act: (processes: Processes) => Promise<void>,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  await withEngines(async (engines) => {
    const service = await startService(engines, settings);
    let nats: NatsHandles | undefined;
    const clickhouse = createClient({ url: engines.clickhouseUrl });
    try {
      nats = await connectNats(engines.natsUrl, 'bench');
      const pids = { service: service.process.child.pid ?? NaN, ...engines.pids };
      await act({ api: `${service.url}/api/v1`, nats, clickhouse, pids });
    } finally {
      await clickhouse.close();
      await nats?.nc.close();
      await service.stop();
    }
  });
}

/** The number of warnings and errors that an ended process logged, and the first of them. */
export function sayComplaints(service: DensityProcess): void {
  const complaints = service
    .output()
    .split('\n')
    .filter((line) => /"level":[456]0/.test(line));
  if (complaints.length > 0)
    printLine(`the service logged ${complaints.length} warnings and errors; the first: ${complaints[0]}`);
}
