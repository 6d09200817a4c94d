// The messages between a partition's feed, in the process that owns the partition, and the relays of processes with
// subscribers. The items of a feed are numbered without gaps, so that a loss is detected. `epoch` identifies one
// instance of a feed; later instances have higher ones.
import type { CorrectionCause } from '../../actors/partition/fold-observer.ts';
import type { SpaceId } from '../domain/ids.ts';
import type { TopologyFact } from '../domain/topology.ts';

/** How long an interest in a partition's changes lasts without renewal. */
export const INTEREST_MS = 150_000;

/** The live count of a space. */
export interface LiveCount {
  readonly kind: 'count';
  readonly spaceId: SpaceId;
  /** The sequence of SPACE_EVENTS up to which events are included. */
  readonly seq: number;
  readonly timestampMs: number;
  readonly count: number;
  readonly net: number;
  /** BEGINNING_MS if there is none, or while only history knows: then `isSettled` is false. */
  readonly lastReadingMs: number;
  readonly watermarkMs: number;
  /** False while a correction is due, when the count is an estimate, and while the newest reading is unknown. */
  readonly isSettled: boolean;
  /** True while readings may be missing that were acknowledged some seconds ago, or while the owner does not answer. */
  readonly isStale: boolean;
}

/** Final counts in `fromMs <= t < toMs` have changed. */
export interface Correction {
  readonly kind: 'correction';
  readonly spaceId: SpaceId;
  readonly seq: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly cause: CorrectionCause;
  /** The entry of TOPOLOGY that is the cause, if that is certain. */
  readonly change?: CorrectingChange;
}

export interface CorrectingChange {
  readonly seq: number;
  readonly kind: TopologyFact['kind'];
}

export type FeedItem = LiveCount | Correction;

/** A position in a partition's feed: everything up to item `n` of this epoch. */
export interface FeedPlace {
  readonly epoch: number;
  readonly n: number;
}

/** A position that no feed has. A client that resumes from it gets snapshots. */
export const NO_PLACE: FeedPlace = { epoch: 0, n: 0 };

/** Items `first`, `first + 1`, …; an empty batch means that a feed has started. */
export interface FeedBatch {
  readonly epoch: number;
  readonly first: number;
  readonly items: readonly FeedItem[];
}

export interface FeedQuestion {
  /** Every space of the partition, in addition to `spaceIds`. */
  readonly all: boolean;
  readonly spaceIds: readonly SpaceId[];
  /** Feeds of an older epoch must not answer: their owner has lost the partition. */
  readonly epochMin: number;
  /** Only renews the interest, and asks for the feed's position. */
  readonly isRenewal: boolean;
  /** Asks for the items after this position, if the feed still has them. */
  readonly after: FeedPlace | null;
}

/** A space's count, and the item since which every change of the count was published. */
export interface WatchedCount {
  readonly count: LiveCount;
  readonly since: number;
}

export interface FeedAnswer extends FeedPlace {
  readonly counts: readonly WatchedCount[];
  /** The last items up to `n`, without gaps: those after `after`, as far as the feed still has them. */
  readonly items: readonly FeedItem[];
}
