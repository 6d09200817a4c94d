// `density migrate`: creates missing streams and tables, updates the settings of the others, and converts the log of
// version 1 and the tables of earlier versions.
import type { ClickHouseClient } from '@clickhouse/client';
import { ClickHouseHistory } from '../clickhouse/history.ts';
import { ClickHousePartitionRecords } from '../clickhouse/partition-records.ts';
import { connectClickHouse } from '../clickhouse/connect.ts';
import { convertTables, tablesToConvert } from '../clickhouse/convert-tables.ts';
import { alterTables, createTables } from '../clickhouse/tables.ts';
import type { Config } from '../config.ts';
import type { Partition } from '../domain/ids.ts';
import { allPartitions } from '../domain/partition.ts';
import { NatsCheckpoints } from '../nats/checkpoints.ts';
import type { NatsHandles } from '../nats/connect.ts';
import { NatsLeases } from '../nats/leases.ts';
import { NatsSpaceEventsLog } from '../nats/space-events-log.ts';
import { assertPartitions, boundsFor, createStreams, SPACE_EVENTS } from '../nats/streams.ts';
import { Version1Log } from '../nats/version-1-log.ts';
import { migratePartition } from '../shards/migrate-partition.ts';
import { followedTopology, withEngines } from './data-commands.ts';
import type { PrintLine } from './print-line.ts';
import { rebuildShards, withAllLeases } from './rebuild-command.ts';
import { assertServiceStopped } from './running-members.ts';
import { tableOptionsOf } from './table-options.ts';

/** The time limit for one month of one table. */
const COPY_MAX_MS = 6 * 3_600_000;

/** @returns the exit code */
export async function migrateCommand(
  config: Config,
  { json }: { json?: boolean },
  printLine: PrintLine,
  warn: PrintLine,
): Promise<number> {
  const tell = json ? warn : printLine;
  return withEngines(config, tell, async (nats, clickhouseUrl, natsStoreBytes) => {
    const clickhouse = await connectClickHouse(clickhouseUrl);
    try {
      await createTables(clickhouse, tableOptionsOf(config));
      await alterTables(clickhouse, tableOptionsOf(config));
      if (await Version1Log.isThere(nats.jsm)) await convertLog(config, nats, clickhouse, tell);
      await createStreams(
        nats.jsm,
        config.PARTITIONS,
        config.STREAM_REPLICAS,
        await boundsFor(nats.jsm, natsStoreBytes, config.DEAD_LETTERS_BYTES_MAX),
      );
      await convertStore(config, nats, clickhouseUrl, tell);
    } finally {
      await clickhouse.close();
    }
    printLine(json ? JSON.stringify({ migrated: true }) : 'all streams and tables exist');
    return 0;
  });
}

/** Converts tables of earlier versions, unless the service is running: they work as they are, so it need not stop. */
async function convertStore(config: Config, nats: NatsHandles, clickhouseUrl: string, tell: PrintLine): Promise<void> {
  const options = tableOptionsOf(config);
  const clickhouse = await connectClickHouse(clickhouseUrl, COPY_MAX_MS);
  try {
    const tables = await tablesToConvert(clickhouse, options);
    if (tables.length === 0) return;
    const unchanged = `tables ${tables.join(', ')} keep the form of an earlier version`;
    if (options.cluster !== undefined) return tell(`${unchanged}: they are on a cluster (docs/operations.md)`);
    const leases = await NatsLeases.open(nats, config.LEASE_TTL_MS, config.STREAM_REPLICAS);
    if ((await leases.members()).length > 0)
      return tell(`${unchanged}: the service is running; to change that, stop every process and run density migrate`);
    await withAllLeases(nats, leases, config, async () => {
      // The new tables have no deduplication tokens. The rebuilt checkpoints are newer than every block, so no block
      // is sent again.
      const hold = <T>(_: Partition, act: () => Promise<T>): Promise<T> => act();
      await rebuildShards(config, nats, clickhouseUrl, allPartitions(config.PARTITIONS), { hold, printLine: tell });
      await convertTables(clickhouse, options, tell);
    });
  } finally {
    await clickhouse.close();
  }
}

async function convertLog(
  config: Config,
  nats: NatsHandles,
  clickhouse: ClickHouseClient,
  tell: PrintLine,
): Promise<void> {
  const { js, jsm } = nats;
  const { PARTITIONS: partitions } = config;
  await assertPartitions(jsm, partitions);
  await assertServiceStopped(config, nats);
  const { created } = await jsm.streams.info(SPACE_EVENTS);
  const log = new Version1Log(js, jsm, partitions);
  if (!(await log.isConverted())) {
    const topology = await followedTopology(nats);
    try {
      const checkpoints = new NatsCheckpoints(js, jsm);
      const deps = {
        partitions,
        epoch: 0,
        history: new ClickHouseHistory(clickhouse, created),
        records: new ClickHousePartitionRecords(clickhouse),
        topology: topology.service.history,
        events: new NatsSpaceEventsLog(js, jsm),
        checkpoints,
      };
      const last = await Promise.all(allPartitions(partitions).map((partition) => checkpoints.last(partition)));
      let stored = 0;
      for (const [k, tail] of (await log.tails(last.map(({ storedBeforeSeq }) => storedBeforeSeq))).entries())
        stored += await migratePartition({ ...deps, partition: k as Partition }, tail);
      tell(`converted the log of version 1: ${stored} events that only the log held are now in ClickHouse`);
    } finally {
      await topology.stop();
    }
    await log.convert();
  }
  await log.finish();
}
