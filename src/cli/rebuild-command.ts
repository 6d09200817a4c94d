// `density rebuild`: recomputes the state of shards with an unusable checkpoint from ClickHouse, the logs and the
// topology. Refuses to run while the service is running.
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
import { inspectLogs } from '../recovery/inspect-logs.ts';
import { repairLogs, type RepairDeps, type RepairReport } from '../recovery/repair-logs.ts';
import { UnreadableReadings } from '../recovery/unreadable-readings.ts';
import { MACHINE_TIMING } from '../runtime/timing.ts';
import { rebuildPartition, type RebuildDeps, type Rebuilt } from '../shards/rebuild-partition.ts';
import { ShardLease } from '../shards/shard-lease.ts';
import { followedTopology, withEngines } from './data-commands.ts';
import type { PrintLine } from './print-line.ts';
import { assertServiceStopped } from './running-members.ts';

export interface RebuildOptions {
  readonly shard?: number;
  readonly json?: boolean;
}

/** Rebuilds the given shard, or all. If a log has gone back, repairs the logs and rebuilds all shards. @returns the exit code */
export async function rebuildCommand(
  config: Config,
  { shard, json = false }: RebuildOptions,
  printLine: PrintLine,
): Promise<number> {
  const shards = shardsToRebuild(shard, config.PARTITIONS);
  return withEngines(config, json ? () => undefined : printLine, async (nats, clickhouseUrl) => {
    const leases = await assertServiceStopped(config, nats);
    const found = await rebuildShards(config, nats, clickhouseUrl, shards, {
      hold: (partition, act) => withLease(nats, leases, partition, config, act),
      printLine: json ? () => undefined : printLine,
    });
    if (json) printLine(JSON.stringify(isRepair(found) ? { repaired: found } : found.map(rebuiltJson)));
    else if (isRepair(found)) printLine(`${repairedLine(found)}; the service can be started`);
    else printLine('rebuilt; the service can be started');
    return 0;
  });
}

/** @throws Error for a shard that does not exist */
function shardsToRebuild(shard: number | undefined, partitions: number): Partition[] {
  if (shard === undefined) return allPartitions(partitions);
  if (shard >= partitions)
    throw new Error(`there is no shard ${shard}: shards are numbered 0 to ${partitions - 1} (PARTITIONS)`);
  return [shard as Partition];
}

interface RebuiltShard extends Rebuilt {
  readonly shard: Partition;
}

interface Rebuilding {
  /** Runs an action while no other process can own a shard. */
  readonly hold: <T>(partition: Partition, act: () => Promise<T>) => Promise<T>;
  readonly printLine: PrintLine;
}

/**
 * Call it while no process of the service runs. If a log has gone back, all shards are repaired, because a single
 * shard cannot be rebuilt from it.
 * @throws Error if nothing was ever stored
 */
export async function rebuildShards(
  config: Config,
  nats: NatsHandles,
  clickhouseUrl: string,
  shards: readonly Partition[],
  { hold, printLine }: Rebuilding,
): Promise<readonly RebuiltShard[] | RepairReport> {
  const { created } = await nats.jsm.streams.info(SPACE_EVENTS).catch((error: unknown) => {
    throw new Error('the streams do not exist: nothing has ever been stored', { cause: error });
  });
  const clickhouse = await connectClickHouse(clickhouseUrl);
  const topology = await followedTopology(nats);
  try {
    const epoch = new LogEpoch();
    const deps = {
      partitions: config.PARTITIONS,
      history: new ClickHouseHistory(clickhouse, created),
      records: new ClickHousePartitionRecords(clickhouse),
      topology: topology.service.history,
      events: new NatsSpaceEventsLog(nats.js, nats.jsm, epoch),
      checkpoints: new NatsCheckpoints(nats.js, nats.jsm),
    };
    const readings = new NatsReadingsLog(nats.nc, nats.js, nats.jsm);
    const records = new ClickHouseRecoveryRecords(clickhouse, config.CLICKHOUSE_CLUSTER);
    const logs: RepairDeps = {
      ...deps,
      epoch,
      records,
      readings,
      unreadable: new UnreadableReadings({ readings, records, storedSeq: async () => Infinity }),
      partitionRecords: deps.records,
      topologyLog: new NatsTopologyLog(nats.js),
      topologyReached: (seq) => topology.service.reached(seq),
      catchUpTopology: () => topology.service.catchUp(),
      newCommitId: () => nuid.next(),
      nowMs: Date.now,
    };
    const found = await inspectLogs(logs);
    for (const { log, detail } of found) printLine(`${log} has gone back: ${detail}`);
    if (found.length > 0) return await repairLogs(logs);
    const rebuilt: RebuiltShard[] = [];
    for (const partition of shards) {
      const one = await hold(partition, () =>
        rebuildPartition({ ...deps, partition, epoch: epoch.current } satisfies RebuildDeps),
      );
      rebuilt.push({ shard: partition, ...one });
      printLine(
        `shard ${partition}: ${one.spaces} spaces, from ${one.block} blocks in ClickHouse and ${one.unstoredEvents} events that were only in the log`,
      );
    }
    return rebuilt;
  } finally {
    await topology.stop();
    await clickhouse.close();
  }
}

function isRepair(found: readonly RebuiltShard[] | RepairReport): found is RepairReport {
  return 'epoch' in found;
}

function rebuiltJson({ shard, spaces, block, unstoredEvents, seq }: RebuiltShard): object {
  return { shard, spaces, block, unstored_events: unstoredEvents, seq };
}

function repairedLine(report: RepairReport): string {
  return `repaired: every shard is rebuilt, and the logs are in epoch ${report.epoch}; ${describeLosses(report)}`;
}

/** Holds every lease while the action runs, so that a process that starts meanwhile runs no shard. */
export async function withAllLeases<T>(
  nats: NatsHandles,
  leases: NatsLeases,
  config: Config,
  act: () => Promise<T>,
): Promise<T> {
  const held = (from: number): Promise<T> =>
    from === config.PARTITIONS ? act() : withLease(nats, leases, from as Partition, config, () => held(from + 1));
  return held(0);
}

/** Holds the lease while the action runs, so that a process that starts meanwhile does not run the shard. */
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
