// Publishes the changes of one partition, in the process that owns it, while an interest in it is renewed. Without an
// interest the fold has no observer, and the feed costs nothing.
//
// - The first change of a space is published at once; changes that follow within GROUPED_MS become one item. A space
//   whose count equals the last published one yields no item.
// - A space with a correction due, or whose newest reading has to be looked up, is held back until that is done, up
//   to a time limit.
// - While the fold is behind, listeners are repeatedly notified that their counts may be out of date, and questions
//   are not answered. Each listener resynchronises once the fold has caught up.
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
import { Interest } from './interest.ts';
import { ItemRing } from './item-ring.ts';

const GROUPED_MS = 20;
/** Of all feeds in this process. */
const SWEEPS = new SharedInterval(500);
/** Longer than it takes to cut and store a block, which a correction has to wait for. */
const HELD_BACK_MAX_MS = 10_000;
const HELD_BACK_POLL_MS = 250;
const ITEMS_MAX = 8_192;
/** Shorter than INTEREST_MS by more than the interval between two renewals. */
const ITEM_AGE_MAX_MS = 120_000;
/** Keeps a message well below NATS's limit of 1 MB. */
const ITEMS_PER_BATCH = 2_000;

interface PendingCorrection {
  readonly spaceId: SpaceId;
  readonly cause: CorrectionCause;
  readonly followed: FollowedEntries | undefined;
  firstMs: number;
  lastMs: number;
}

export interface PartitionFeedDeps {
  readonly fold: PartitionFold;
  readonly channel: ChangeChannel;
  /** The end of the log when the partition was taken over. Until the fold reaches it, its counts are out of date. */
  readonly readyAtSeq: number;
  readonly now: () => number;
  /** True while the fold's counts of some spaces (null: of all) may lack readings acknowledged some seconds ago. */
  readonly isBehind: (spaceIds: Iterable<SpaceId> | null) => boolean;
  readonly topology: TopologyHistory;
}

export class PartitionFeed implements FoldObserver {
  readonly #fold: PartitionFold;
  readonly #channel: ChangeChannel;
  readonly #topology: TopologyHistory;
  readonly #readyAtSeq: number;
  readonly #now: () => number;
  readonly #isBehindFor: PartitionFeedDeps['isBehind'];
  #isBehind = false;
  readonly #epoch: number;
  readonly #interest = new Interest(INTEREST_MS);
  readonly #ring = new ItemRing(ITEMS_MAX);
  readonly #dirty = new Set<SpaceId>();
  readonly #heldSinceMs = new Map<SpaceId, number>();
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

  constructor({ fold, channel, readyAtSeq, now, isBehind, topology }: PartitionFeedDeps) {
    this.#topology = topology;
    this.#fold = fold;
    this.#channel = channel;
    this.#readyAtSeq = readyAtSeq;
    this.#now = now;
    this.#isBehindFor = isBehind;
    this.#epoch = now();
    this.#stopServing = channel.serve(this.#partition, (question) => this.answer(question));
    // Makes relays that followed another owner resynchronise at once.
    channel.publish(this.#partition, { epoch: this.#epoch, first: 1, items: [] });
  }

  get #partition(): Partition {
    return this.#fold.partition;
  }

  close(): void {
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

  /**
   * @returns undefined if another feed has to answer, or if this one cannot answer yet
   */
  answer({ all, spaceIds, epochMin, isRenewal, after }: FeedQuestion): FeedAnswer | undefined {
    if (this.#epoch < epochMin || this.#fold.seq < this.#readyAtSeq || this.#isBehind) return undefined;
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
      const count = this.#countOf(spaceId, nowMs);
      if (!this.#published.has(spaceId)) this.#published.set(spaceId, count);
      return { count, since: this.#interest.sinceOf(spaceId) ?? this.#ring.last };
    });
    const items = after?.epoch === this.#epoch ? this.#ring.after(after.n) : undefined;
    return { epoch: this.#epoch, n: this.#ring.last, counts, items: items ?? [] };
  }

  #listen(): void {
    this.#fold.observe(this);
    this.#stopSweeping ??= SWEEPS.add(() => this.#sweep());
  }

  #rest(): void {
    this.#fold.unobserve(this);
    this.#stopSweeping?.();
    clearTimeout(this.#flushTimer);
    this.#isFlushDue = this.#isBehind = false;
    this.#stopSweeping = this.#flushTimer = undefined;
    this.#dirty.clear();
    this.#published.clear();
    this.#publishedAt.clear();
    this.#heldSinceMs.clear();
    this.#corrections.clear();
  }

  /** Detects what no entry of the log causes: expiry, resets, and a fold that is behind. */
  #sweep(): void {
    const nowMs = this.#now();
    this.#interest.expire(nowMs);
    this.#ring.dropBefore(nowMs - ITEM_AGE_MAX_MS);
    if (this.#interest.isEmpty) {
      this.#rest();
      return;
    }
    if (this.#nextResetMs <= nowMs) this.#touchReset(nowMs);
    this.#isBehind = this.#isBehindFor(this.#interest.isAll ? null : this.#interest.spaces());
    if (this.#isBehind)
      this.#channel.publish(this.#partition, {
        epoch: this.#epoch,
        first: this.#ring.last + 1,
        items: [],
        isStale: true,
      });
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
    for (const spaceId of [...this.#dirty]) {
      const dueAt = all ? at : this.#dueAt(spaceId);
      const laterAt = dueAt > at ? dueAt : this.#isHeldBack(spaceId, nowMs) ? at + HELD_BACK_POLL_MS : undefined;
      if (laterAt !== undefined) {
        nextAt = Math.min(nextAt, laterAt);
        continue;
      }
      this.#dirty.delete(spaceId);
      const count = this.#countOf(spaceId, nowMs);
      const published = this.#published.get(spaceId);
      if (published && isSameCount(published, count)) continue;
      this.#published.set(spaceId, count);
      this.#publishedAt.set(spaceId, at);
      items.push(count);
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

  /** True while the count may be wrong, or the newest reading is unknown, and history will soon provide it. */
  #isHeldBack(spaceId: SpaceId, nowMs: number): boolean {
    if (this.#countOf(spaceId, nowMs).isSettled) {
      this.#heldSinceMs.delete(spaceId);
      return false;
    }
    const sinceMs = this.#heldSinceMs.get(spaceId) ?? nowMs;
    this.#heldSinceMs.set(spaceId, sinceMs);
    return nowMs - sinceMs < HELD_BACK_MAX_MS;
  }

  #countOf(spaceId: SpaceId, ownMs: number): LiveCount {
    const { seq, logMs } = this.#fold;
    // This machine's clock may be behind the log's.
    const nowMs = Math.max(ownMs, logMs);
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

/** A change affects counts up to the next reset; counts after the watermark were never final. */
function endOfCorrection(state: SpaceState, lastMs: number, cause: CorrectionCause): number {
  // A reset applies to later events; an event at the same instant is before it.
  const resetMs = nextResetAfter(state.schedule, cause === 'reset' ? lastMs : lastMs - 1);
  return Math.max(lastMs + 1, Math.min(resetMs, state.watermarkMs + 1));
}

function isSameCount(a: LiveCount, b: LiveCount): boolean {
  return a.count === b.count && a.net === b.net && a.lastReadingMs === b.lastReadingMs && a.isSettled === b.isSettled;
}
