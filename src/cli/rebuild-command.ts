// `density rebuild`: computes the state of shards again, from ClickHouse, the log and the topology, where a
// checkpoint cannot be used. Refused while a process of the service lives.
import { ClickHouseHistory } from '../clickhouse/history.ts';
import { ClickHousePartitionRecords } from '../clickhouse/partition-records.ts';
import { connectClickHouse } from '../clickhouse/connect.ts';
import { ClickHouseRecoveryRecords } from '../clickhouse/recovery-records.ts';
import type { Config } from '../config.ts';
import { LogEpoch } from '../domain/log-epoch.ts';
import { describeLosses } from '../recovery/describe-losses.ts';
import { inspectLogs, type Discrepancy } from '../recovery/inspect-logs.ts';
import { repairLogs, type RepairDeps } from '../recovery/repair-logs.ts';
import { NatsReadingsLog } from '../nats/readings-log.ts';
import { NatsTopologyLog } from '../nats/topology-log.ts';
import { nuid } from 'nats';
import type { Partition } from '../domain/ids.ts';
import { allPartitions } from '../domain/partition.ts';
import { createLog } from '../log.ts';
import { NatsCheckpoints } from '../nats/checkpoints.ts';
import type { NatsHandles } from '../nats/connect.ts';
import { NatsLeases } from '../nats/leases.ts';
import { NatsSpaceEventsLog } from '../nats/space-events-log.ts';
import { SPACE_EVENTS } from '../nats/streams.ts';
import { MACHINE_TIMING } from '../runtime/timing.ts';
import { rebuildPartition, type RebuildDeps, type Rebuilt } from '../shards/rebuild-partition.ts';
import { ShardLease } from '../shards/shard-lease.ts';
import { followedTopology, withEngines } from './data-commands.ts';

export interface RebuildOptions {
  readonly shard?: number;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function rebuildCommand(
  config: Config,
  { shard, json }: RebuildOptions,
  say: (line: string) => void,
): Promise<number> {
  const { PARTITIONS: partitions } = config;
  if (shard !== undefined && shard >= partitions)
    throw new Error(`there is no shard ${shard}: they are 0 to ${partitions - 1} (PARTITIONS)`);
  const shards = shard === undefined ? allPartitions(partitions) : [shard as Partition];
  return withEngines(config, json ? () => undefined : say, async (nats, clickhouseUrl) => {
    const { created } = await nats.jsm.streams.info(SPACE_EVENTS).catch((error: unknown) => {
      throw new Error('the streams are not there: nothing was ever stored', { cause: error });
    });
    const leases = await assertNobodyRuns(config, nats);
    const clickhouse = await connectClickHouse(clickhouseUrl);
    const topology = await followedTopology(nats);
    try {
      const history = new ClickHouseHistory(clickhouse, created);
      const epoch = new LogEpoch();
      const deps = {
        partitions,
        history,
        records: new ClickHousePartitionRecords(clickhouse),
        topology: topology.service.history,
        events: new NatsSpaceEventsLog(nats.js, nats.jsm, epoch),
        checkpoints: new NatsCheckpoints(nats.js, nats.jsm),
      };
      const logs: RepairDeps = {
        ...deps,
        epoch,
        records: new ClickHouseRecoveryRecords(clickhouse, config.CLICKHOUSE_CLUSTER),
        readings: new NatsReadingsLog(nats.nc, nats.js, nats.jsm),
        partitionRecords: deps.records,
        topologyLog: new NatsTopologyLog(nats.js),
        topologyReached: (seq) => topology.service.reached(seq),
        catchUpTopology: () => topology.service.catchUp(),
        newCommitId: () => nuid.next(),
        nowMs: Date.now,
      };
      const found = await inspectLogs(logs);
      if (found.length > 0) return await repairAll(logs, found, json === true, say);
      const rebuilt: (Rebuilt & { readonly shard: Partition })[] = [];
      for (const partition of shards) {
        const found = await withLease(nats, leases, partition, config, () =>
          rebuildPartition({ ...deps, partition, epoch: epoch.current } satisfies RebuildDeps),
        );
        rebuilt.push({ shard: partition, ...found });
        if (!json)
          say(
            `shard ${partition}: ${found.spaces} spaces, from ${found.block} blocks in ClickHouse and ${found.unstoredEvents} events that only the log had`,
          );
      }
      if (json)
        say(
          JSON.stringify(
            rebuilt.map(({ shard: number, spaces, block, unstoredEvents, seq }) => ({
              shard: number,
              spaces,
              block,
              unstored_events: unstoredEvents,
              seq,
            })),
          ),
        );
      else say('rebuilt; the service can be started');
      return 0;
    } finally {
      await topology.stop();
      await clickhouse.close();
    }
  });
}

/** The state of one shard cannot be computed from a log that went back: all of them are, in a new epoch. */
async function repairAll(
  logs: RepairDeps,
  found: readonly Discrepancy[],
  isJson: boolean,
  say: (line: string) => void,
): Promise<number> {
  if (!isJson) for (const { log, detail } of found) say(`${log} has gone back: ${detail}`);
  const report = await repairLogs(logs);
  if (isJson) say(JSON.stringify({ repaired: report }));
  else
    say(
      `repaired: every shard is rebuilt, and the logs are in epoch ${report.epoch}; ${describeLosses(report)}; the service can be started`,
    );
  return 0;
}

/** @throws Error that names the processes of the service that live */
export async function assertNobodyRuns(config: Config, nats: NatsHandles): Promise<NatsLeases> {
  const leases = await NatsLeases.open(nats, config.LEASE_TTL_MS, config.STREAM_REPLICAS);
  const members = await leases.members();
  if (members.length === 0) return leases;
  throw new Error(
    `the service is running: ${members
      .map(({ name }) => name)
      .sort()
      .join(', ')}; stop every process first (one that was killed is forgotten after ${config.LEASE_TTL_MS} ms)`,
  );
}

/** A process that starts meanwhile does not take the shard. */
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
    throw new Error(`somebody runs shard ${partition}: stop every process first`);
  try {
    return await act();
  } finally {
    await lease.release();
  }
}
