// `density rebuild`: computes the state of shards again, from ClickHouse, the log and the topology, where a
// checkpoint cannot be used. Refused while a process of the service lives.
import { ClickHouseHistory } from '../clickhouse/history.ts';
import { ClickHousePartitionRecords } from '../clickhouse/partition-records.ts';
import { connectClickHouse } from '../clickhouse/connect.ts';
import type { Config } from '../config.ts';
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
export async function rebuildCommand(config: Config, { shard, json }: RebuildOptions, say: (line: string) => void): Promise<number> {
  const { PARTITIONS: partitions } = config;
  if (shard !== undefined && shard >= partitions) throw new Error(`there is no shard ${shard}: they are 0 to ${partitions - 1} (PARTITIONS)`);
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
      const deps = {
        partitions, history, records: new ClickHousePartitionRecords(clickhouse), topology: topology.service.history,
        events: new NatsSpaceEventsLog(nats.js, nats.jsm), checkpoints: new NatsCheckpoints(nats.js, nats.jsm),
      };
      const rebuilt: (Rebuilt & { readonly shard: Partition })[] = [];
      for (const partition of shards) {
        const found = await withLease(nats, leases, partition, config, () => rebuildPartition({ ...deps, partition } satisfies RebuildDeps));
        rebuilt.push({ shard: partition, ...found });
        if (!json) say(`shard ${partition}: ${found.spaces} spaces, from ${found.block} blocks in ClickHouse and ${found.unstoredEvents} events that only the log had`);
      }
      if (json) say(JSON.stringify(rebuilt.map(({ shard: number, spaces, block, unstoredEvents, seq }) => ({ shard: number, spaces, block, unstored_events: unstoredEvents, seq }))));
      else say('rebuilt; the service can be started');
      return 0;
    } finally {
      await topology.stop();
      await clickhouse.close();
    }
  });
}

/** @throws Error that names the processes of the service that live */
export async function assertNobodyRuns(config: Config, nats: NatsHandles): Promise<NatsLeases> {
  const leases = await NatsLeases.open(nats, config.LEASE_TTL_MS, config.STREAM_REPLICAS);
  const members = await leases.members();
  if (members.length === 0) return leases;
  throw new Error(`the service is running: ${members.map(({ name }) => name).sort().join(', ')}; stop every process first (one that was killed is forgotten after ${config.LEASE_TTL_MS} ms)`);
}

/** A process that starts meanwhile does not take the shard. */
async function withLease<T>({ nc }: NatsHandles, leases: NatsLeases, partition: Partition, config: Config, act: () => Promise<T>): Promise<T> {
  const lease = new ShardLease(leases, partition, `rebuild-${nc.info?.client_id ?? 0}`, MACHINE_TIMING, createLog(config.LOG_LEVEL));
  if (!(await lease.take(() => undefined))) throw new Error(`somebody runs shard ${partition}: stop every process first`);
  try {
    return await act();
  } finally {
    await lease.release();
  }
}
