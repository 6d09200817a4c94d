// Composes the shards.
import type { ShardState } from '../../actors/shard/shard-machine.ts';
import type { LogEpoch } from '../domain/log-epoch.ts';
import type { Partition } from '../domain/ids.ts';
import { allPartitions } from '../domain/partition.ts';
import type { Metrics } from '../metrics.ts';
import { observedDeadLetters, observedHistory } from '../observability/observed-ports.ts';
import { PipelineTraces } from '../observability/traced-ports.ts';
import type { TimestampBound } from '../publishing/timestamp-bound.ts';
import type { StoredSequence } from '../retention/stored-sequence.ts';
import { MACHINE_TIMING, TURN_MS, yieldEvery } from '../runtime/timing.ts';
import { CommonStart } from '../shards/common-start.ts';
import type { LogDoubts } from '../shards/log-doubts.ts';
import { Shard, type ShardDeps } from '../shards/shard.ts';
import type { AwaitedTopology } from '../topology/awaited-topology.ts';
import type { TopologyService } from '../topology/topology-service.ts';
import { HOUR_MS } from '../domain/zone.ts';
import type { Logger } from 'pino';
import type { Adapters } from './adapters.ts';

const TRUNCATE_INTERVAL_MS = 60_000;
/** Each time an hour has changed, it is stored once more. What is newer is read from events. */
const HOURS_TIMES = { intervalMs: 6 * HOUR_MS, settledMs: 600_000 };
const REATTRIBUTION_PAGE_READINGS = 5_000;
/**
 * Takes some milliseconds, so no other shard waits for longer, and keeps a commit well below the size limit of a
 * message.
 */
const ITEMS_PER_COMMIT = 1_000;

export interface ShardsDeps {
  readonly partitions: number;
  readonly adapters: Adapters;
  readonly epoch: LogEpoch;
  readonly topology: TopologyService;
  readonly awaitedTopology: AwaitedTopology;
  readonly bound: TimestampBound;
  readonly stored: StoredSequence;
  readonly logs: LogDoubts;
  /** The id under which this process takes leases. */
  readonly holder: string;
  readonly onState: (partition: Partition, state: ShardState) => void;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export function createShards(deps: ShardsDeps): Shard[] {
  // Of all shards together: when the process stops, they write their snapshots at the same time.
  const snapshotTurn = yieldEvery(MACHINE_TIMING, TURN_MS);
  const traces = new PipelineTraces();
  const start = new CommonStart();
  return allPartitions(deps.partitions).map(
    (partition) => new Shard(shardDeps(partition, deps, traces, { start, yieldTurn: snapshotTurn })),
  );
}

function shardDeps(
  partition: Partition,
  deps: ShardsDeps,
  traces: PipelineTraces,
  together: Pick<ShardDeps['fold'], 'start' | 'yieldTurn'>,
): ShardDeps {
  const { partitions, adapters, epoch, topology, awaitedTopology, bound, stored, metrics, log } = deps;
  const common = {
    partition,
    partitions,
    epoch,
    events: traces.events(adapters.events),
    history: traces.history(observedHistory(adapters.history, metrics)),
  };
  return {
    router: {
      ...common,
      times: { latestOf: (entry) => bound.of(entry), earliestMs: bound.earliestMs },
      readings: traces.readings(adapters.readings),
      deadLetters: observedDeadLetters(adapters.deadLetters, metrics),
      topology: topology.history,
      topologyReached: (seq) => awaitedTopology.reached(partition, seq),
      topologyCaughtUp: () => topology.catchUp(),
      pageReadings: REATTRIBUTION_PAGE_READINGS,
      commitItems: ITEMS_PER_COMMIT,
      newCommitId: adapters.newId,
      storedBeforeSeq: () => stored.byFolds(),
    },
    fold: { ...common, checkpoints: adapters.checkpoints, ...together },
    storedBeforeCheckpoints: () => stored.byCheckpoints(),
    truncateIntervalMs: TRUNCATE_INTERVAL_MS,
    hours: HOURS_TIMES,
    leases: adapters.leases,
    holder: deps.holder,
    onState: deps.onState,
    logs: deps.logs,
    log,
    timing: MACHINE_TIMING,
  };
}
