// `density migrate`: creates missing streams and tables, applies the current settings to the others, and takes over the log of
// version 1 of the service.
import type { ClickHouseClient } from '@clickhouse/client';
import { ClickHouseHistory } from '../clickhouse/history.ts';
import { ClickHousePartitionRecords } from '../clickhouse/partition-records.ts';
import { connectClickHouse } from '../clickhouse/connect.ts';
import { alterTables, createTables } from '../clickhouse/schema.ts';
import type { Config } from '../config.ts';
import type { Partition } from '../domain/ids.ts';
import { allPartitions } from '../domain/partition.ts';
import { NatsCheckpoints } from '../nats/checkpoints.ts';
import type { NatsHandles } from '../nats/connect.ts';
import { NatsSpaceEventsLog } from '../nats/space-events-log.ts';
import { assertPartitions, boundsFor, createStreams, SPACE_EVENTS } from '../nats/streams.ts';
import { Version1Log } from '../nats/version-1-log.ts';
import { migratePartition } from '../shards/migrate-partition.ts';
import { followedTopology, withEngines } from './data-commands.ts';
import { assertNobodyRuns } from './running-members.ts';
import { tableOptionsOf } from './table-options.ts';

type Say = (line: string) => void;

/** @returns the exit code */
export async function migrateCommand(
  config: Config,
  { json }: { json?: boolean },
  say: Say,
  warn: Say,
): Promise<number> {
  const tell = json ? warn : say;
  return withEngines(config, tell, async (nats, clickhouseUrl, natsStoreBytes) => {
    const clickhouse = await connectClickHouse(clickhouseUrl);
    try {
      await createTables(clickhouse, tableOptionsOf(config));
      await alterTables(clickhouse, tableOptionsOf(config));
      if (await Version1Log.isThere(nats.jsm)) await takeOverLog(config, nats, clickhouse, tell);
      await createStreams(
        nats.jsm,
        config.PARTITIONS,
        config.STREAM_REPLICAS,
        await boundsFor(nats.jsm, natsStoreBytes, config.DEAD_LETTERS_BYTES_MAX),
      );
    } finally {
      await clickhouse.close();
    }
    say(json ? JSON.stringify({ migrated: true }) : 'all streams and tables exist');
    return 0;
  });
}

async function takeOverLog(config: Config, nats: NatsHandles, clickhouse: ClickHouseClient, tell: Say): Promise<void> {
  const { js, jsm } = nats;
  const { PARTITIONS: partitions } = config;
  await assertPartitions(jsm, partitions);
  await assertNobodyRuns(config, nats);
  const { created } = await jsm.streams.info(SPACE_EVENTS);
  const log = new Version1Log(js, jsm, partitions);
  if (!(await log.isTakenOver())) {
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
      tell(`took over the log of version 1: ${stored} events that were only in it are now in ClickHouse`);
    } finally {
      await topology.stop();
    }
    await log.takeOver();
  }
  await log.finish();
}
