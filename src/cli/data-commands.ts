// `density recreate`, `seed` and `simulate`, which use NATS and ClickHouse directly. Without NATS_URL or
// CLICKHOUSE_URL, `recreate` starts the engines on this machine's data, as `run` does, so `run` must not be running
// at the same time.
import { setTimeout as sleep } from 'node:timers/promises';
import { connectClickHouse } from '../clickhouse/connect.ts';
import { createTables, dropTables } from '../clickhouse/tables.ts';
import type { Config } from '../config.ts';
import { registerBuilding } from '../demo/building.ts';
import { Crowd } from '../demo/crowd.ts';
import { startEngines } from '../local/engines.ts';
import { connectNats, type NatsHandles } from '../nats/connect.ts';
import { boundsFor, createStreams, deleteStreams } from '../nats/streams.ts';
import { NatsTopologyLog } from '../nats/topology-log.ts';
import { TopologyService } from '../topology/topology-service.ts';
import { connectCommand } from './connect-command.ts';
import { natsSecurityOf } from './nats-security.ts';
import type { PrintLine } from './print-line.ts';
import { tableOptionsOf } from './table-options.ts';

/** Deletes all data and creates empty streams and tables. @returns the exit code */
export async function recreateCommand(
  config: Config,
  { yes, json }: { yes?: boolean; json?: boolean },
  printLine: PrintLine,
  warn: PrintLine,
): Promise<number> {
  if (!yes) {
    warn(
      'this deletes every reading, count, space, doorway and DPU; to confirm, stop the service and run: density recreate --yes',
    );
    return 2;
  }
  return withEngines(config, json ? warn : printLine, async (nats, clickhouseUrl, natsStoreBytes) => {
    await deleteStreams(nats.jsm);
    const clickhouse = await connectClickHouse(clickhouseUrl);
    try {
      await dropTables(clickhouse, config.CLICKHOUSE_CLUSTER);
      await createTables(clickhouse, tableOptionsOf(config));
    } finally {
      await clickhouse.close();
    }
    await createStreams(
      nats.jsm,
      config.PARTITIONS,
      config.STREAM_REPLICAS,
      await boundsFor(nats.jsm, natsStoreBytes, config.DEAD_LETTERS_BYTES_MAX),
    );
    printLine(
      json ? JSON.stringify({ deleted: true, migrated: true }) : 'all data is deleted; streams and tables are empty',
    );
    return 0;
  });
}

interface NatsOption {
  readonly nats?: string;
}

/** Registers the demo's building unless it exists. @returns the exit code */
export async function seedCommand(
  config: Config,
  options: NatsOption & { json?: boolean; timeZone?: string },
  printLine: PrintLine,
): Promise<number> {
  return withTopology(config, options, async (topology) => {
    const { spaces, doors, isNew } = await registerBuilding(topology, options.timeZone ?? 'UTC', 'cli');
    if (options.json)
      printLine(
        JSON.stringify({
          is_new: isNew,
          spaces: spaces.map(({ id, name }) => ({ id, name })),
          dpus: doors.map(({ dpuId }) => dpuId),
        }),
      );
    else
      printLine(
        `${isNew ? 'registered' : 'already registered'}: ${spaces.map(({ id, name }) => `${name} (${id})`).join(', ')}; DPUs ${doors.map(({ dpuId }) => dpuId).join(', ')}`,
      );
    return 0;
  });
}

/**
 * Simulates people who walk through the demo's building, until the signal aborts or for some seconds. @returns the
 * exit code
 */
export async function simulateCommand(
  config: Config,
  options: NatsOption & { seconds?: number; backfill?: boolean; json?: boolean },
  printLine: PrintLine,
  signal: AbortSignal,
): Promise<number> {
  return withTopology(config, options, async (topology, { nc }) => {
    const building = await registerBuilding(topology, 'UTC', 'cli');
    const crowd = new Crowd(nc, building, new Map());
    const startedMs = performance.now();
    const tell = (line: string): void => void (options.json || printLine(line));
    const backfilled = options.backfill ? crowd.backfill(Date.now()) : 0;
    if (options.backfill) tell(`sent the readings of the last two hours: ${backfilled}`);
    crowd.start();
    tell(
      `simulating people at ${building.doors.length} doorways${options.seconds === undefined ? ' until Ctrl-C' : ` for ${options.seconds} s`}`,
    );
    const ends =
      options.seconds === undefined
        ? sleep(2 ** 31 - 1, undefined, { signal })
        : sleep(options.seconds * 1_000, undefined, { signal });
    await ends.catch(() => undefined);
    crowd.stop();
    await nc.flush();
    if (options.json)
      printLine(
        JSON.stringify({
          backfilled,
          seconds: Math.round((performance.now() - startedMs) / 1_000),
          spaces: building.spaces.map(({ id }) => id),
        }),
      );
    return 0;
  });
}

/** Connects to the engines while `act` runs. Starts those that have no URL on this machine. */
export async function withEngines(
  config: Config,
  printLine: PrintLine,
  act: (nats: NatsHandles, clickhouseUrl: string, natsStoreBytes: number | undefined) => Promise<number>,
): Promise<number> {
  const engines = await startEngines(config, printLine, () => undefined);
  try {
    const nats = await connectNats(engines.natsUrl, 'density', natsSecurityOf(config));
    try {
      return await act(nats, engines.clickhouseUrl, engines.natsStoreBytes);
    } finally {
      await nats.nc.close();
    }
  } finally {
    await engines.stop();
  }
}

async function withTopology(
  config: Config,
  options: NatsOption,
  act: (topology: TopologyService, nats: NatsHandles) => Promise<number>,
): Promise<number> {
  const nats = await connectCommand(config, options.nats, 'density');
  try {
    const { service, stop } = await followedTopology(nats);
    const code = await act(service, nats);
    await stop();
    return code;
  } finally {
    await nats.nc.close();
  }
}

/** The current topology, kept up to date until `stop`. */
export async function followedTopology(
  nats: NatsHandles,
): Promise<{ service: TopologyService; stop: () => Promise<void> }> {
  const log = new NatsTopologyLog(nats.js);
  const service = new TopologyService(
    log,
    () => Date.now(),
    () => undefined,
  );
  const lastSeq = await log.lastSeq().catch((error: unknown) => {
    throw new Error('the streams do not exist: start the service, or run density migrate', { cause: error });
  });
  const following = service.follow();
  await Promise.race([service.reached(lastSeq), following]);
  const stop = async (): Promise<void> => {
    await service.stop();
    await following;
  };
  return { service, stop };
}
