// Publishes the changes of one partition, in the process that owns it, while an interest in it is renewed. Without an
// interest the fold has no observer, and the feed costs nothing.
//
// - The first change of a space is published at once; changes that follow within GROUPED_MS become one item. A space
//   whose count equals the last published one yields no item.
// - A space with a correction due, or whose newest reading has to be looked up, is held back until that is done, up
//   to a time limit.
// - Each count says whether it is stale. A space that becomes stale, or fresh again, is an item like any change.
// - Changes caused by time alone (a reading from the near future, a daily reset) are also items.
import { countOf } from '../domain/segment.ts';
import { entryThatCorrected, type FollowedEntries } from '../domain/correction-cause.ts';
import { nextResetAfter } from '../domain/reset-schedule.ts';
import { NOWHERE, type Partition, type SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { CorrectionCause, FoldObserver } from '../../actors/partition/fold-observer.ts';
import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { SpaceState } from '../../actors/space/space-state.ts';
import type { ChangeChannel } from '../ports/change-channel.ts';
import {
  INTEREST_MS,
  type Correction,
  type FeedAnswer,
  type FeedItem,
  type FeedQuestion,
  type LiveCount,
  type WatchedCount,
} from './feed-message.ts';
import { atEndOfTurn } from '../runtime/end-of-turn.ts';
import { SharedInterval } from '../runtime/shared-interval.ts';
import { HeldBack } from './held-back.ts';
import { Interest } from './interest.ts';
import { ItemRing } from './item-ring.ts';

const GROUPED_MS = 20;
/** Of all feeds in this process. */
const SWEEPS = new SharedInterval(500);
/** Longer than it takes to cut and store a block, which a correction has to wait for. */
const HELD_BACK_MAX_MS = 10_000;
const ITEMS_MAX = 8_192;
/** Shorter than INTEREST_MS by more than the interval between two renewals. */
const ITEM_AGE_MAX_MS = 120_000;
/** Keeps a message well below NATS's limit of 1 MB. */
const ITEMS_PER_BATCH = 2_000;
/** When a router falls behind, all its spaces become stale at once. The limit lets other work run in between. */
const ITEMS_PER_FLUSH = 500;

interface PendingCorrection {
  readonly spaceId: SpaceId;
  readonly cause: CorrectionCause;
  readonly followed: FollowedEntries | undefined;
  firstMs: number;
  lastMs: number;
}

/** Which counts of the fold may lack readings that were acknowledged some seconds ago. */
export interface FeedFreshness {
  /** Looks for the first time, which may have to wait for a moment. */
  learn(): Promise<void>;
  /** @returns true if some spaces may have become stale, or fresh again */
  look(): boolean;
  isStale(spaceId: SpaceId): boolean;
  forget(): void;
}

export interface PartitionFeedDeps {
  readonly fold: PartitionFold;
  readonly channel: ChangeChannel;
  readonly now: () => number;
  readonly freshness: FeedFreshness;
  readonly topology: TopologyHistory;
}

export class PartitionFeed implements FoldObserver {
  readonly #fold: PartitionFold;
  readonly #channel: ChangeChannel;
  readonly #topology: TopologyHistory;
  readonly #now: () => number;
  readonly #freshness: FeedFreshness;
  readonly #epoch: number;
  readonly #interest = new Interest(INTEREST_MS);
  readonly #ring = new ItemRing(ITEMS_MAX);
  readonly #dirty = new Set<SpaceId>();
  readonly #heldBack = new HeldBack(HELD_BACK_MAX_MS);
  readonly #published = new Map<SpaceId, LiveCount>();
  /** When each space was last published, by performance.now. */
  readonly #publishedAt = new Map<SpaceId, number>();
  #corrections = new Map<string, PendingCorrection>();
  #flushTimer: NodeJS.Timeout | undefined;
  /** When the flush timer fires, by performance.now. */
  #flushTimerAt = Infinity;
  /** True once a flush is due at the end of this pass of the event loop. */
  #isFlushDue = false;
  #stopSweeping: (() => void) | undefined;
  /** No watched space has a reset earlier than this. */
  #nextResetMs = -Infinity;
  readonly #stopServing: () => void;
  #isClosed = false;

  constructor({ fold, channel, now, freshness, topology }: PartitionFeedDeps) {
    this.#topology = topology;
    this.#fold = fold;
    this.#channel = channel;
    this.#now = now;
    this.#freshness = freshness;
    this.#epoch = now();
    this.#stopServing = channel.serve(this.#partition, (question) => this.answer(question));
    // Makes relays that followed another owner resynchronise at once.
    channel.publish(this.#partition, { epoch: this.#epoch, first: 1, items: [] });
  }

  get #partition(): Partition {
    return this.#fold.partition;
  }

  close(): void {
    this.#isClosed = true;
    this.#stopServing();
    this.#rest();
  }

  watches(spaceId: SpaceId): boolean {
    return this.#interest.has(spaceId) && spaceId !== NOWHERE;
  }

  touched(spaceId: SpaceId): void {
    this.#dirty.add(spaceId);
    // Its schedule may have changed.
    this.#nextResetMs = Math.min(this.#nextResetMs, this.#fold.state(spaceId)?.nextResetMs ?? Infinity);
    const dueAt = this.#dueAt(spaceId);
    if (dueAt <= performance.now()) this.#flushAtOnce();
    else this.#flushBy(dueAt);
  }

  historyChanged(
    spaceId: SpaceId,
    firstMs: number,
    lastMs: number,
    cause: CorrectionCause,
    followed: FollowedEntries | undefined,
  ): void {
    const key = `${spaceId} ${cause} ${followed?.afterSeq} ${followed?.toSeq}`;
    const pending = this.#corrections.get(key);
    if (pending) {
      pending.firstMs = Math.min(pending.firstMs, firstMs);
      pending.lastMs = Math.max(pending.lastMs, lastMs);
    } else this.#corrections.set(key, { spaceId, cause, followed, firstMs, lastMs });
    this.#flushAtOnce();
  }

  /** @returns undefined if another feed has to answer */
  async answer(question: FeedQuestion): Promise<FeedAnswer | undefined> {
    const { epochMin, isRenewal } = question;
    if (this.#epoch < epochMin) return undefined;
    if (!isRenewal) await this.#freshness.learn();
    return this.#isClosed ? undefined : this.#answerNow(question);
  }

  #answerNow({ all, spaceIds, isRenewal, after }: FeedQuestion): FeedAnswer {
    const nowMs = this.#now();
    const wanted = new Set(spaceIds);
    const isLapsed = (all && !this.#interest.isAll) || spaceIds.some((spaceId) => !this.#interest.has(spaceId));
    // A lapsed interest has missed items. The answer is n = -1, which no item has, so that the relay resynchronises.
    if (isRenewal) {
      if (!isLapsed) this.#interest.renew(all, spaceIds, this.#ring.last, nowMs);
      return { epoch: this.#epoch, n: isLapsed ? -1 : this.#ring.last, counts: [], items: [] };
    }
    if (all) for (const spaceId of this.#fold.spaceIds()) if (spaceId !== NOWHERE) wanted.add(spaceId);
    const news = [...wanted].filter((spaceId) => !this.#interest.has(spaceId));
    this.#interest.renew(all, spaceIds, this.#ring.last, nowMs);
    if (news.length > 0) this.#nextResetMs = -Infinity;
    this.#listen();
    this.#flush(true);
    for (const spaceId of news) this.#published.delete(spaceId);
    const counts = [...wanted].map((spaceId): WatchedCount => {
      // Listeners will be told what has changed since it was published.
      const held = this.#heldBack.has(spaceId) ? this.#published.get(spaceId) : undefined;
      const count = held ?? this.#countOf(spaceId, nowMs);
      if (!this.#published.has(spaceId)) this.#published.set(spaceId, count);
      return { count, since: this.#interest.sinceOf(spaceId) ?? this.#ring.last };
    });
    const items = after?.epoch === this.#epoch ? this.#ring.newest(this.#ring.last - after.n) : [];
    return { epoch: this.#epoch, n: this.#ring.last, counts, items };
  }

  #listen(): void {
    this.#fold.observe(this);
    this.#stopSweeping ??= SWEEPS.add(() => this.#sweep());
  }

  #rest(): void {
    this.#fold.unobserve(this);
    this.#stopSweeping?.();
    clearTimeout(this.#flushTimer);
    this.#isFlushDue = false;
    this.#freshness.forget();
    this.#stopSweeping = this.#flushTimer = undefined;
    this.#dirty.clear();
    this.#heldBack.clear();
    this.#published.clear();
    this.#publishedAt.clear();
    this.#corrections.clear();
  }

  /** Detects what no entry of the log causes: expiry, resets, and counts that become stale or fresh. */
  #sweep(): void {
    const nowMs = this.#now();
    this.#interest.expire(nowMs);
    this.#ring.dropBefore(nowMs - ITEM_AGE_MAX_MS);
    if (this.#interest.isEmpty) {
      this.#rest();
      return;
    }
    if (this.#nextResetMs <= nowMs) this.#touchReset(nowMs);
    for (const spaceId of this.#heldBack.due(nowMs)) this.touched(spaceId);
    if (this.#freshness.look())
      for (const spaceId of this.#published.keys()) if (this.watches(spaceId)) this.touched(spaceId);
  }

  /** Touches the watched spaces whose reset has come. */
  #touchReset(nowMs: number): void {
    this.#nextResetMs = Infinity;
    for (const spaceId of this.#interest.isAll ? this.#fold.spaceIds() : this.#interest.spaces()) {
      const state = this.#fold.state(spaceId);
      if (!state || !this.watches(spaceId)) continue;
      if (state.nextResetMs <= nowMs) this.touched(spaceId);
      else this.#nextResetMs = Math.min(this.#nextResetMs, state.nextResetMs);
    }
  }

  /** The time from which a change of a space is no longer grouped with the previous one. */
  #dueAt(spaceId: SpaceId): number {
    return (this.#publishedAt.get(spaceId) ?? -Infinity) + GROUPED_MS;
  }

  /** Runs after all log entries that are applied in this pass of the event loop. */
  #flushAtOnce(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    atEndOfTurn(() => {
      if (this.#isFlushDue) this.#flush();
    });
  }

  #flushBy(at: number): void {
    if (this.#flushTimer && this.#flushTimerAt <= at) return;
    clearTimeout(this.#flushTimer);
    this.#flushTimerAt = at;
    this.#flushTimer = setTimeout(() => this.#flush(), Math.ceil(at - performance.now())).unref();
  }

  /**
   * @param all flush also changes that are still being grouped
   */
  #flush(all = false): void {
    clearTimeout(this.#flushTimer);
    this.#isFlushDue = false;
    this.#flushTimer = undefined;
    const [nowMs, at] = [this.#now(), performance.now()];
    const items: FeedItem[] = [...this.#corrections.values()].flatMap((pending) => this.#correctionOf(pending) ?? []);
    this.#corrections = new Map();
    let nextAt = Infinity;
    for (const spaceId of this.#dirty) {
      if (!all && items.length >= ITEMS_PER_FLUSH) {
        nextAt = at;
        break;
      }
      const dueAt = all ? at : this.#dueAt(spaceId);
      if (dueAt > at) {
        nextAt = Math.min(nextAt, dueAt);
        continue;
      }
      this.#dirty.delete(spaceId);
      const item = this.#newsOf(spaceId, nowMs);
      if (!item) continue;
      this.#published.set(spaceId, item);
      this.#publishedAt.set(spaceId, at);
      items.push(item);
    }
    this.#publish(items, nowMs);
    if (nextAt < Infinity && this.#stopSweeping) this.#flushBy(nextAt);
  }

  #publish(items: readonly FeedItem[], nowMs: number): void {
    for (let at = 0; at < items.length; at += ITEMS_PER_BATCH) {
      const batch = items.slice(at, at + ITEMS_PER_BATCH);
      const first = this.#ring.last + 1;
      for (const item of batch) this.#ring.push(item, nowMs);
      this.#channel.publish(this.#partition, { epoch: this.#epoch, first, items: batch });
    }
  }

  /** What listeners have to be told of a space; undefined if they know it, or will be told later. */
  #newsOf(spaceId: SpaceId, nowMs: number): LiveCount | undefined {
    const published = this.#published.get(spaceId);
    if (this.#isHeldBack(spaceId, nowMs)) {
      // Only the change is held back. Listeners are told that the published count has become stale.
      const becameStale = published?.isStale === false && this.#freshness.isStale(spaceId);
      return becameStale ? { ...published, isStale: true } : undefined;
    }
    const count = this.#countOf(spaceId, nowMs);
    return published && isSameCount(published, count) ? undefined : count;
  }

  /** True while the count may be wrong, or the newest reading is unknown, and history will soon provide it. */
  #isHeldBack(spaceId: SpaceId, nowMs: number): boolean {
    const state = this.#fold.state(spaceId);
    const atMs = this.#timeOf(nowMs);
    if (state && !isKnown(state, atMs)) return this.#heldBack.hold(spaceId, nowMs, state.lastBufferedMs > atMs);
    this.#heldBack.settled(spaceId);
    return false;
  }

  /** This machine's clock may be behind the log's. */
  #timeOf(ownMs: number): number {
    return Math.max(ownMs, this.#fold.logMs);
  }

  #countOf(spaceId: SpaceId, ownMs: number): LiveCount {
    const { seq } = this.#fold;
    const nowMs = this.#timeOf(ownMs);
    const state = this.#fold.state(spaceId);
    if (!state) {
      return {
        kind: 'count',
        spaceId,
        seq,
        timestampMs: nowMs,
        count: 0,
        net: 0,
        lastReadingMs: BEGINNING_MS,
        watermarkMs: BEGINNING_MS,
        isSettled: true,
        isStale: this.#freshness.isStale(spaceId),
      };
    }
    const watermarkMs = this.#fold.watermarkOf(spaceId);
    const timestampMs = Math.max(nowMs, watermarkMs);
    const [occupancy, lastReadingMs] = [state.occupancyAt(timestampMs), state.lastReadingAt(timestampMs)];
    return {
      kind: 'count',
      spaceId,
      seq,
      timestampMs,
      watermarkMs,
      count: countOf(occupancy),
      net: occupancy.net,
      lastReadingMs: lastReadingMs ?? BEGINNING_MS,
      isSettled: state.isSettled && lastReadingMs !== null,
      isStale: this.#freshness.isStale(spaceId),
    };
  }

  #correctionOf({ spaceId, cause, followed, firstMs, lastMs }: PendingCorrection): Correction | undefined {
    const state = this.#fold.state(spaceId);
    const entry =
      followed && cause !== 'late' ? entryThatCorrected(this.#topology, spaceId, cause, followed) : undefined;
    return (
      state && {
        kind: 'correction',
        spaceId,
        seq: this.#fold.seq,
        cause,
        fromMs: firstMs,
        toMs: endOfCorrection(state, lastMs, cause),
        ...(entry ? { change: { seq: entry.seq, kind: entry.fact.kind } } : {}),
      }
    );
  }
}

/** True if no answer of history can change the count at an instant, or its newest reading. */
function isKnown(state: SpaceState, atMs: number): boolean {
  return state.isSettled && state.lastReadingAt(atMs) !== null;
}

/** A change affects counts up to the next reset; counts after the watermark were never final. */
function endOfCorrection(state: SpaceState, lastMs: number, cause: CorrectionCause): number {
  // A reset applies to later events; an event at the same instant is before it.
  const resetMs = nextResetAfter(state.schedule, cause === 'reset' ? lastMs : lastMs - 1);
  return Math.max(lastMs + 1, Math.min(resetMs, state.watermarkMs + 1));
}

function isSameCount(a: LiveCount, b: LiveCount): boolean {
  return (
    a.count === b.count &&
    a.net === b.net &&
    a.lastReadingMs === b.lastReadingMs &&
    a.isSettled === b.isSettled &&
    a.isStale === b.isStale
  );
}
