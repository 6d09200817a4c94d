// The state of a shard of this process at one moment, for metrics.
import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { Partition } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { RouterCounters } from '../domain/commit.ts';
import { MACHINE_TIMING, TURN_MS, yieldEvery } from '../runtime/timing.ts';
import type { Router } from '../router/router.ts';
import type { Shard } from './shard.ts';

const DELAY_PRECISION_MS = 1_000;
/** How many spaces are looked at before the clock is read again. */
const SPACES_AT_A_TIME = 64;

export interface RouterObservation {
  /** Everything that arrived up to this instant is routed. */
  readonly clockMs: number;
  /** Known number of entries of READINGS waiting to be routed. */
  readonly behind: number;
  readonly remembered: number;
  readonly counters: RouterCounters;
}

export interface FoldObservation {
  /** When the last applied commit was stored; undefined if there is none. */
  readonly logMs: number | undefined;
  /** Known number of entries of SPACE_EVENTS waiting to be applied. */
  readonly behind: number;
  readonly spaces: number;
  readonly blocksQueued: number;
  /** Final rows that are not stored yet. */
  readonly unstoredRows: number;
  /** When the open block got its first row, by the log's clock; undefined when it is empty. */
  readonly openedMs: number | undefined;
  readonly watermarkDelayMs: number;
  readonly provisionalEvents: number;
  readonly corrections: number;
  readonly lateEvents: number;
}

export interface ShardObservation {
  readonly partition: Partition;
  /** Undefined until the router has committed. */
  readonly router: RouterObservation | undefined;
  /** Undefined until it is restored. */
  readonly fold: FoldObservation | undefined;
  /** True while its checkpoint is unusable, so that the shard is unavailable until an operator rebuilds it. */
  readonly isRefused: boolean;
}

/** Lets other work run meanwhile, because looking at all spaces of a large building takes half a second. */
export async function observeShards(shards: readonly Shard[]): Promise<ShardObservation[]> {
  const yieldTurn = yieldEvery(MACHINE_TIMING, TURN_MS);
  const observations: ShardObservation[] = [];
  for (const shard of shards) observations.push(await observeShard(shard, yieldTurn));
  return observations;
}

async function observeShard(shard: Shard, yieldTurn: () => Promise<void>): Promise<ShardObservation> {
  const { fold } = shard;
  const watermarkDelayMs = shard.isServing && fold ? await watermarkDelayOf(fold, yieldTurn) : 0;
  // The shard may have changed meanwhile.
  return {
    partition: shard.partition,
    isRefused: shard.refusal !== undefined,
    router: shard.router && observeRouter(shard.router),
    fold: shard.isServing && shard.fold ? observeFold(shard.fold, shard.behind, watermarkDelayMs) : undefined,
  };
}

function observeRouter(router: Router): RouterObservation | undefined {
  const { clockMs, counters } = router.committed;
  return clockMs === BEGINNING_MS
    ? undefined
    : { clockMs, counters, behind: router.behind, remembered: router.remembered };
}

/**
 * How far the watermark of the space that waits the longest is behind the log, to within a second. No space waits for
 * longer than the idle timeout allows, and in a large building one of the first waits for that long.
 */
export async function watermarkDelayOf(
  fold: Pick<PartitionFold, 'settings' | 'logMs' | 'clocks' | 'buffering' | 'watermarkOf'>,
  yieldTurn: () => Promise<void>,
): Promise<number> {
  const { idleTimeoutMs, outOfOrdernessMs } = fold.settings;
  const enoughMs = fold.logMs - Math.min(...fold.clocks) + idleTimeoutMs + outOfOrdernessMs - DELAY_PRECISION_MS;
  let delayMs = 0;
  let asked = 0;
  for (const spaceId of [...fold.buffering]) {
    asked += 1;
    if (asked % SPACES_AT_A_TIME === 0) await yieldTurn();
    if (!fold.buffering.has(spaceId)) continue;
    const watermarkMs = fold.watermarkOf(spaceId);
    if (watermarkMs !== BEGINNING_MS) delayMs = Math.max(delayMs, fold.logMs - watermarkMs);
    if (delayMs >= enoughMs) break;
  }
  return delayMs;
}

function observeFold(fold: PartitionFold, behind: number, watermarkDelayMs: number): FoldObservation {
  return {
    behind,
    lateEvents: fold.lateEvents,
    provisionalEvents: fold.buffered,
    watermarkDelayMs,
    logMs: fold.logMs === BEGINNING_MS ? undefined : fold.logMs,
    spaces: fold.spaces,
    blocksQueued: fold.unstored.length,
    unstoredRows: fold.unstored.reduce((sum, { rows }) => sum + rows.length, fold.openRows.length),
    openedMs: fold.openedMs ?? undefined,
    corrections: fold.correcting.size,
  };
}
