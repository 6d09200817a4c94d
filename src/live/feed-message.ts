// What travels between a partition's feed, in the process that owns it, and the relays of processes
// with subscribers. Items of a feed are numbered without a gap, so that a loss shows; `epoch` names one
// life of a feed, and a later life has a higher one.
import type { CorrectionCause } from '../../actors/partition/fold-observer.ts';
import type { SpaceId } from '../domain/ids.ts';

/** How long an interest in a partition's changes lasts that is not renewed. */
export const INTEREST_MS = 150_000;

/** Where a space stands. */
export interface LiveCount {
  readonly kind: 'count';
  readonly spaceId: SpaceId;
  /** Sequence of the SPACE_EVENTS log that is counted in. */
  readonly seq: number;
  readonly timestampMs: number;
  readonly count: number;
  readonly net: number;
  /** BEGINNING_MS when there was none. */
  readonly lastReadingMs: number;
  readonly watermarkMs: number;
  /** False while history is asked for the floor: the count is then an estimate. */
  readonly isSettled: boolean;
}

/** What had been final about `fromMs <= t < toMs` is not what it was. */
export interface Correction {
  readonly kind: 'correction';
  readonly spaceId: SpaceId;
  readonly seq: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly cause: CorrectionCause;
}

export type FeedItem = LiveCount | Correction;

/** A place in a partition's feed: everything up to item `n` of this epoch. */
export interface FeedPlace {
  readonly epoch: number;
  readonly n: number;
}

/** Items `first`, `first + 1`, …; an empty one says that a feed has begun, or is stale. */
export interface FeedBatch {
  readonly epoch: number;
  readonly first: number;
  readonly items: readonly FeedItem[];
  /** The fold is behind: what was told may be old. The feed answers again once it has caught up. */
  readonly isStale?: true;
}

export interface FeedQuestion {
  /** Every space of the partition, beside `spaceIds`. */
  readonly all: boolean;
  readonly spaceIds: readonly SpaceId[];
  /** Feeds of an older epoch, of an owner that has lost the partition, are not to answer. */
  readonly epochMin: number;
  /** Only keeps the interest alive, and asks how far the feed is. */
  readonly isRenewal: boolean;
  /** Asks for the items after this place, if the feed still has them. */
  readonly after: FeedPlace | null;
}

/** A space's state, and since which item of the feed every change of it was told. */
export interface WatchedCount {
  readonly count: LiveCount;
  readonly since: number;
}

export interface FeedAnswer extends FeedPlace {
  readonly counts: readonly WatchedCount[];
  /** The last items up to `n`, without a gap; from `after` on if the feed reaches back so far. */
  readonly items: readonly FeedItem[];
}
