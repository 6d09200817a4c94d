// Follows the feed of one partition for the subscribers in this process, wherever the owner runs. A listener gets
// every item. If items are lost and the feed no longer has them, the listener has to start over (`renewed`). If the
// partition has no owner, the listener is notified (`stale`), and all counts are stale until there is one.
//
// Invariants: the counts are those that the feed published up to item `ring.last`; items are passed on in order, each
// once.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Partition, SpaceId } from '../domain/ids.ts';
import type { ChangeChannel } from '../ports/change-channel.ts';
import {
  NO_PLACE,
  type FeedAnswer,
  type FeedBatch,
  type FeedItem,
  type FeedPlace,
  type LiveCount,
} from './feed-message.ts';
import { ItemRing } from './item-ring.ts';

const RENEW_INTERVAL_MS = 5_000;
const RETRY_INTERVAL_MS = 250;
const FAILURES_UNTIL_STALE = 2;
const ITEMS_MAX = 8_192;
const HELD_BATCHES_MAX = 4_096;

export interface RelayListener {
  item(partition: Partition, item: FeedItem): void;
  /** Items were lost: the listener has to replace the counts of the partition's spaces by the current ones. */
  renewed(partition: Partition): void;
  /** The partition has no owner at the moment. */
  stale(partition: Partition): void;
}

interface Watched {
  count: LiveCount;
  since: number;
}

export class PartitionRelay {
  readonly partition: Partition;
  readonly #channel: ChangeChannel;
  readonly #listener: RelayListener;
  readonly #watched = new Map<SpaceId, Watched>();
  readonly #ring = new ItemRing(ITEMS_MAX);
  readonly #wanted = new Set<SpaceId>();
  readonly #abort = new AbortController();
  readonly #unsubscribe: () => void;
  #watchesAll = false;
  /** Undefined until the first answer. */
  #epoch: number | undefined;
  #epochMin = 0;
  /** Batches that arrived while an answer was pending. */
  #held: FeedBatch[] | undefined;
  #asking: Promise<void> = Promise.resolve();
  /** The next question. It waits for the current answer, and serves everyone who asks meanwhile. */
  #next: { after: FeedPlace | undefined; readonly answered: Promise<void> } | undefined;
  #isResyncing = false;
  #hasGap = false;
  #isStale = false;

  constructor(partition: Partition, channel: ChangeChannel, listener: RelayListener) {
    this.partition = partition;
    this.#channel = channel;
    this.#listener = listener;
    this.#unsubscribe = channel.subscribe(partition, (batch) => this.#receive(batch));
    void this.#renew();
  }

  /**
   * The position of a listener. While the partition has no owner, the events that say so are not items of the feed, so a
   * client that resumes after them has to get snapshots.
   */
  get place(): FeedPlace {
    return this.#isStale ? NO_PLACE : this.#feedPlace;
  }

  get isStale(): boolean {
    return this.#isStale;
  }

  get spaceIds(): Iterable<SpaceId> {
    return this.#watched.keys();
  }

  close(): void {
    this.#abort.abort();
    this.#unsubscribe();
  }

  /**
   * Follows these spaces (null: all) from now on, and fetches the items after a position if the feed still has them.
   * @throws Failure unavailable while the partition has no owner
   */
  async watch(spaceIds: readonly SpaceId[] | null, after: FeedPlace | undefined): Promise<void> {
    const isKnown =
      (spaceIds === null ? this.#watchesAll : spaceIds.every((id) => this.#watched.has(id))) &&
      this.#epoch !== undefined &&
      !this.#isStale;
    const hasItems = after === undefined || after.epoch !== this.#epoch || this.#ring.after(after.n) !== undefined;
    if (spaceIds === null) this.#watchesAll = true;
    for (const id of spaceIds ?? []) this.#wanted.add(id);
    if (!isKnown || !hasItems) await this.#ask(after);
  }

  count(spaceId: SpaceId): LiveCount | undefined {
    return this.#watched.get(spaceId)?.count;
  }

  /** The items after a position; undefined if some of them are unknown. */
  itemsAfter(place: FeedPlace): FeedItem[] | undefined {
    return place.epoch === this.#epoch ? this.#ring.after(place.n) : undefined;
  }

  /** True if every change of the space after item `n` was received. */
  isGapless(spaceId: SpaceId, n: number): boolean {
    return (this.#watched.get(spaceId)?.since ?? Infinity) <= n;
  }

  get #feedPlace(): FeedPlace {
    return this.#epoch === undefined ? NO_PLACE : { epoch: this.#epoch, n: this.#ring.last };
  }

  /**
   * One question at a time: an answer is processed before the next question is sent. Whatever is asked meanwhile is one
   * question, so that nobody waits for more than two answers.
   */
  async #ask(after: FeedPlace | undefined): Promise<void> {
    if (this.#next) {
      this.#next.after = earlierOf(this.#next.after, after);
      return this.#next.answered;
    }
    const answered = this.#asking.then(() => this.#askNow());
    this.#next = { after, answered };
    this.#asking = answered.catch(() => undefined);
    return answered;
  }

  async #askNow(): Promise<void> {
    // The feed may publish items before it answers, and they may still be on their way, or lost.
    const here = this.#epoch === undefined || this.#isStale ? undefined : this.#feedPlace;
    const after = earlierOf(this.#next?.after, here);
    this.#next = undefined;
    this.#held ??= [];
    try {
      this.#take(
        await this.#channel.ask(this.partition, {
          all: this.#watchesAll,
          spaceIds: [...this.#wanted],
          epochMin: this.#epochMin,
          isRenewal: false,
          after: after ?? null,
        }),
      );
    } finally {
      const held = this.#held;
      this.#held = undefined;
      for (const batch of held) this.#receive(batch);
    }
  }

  #take({ epoch, n, counts, items }: FeedAnswer): void {
    if (this.#abort.signal.aborted) return;
    const isContinued =
      epoch === this.#epoch &&
      !this.#isStale &&
      counts.every(({ count, since }) => !this.#watched.has(count.spaceId) || since <= this.#ring.last);
    const missed = isContinued && n > this.#ring.last ? items.slice(-(n - this.#ring.last)) : [];
    if (!isContinued || missed.length < n - this.#ring.last) {
      this.#restart(epoch, n, items);
      for (const { count, since } of counts) this.#watched.set(count.spaceId, { count, since });
      this.#listener.renewed(this.partition);
      return;
    }
    for (const item of missed) this.#pass(item);
    // Items that were already received may be newer than the answer.
    const newer = this.#ring.after(n) ?? [];
    for (const { count, since } of counts) {
      if (!this.#watched.has(count.spaceId)) this.#watched.set(count.spaceId, { count: latestOf(count, newer), since });
    }
    const followed = this.#ring.last - n;
    if (items.length > this.#ring.length - followed)
      this.#ring.reset(this.#ring.last, [...items, ...newer], performance.now());
  }

  #restart(epoch: number, n: number, items: readonly FeedItem[]): void {
    this.#epoch = epoch;
    this.#epochMin = Math.max(this.#epochMin, epoch);
    this.#isStale = false;
    this.#watched.clear();
    this.#ring.reset(n, items, performance.now());
  }

  #receive(batch: FeedBatch): void {
    if (this.#abort.signal.aborted) return;
    if (this.#held) {
      // Beyond the limit batches are dropped; the gap is detected later, and the feed is asked again.
      if (this.#held.length < HELD_BATCHES_MAX) this.#held.push(batch);
      return;
    }
    if (batch.epoch > this.#epochMin) this.#epochMin = batch.epoch;
    if (this.#epoch === undefined || batch.epoch < this.#epoch) return;
    const known = this.#ring.last + 1 - batch.first;
    if (batch.epoch > this.#epoch || known < 0) {
      this.#resync();
      return;
    }
    for (const item of batch.items.slice(known)) this.#pass(item);
  }

  #pass(item: FeedItem): void {
    this.#ring.push(item, performance.now());
    if (item.kind === 'count') {
      const watched = this.#watched.get(item.spaceId);
      if (watched) watched.count = item;
      // A space that was created after all spaces were requested.
      else if (this.#watchesAll) this.#watched.set(item.spaceId, { count: item, since: this.#ring.last });
    }
    this.#listener.item(this.partition, item);
  }

  /** Asks until a feed answers, and again if items were lost meanwhile. @param failures how many questions have failed already */
  #resync(failures = 0): void {
    this.#hasGap = true;
    if (this.#isResyncing) return;
    this.#isResyncing = true;
    void this.#askUntilAnswered(failures).finally(() => (this.#isResyncing = false));
  }

  async #askUntilAnswered(failures: number): Promise<void> {
    const { signal } = this.#abort;
    while (this.#hasGap && !signal.aborted) {
      this.#hasGap = false;
      try {
        await this.#ask(this.#feedPlace);
        failures = 0;
      } catch {
        this.#hasGap = true;
        failures += 1;
        if (failures === FAILURES_UNTIL_STALE) this.#becomeStale();
        await sleep(RETRY_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #becomeStale(): void {
    if (this.#isStale || this.#epoch === undefined || this.#abort.signal.aborted) return;
    this.#isStale = true;
    for (const watched of this.#watched.values()) watched.count = { ...watched.count, isStale: true };
    this.#listener.stale(this.partition);
  }

  async #renew(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await sleep(RENEW_INTERVAL_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted || this.#isResyncing || this.#epoch === undefined) continue;
      try {
        const answer = await this.#channel.ask(this.partition, {
          all: this.#watchesAll,
          spaceIds: [...this.#wanted],
          epochMin: this.#epochMin,
          isRenewal: true,
          after: null,
        });
        if (answer.epoch !== this.#epoch || answer.n < 0 || answer.n > this.#ring.last) this.#resync();
      } catch {
        this.#resync(1);
      }
    }
  }
}

function latestOf(count: LiveCount, newer: readonly FeedItem[]): LiveCount {
  return newer.reduce<LiveCount>(
    (latest, item) => (item.kind === 'count' && item.spaceId === count.spaceId ? item : latest),
    count,
  );
}

/** The place from which the items after both are known; a place of an earlier epoch is of no use. */
function earlierOf(a: FeedPlace | undefined, b: FeedPlace | undefined): FeedPlace | undefined {
  if (!a || !b) return a ?? b;
  if (a.epoch !== b.epoch) return a.epoch > b.epoch ? a : b;
  return a.n < b.n ? a : b;
}
