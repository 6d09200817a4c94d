// `density rebuild`: recomputes the state of shards from ClickHouse, the logs and the topology, for shards whose checkpoint cannot be
// used. Refuses to run while the service is running.
import type { ClickHouseClient } from '@clickhouse/client';
import { nuid } from 'nats';
import { connectClickHouse } from '../clickhouse/connect.ts';
import { ClickHouseHistory } from '../clickhouse/history.ts';
import { ClickHousePartitionRecords } from '../clickhouse/partition-records.ts';
import { ClickHouseRecoveryRecords } from '../clickhouse/recovery-records.ts';
import type { Config } from '../config.ts';
import type { Partition } from '../domain/ids.ts';
import { LogEpoch } from '../domain/log-epoch.ts';
import { allPartitions } from '../domain/partition.ts';
import { createLog } from '../log.ts';
import { NatsCheckpoints } from '../nats/checkpoints.ts';
import type { NatsHandles } from '../nats/connect.ts';
import type { NatsLeases } from '../nats/leases.ts';
import { NatsReadingsLog } from '../nats/readings-log.ts';
import { NatsSpaceEventsLog } from '../nats/space-events-log.ts';
import { SPACE_EVENTS } from '../nats/streams.ts';
import { NatsTopologyLog } from '../nats/topology-log.ts';
import { describeLosses } from '../recovery/describe-losses.ts';
import { inspectLogs, type Discrepancy } from '../recovery/inspect-logs.ts';
import { repairLogs, type RepairDeps } from '../recovery/repair-logs.ts';
import { MACHINE_TIMING } from '../runtime/timing.ts';
import { rebuildPartition, type Rebuilt } from '../shards/rebuild-partition.ts';
import { ShardLease } from '../shards/shard-lease.ts';
import type { TopologyService } from '../topology/topology-service.ts';
import { followedTopology, withEngines } from './data-commands.ts';
import { assertNobodyRuns } from './running-members.ts';

export interface RebuildOptions {
  readonly shard?: number;
  readonly json?: boolean;
}

type Say = (line: string) => void;

/** Rebuilds the given shard, or all. If a log has gone back, repairs the logs and rebuilds all shards. @returns the exit code */
export async function rebuildCommand(
  config: Config,
  { shard, json = false }: RebuildOptions,
  say: Say,
): Promise<number> {
  const shards = shardsToRebuild(shard, config.PARTITIONS);
  return withEngines(config, json ? () => undefined : say, async (nats, clickhouseUrl) => {
    const { created: logId } = await nats.jsm.streams.info(SPACE_EVENTS).catch((error: unknown) => {
      throw new Error('the streams do not exist: nothing has ever been stored', { cause: error });
    });
    const leases = await assertNobodyRuns(config, nats);
    const clickhouse = await connectClickHouse(clickhouseUrl);
    const topology = await followedTopology(nats);
    try {
      const logs = repairDeps(config, nats, clickhouse, logId, topology.service);
      const found = await inspectLogs(logs);
      if (found.length > 0) await repairAll(logs, found, json, say);
      else await rebuildShards(shards, config, nats, leases, logs, json, say);
      return 0;
    } finally {
      await topology.stop();
      await clickhouse.close();
    }
  });
}

/** @throws Error for a shard that does not exist */
function shardsToRebuild(shard: number | undefined, partitions: number): Partition[] {
  if (shard === undefined) return allPartitions(partitions);
  if (shard >= partitions)
    throw new Error(`there is no shard ${shard}: shards are numbered 0 to ${partitions - 1} (PARTITIONS)`);
  return [shard as Partition];
}

function repairDeps(
  config: Config,
  nats: NatsHandles,
  clickhouse: ClickHouseClient,
  logId: string,
  topology: TopologyService,
): RepairDeps {
  const epoch = new LogEpoch();
  return {
    partitions: config.PARTITIONS,
    epoch,
    history: new ClickHouseHistory(clickhouse, logId),
    records: new ClickHouseRecoveryRecords(clickhouse, config.CLICKHOUSE_CLUSTER),
    partitionRecords: new ClickHousePartitionRecords(clickhouse),
    readings: new NatsReadingsLog(nats.nc, nats.js, nats.jsm),
    events: new NatsSpaceEventsLog(nats.js, nats.jsm, epoch),
    checkpoints: new NatsCheckpoints(nats.js, nats.jsm),
    topology: topology.history,
    topologyLog: new NatsTopologyLog(nats.js),
    topologyReached: (seq) => topology.reached(seq),
    catchUpTopology: () => topology.catchUp(),
    newCommitId: () => nuid.next(),
    nowMs: Date.now,
  };
}

async function rebuildShards(
  shards: readonly Partition[],
  config: Config,
  nats: NatsHandles,
  leases: NatsLeases,
  logs: RepairDeps,
  isJson: boolean,
  say: Say,
): Promise<void> {
  const all: (Rebuilt & { readonly shard: Partition })[] = [];
  for (const partition of shards) {
    const rebuilt = await withLease(nats, leases, partition, config, () =>
      rebuildPartition({ ...logs, partition, records: logs.partitionRecords, epoch: logs.epoch.current }),
    );
    all.push({ shard: partition, ...rebuilt });
    if (!isJson)
      say(
        `shard ${partition}: ${rebuilt.spaces} spaces, from ${rebuilt.block} blocks in ClickHouse and ${rebuilt.unstoredEvents} events that were only in the log`,
      );
  }
  if (!isJson) return say('rebuilt; the service can be started');
  say(
    JSON.stringify(
      all.map(({ shard, spaces, block, unstoredEvents, seq }) => ({
        shard,
        spaces,
        block,
        unstored_events: unstoredEvents,
        seq,
      })),
    ),
  );
}

/** A single shard cannot be rebuilt from a log that has gone back: all shards are, in a new epoch. */
async function repairAll(logs: RepairDeps, found: readonly Discrepancy[], isJson: boolean, say: Say): Promise<void> {
  if (!isJson) for (const { log, detail } of found) say(`${log} has gone back: ${detail}`);
  const report = await repairLogs(logs);
  if (isJson) say(JSON.stringify({ repaired: report }));
  else
    say(
      `repaired: every shard is rebuilt, and the logs are in epoch ${report.epoch}; ${describeLosses(report)}; the service can be started`,
    );
}

/** Holds the lease meanwhile, so that a process that starts now does not take the shard. */
async function withLease<T>(
  { nc }: NatsHandles,
  leases: NatsLeases,
  partition: Partition,
  config: Config,
  act: () => Promise<T>,
): Promise<T> {
  const lease = new ShardLease(
    leases,
    partition,
    `rebuild-${nc.info?.client_id ?? 0}`,
    MACHINE_TIMING,
    createLog(config.LOG_LEVEL),
  );
  if (!(await lease.take(() => undefined)))
    throw new Error(`another process runs shard ${partition}: stop every process first`);
  try {
    return await act();
  } finally {
    await lease.release();
  }
}
