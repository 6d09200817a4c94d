// A partition's state computed again, without a checkpoint: where history leaves each space, then what
// only the log holds. Counts come out as they were. A watermark may be less than it was, where it rested on
// heartbeats or settings of long ago (W1 holds within the life of a state, which ends here): an answer may
// be less final than before, and never wrongly final.
import type { DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { SpaceConfig } from '../../src/domain/commit.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { Settings } from '../../src/domain/topology.ts';
import { SpaceState } from '../space/space-state.ts';
import type { LogTail } from './log-tail.ts';
import { PartitionFold } from './partition-fold.ts';

/** Of one DPU in one space, the event times that history holds. */
export interface StoredNewest {
  readonly spaceId: SpaceId;
  readonly dpuId: DpuId;
  readonly newestMs: number;
  /** Of assertions alone. */
  readonly newestReadingMs: number;
}

export interface HistoryOfPartition {
  readonly epoch: number;
  readonly partition: Partition;
  readonly partitions: number;
  /** What the partition's own router has told its spaces last. */
  readonly settings: Settings;
  readonly configs: readonly SpaceConfig[];
  /** The last block that is stored, whole. */
  readonly block: number;
  /** Readings in blocks up to that. */
  readonly readings: number;
  readonly newest: readonly StoredNewest[];
}

/** Where history leaves the spaces: each with a correction due, which reads its occupancy. */
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
  const fold = new PartitionFold(partition, partitions);
  fold.epoch = epoch;
  fold.settings = settings;
  fold.openNumber = block + 1;
  fold.totals = { folded: readings, cut: readings };
  const states = new Map<SpaceId, SpaceState>();
  const stateOf = (spaceId: SpaceId): SpaceState => {
    const state = states.get(spaceId) ?? new SpaceState(spaceId);
    states.set(spaceId, state);
    return state;
  };
  const nothing = (): void => undefined;
  const context = {
    partition,
    partitions,
    settings,
    clocks: fold.clocks,
    openBlock: fold.openNumber,
    emit: nothing,
    emitLate: nothing,
    requestCut: nothing,
  };
  for (const config of configs) stateOf(config.spaceId).configure(config, context);
  const ends = new Map<SpaceId, { newestMs: number; readingMs: number }>();
  for (const { spaceId, dpuId, newestMs, newestReadingMs } of newest) {
    stateOf(spaceId).heard(dpuId, newestMs);
    const end = ends.get(spaceId) ?? { newestMs: BEGINNING_MS, readingMs: BEGINNING_MS };
    ends.set(spaceId, {
      newestMs: Math.max(end.newestMs, newestMs),
      readingMs: Math.max(end.readingMs, newestReadingMs),
    });
  }
  for (const [spaceId, state] of states) {
    const end = ends.get(spaceId);
    // All that is stored was final.
    state.resumeAt(end?.newestMs ?? BEGINNING_MS, end?.readingMs ?? BEGINNING_MS, end ? block : null);
    fold.restore(state);
  }
  return fold;
}

/** Once the corrections are made: what only the log holds, up to where it ends. */
export function followTail(fold: PartitionFold, tail: LogTail, missing: readonly LoggedEvent[]): void {
  fold.resume(tail, { events: missing, heartbeats: tail.heartbeats, configs: [], settings: undefined });
}
