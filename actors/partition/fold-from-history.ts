// Rebuilds a partition's state without a checkpoint: first the state of each space at the end of history, then the
// events that only the log holds. Counts are the same as before. A watermark may be earlier than before if it
// depended on old heartbeats or settings (W1 holds within the life of a state, which ends here): an answer may be
// less final than before, but never wrongly final.
import type { DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { SpaceConfig } from '../../src/domain/commit.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { Settings } from '../../src/domain/topology.ts';
import { SpaceState } from '../space/space-state.ts';
import type { LogTail } from './log-tail.ts';
import { PartitionFold } from './partition-fold.ts';

/** The newest event times of one DPU in one space, from history. */
export interface StoredNewest {
  readonly spaceId: SpaceId;
  readonly dpuId: DpuId;
  readonly newestMs: number;
  /** The newest retraction; 0 if there is none. */
  readonly newestRetractedMs: number;
}

export interface HistoryOfPartition {
  readonly epoch: number;
  readonly partition: Partition;
  readonly partitions: number;
  /** The settings that the partition's own router last sent to its spaces. */
  readonly settings: Settings;
  readonly configs: readonly SpaceConfig[];
  /** The last stored block, which has to be complete. */
  readonly block: number;
  /** Readings in the blocks up to `block`. */
  readonly readings: number;
  readonly newest: readonly StoredNewest[];
}

/** The spaces as of the end of history. Each has a correction due, which computes its occupancy. */
export function foldFromHistory({
  epoch,
  partition,
  partitions,
  settings,
  configs,
  block,
  readings,
  newest,
}: HistoryOfPartition): PartitionFold {
  const fold = new PartitionFold(partition, partitions, {
    epoch,
    settings,
    openNumber: block + 1,
    totals: { folded: readings, cut: readings },
  });
  const states = new Map<SpaceId, SpaceState>();
  const stateOf = (spaceId: SpaceId): SpaceState => {
    const state = states.get(spaceId) ?? new SpaceState(spaceId);
    states.set(spaceId, state);
    return state;
  };
  const context = { partition, partitions, settings, clocks: fold.clocks, openBlock: fold.openNumber };
  // A space without events emits nothing.
  for (const config of configs) stateOf(config.spaceId).configure(config, context, () => undefined);
  const ends = new Map<SpaceId, { newestMs: number; retractedMs: number }>();
  for (const { spaceId, dpuId, newestMs, newestRetractedMs } of newest) {
    stateOf(spaceId).recordAlive(dpuId, newestMs);
    const end = ends.get(spaceId) ?? { newestMs: BEGINNING_MS, retractedMs: BEGINNING_MS };
    ends.set(spaceId, {
      newestMs: Math.max(end.newestMs, newestMs),
      retractedMs: Math.max(end.retractedMs, newestRetractedMs),
    });
  }
  for (const [spaceId, state] of states) {
    const { newestMs, retractedMs } = ends.get(spaceId) ?? { newestMs: BEGINNING_MS, retractedMs: BEGINNING_MS };
    const isStored = ends.has(spaceId);
    // No retraction is as new as the newest row, so its reading still stands.
    const newestReading =
      !isStored || newestMs > retractedMs ? { ms: newestMs, block: null } : { ms: BEGINNING_MS, block };
    // Everything stored was final.
    state.resumeAt(newestMs, newestReading, isStored ? block : null);
    fold.addSpace(state);
  }
  return fold;
}

/** Applies the events that only the log holds, up to its end. Call it after the corrections. */
export function followTail(fold: PartitionFold, tail: LogTail, missing: readonly LoggedEvent[]): void {
  fold.resume(tail, { events: missing, heartbeats: tail.heartbeats, configs: [], settings: undefined });
}
