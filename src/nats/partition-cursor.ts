// Reads one partition of a stream, from the process's shared consumer or, while it catches up, from its own consumer.
// `PartitionQueue` puts the entries of both in order; this class opens and closes the partition's own consumer, and
// applies backpressure to it when the reader is slow.
import type { Partition } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { LogCursor } from '../ports/log.ts';
import { Condition } from '../runtime/condition.ts';
import { atEndOfTurn } from '../runtime/end-of-turn.ts';
import type { LogConsumer, Receiver } from './log-consumer.ts';
import { PartitionQueue } from './partition-queue.ts';

/** The parts of the stream reader that a cursor uses. */
export interface CursorHost {
  readonly queueBytesMax: number;
  /**
   * A cursor that stays full for this long closes its source, because a consumer that was unread for longer requests
   * too much when it is read again.
   */
  readonly idleMaxMs: number;
  /** True while the shared consumer runs, so that its entries may be collected while the cursor catches up. */
  readonly isShared: boolean;
  /** Estimate of a partition's entries that the shared consumer has not delivered yet. */
  readonly sharedBehind: number;
  openOwn(partition: Partition, afterSeq: number, receiver: Receiver): LogConsumer;
  /** False if a waiting reader may be woken for this entry a little later, together with the entries that follow. */
  isUrgent(entry: StoredEntry, partition: Partition): boolean;
  /** Schedules a call of the cursor's `wakeReader`. */
  wakeLater(cursor: PartitionCursor): void;
  /** Called when a queue has room again, or when a reader finds nothing to read. */
  progressed(): void;
  /** Called when the cursor was closed or has failed. */
  onClosed(cursor: PartitionCursor): Promise<void>;
}

export class PartitionCursor implements LogCursor {
  readonly partition: Partition;
  readonly #host: CursorHost;
  readonly #queue: PartitionQueue;
  /** Wakes the reader: entries have arrived, or the cursor's state has changed. */
  readonly #arrived = new Condition();
  /** Wakes the own consumer: entries were taken, or the cursor's state has changed. */
  readonly #taken = new Condition();
  #own: LogConsumer | undefined;
  #isWaiting = false;
  #isWakingReader = false;
  #isWoken = false;
  #failure: Error | undefined;
  #isClosed = false;
  #leaving: Promise<void> | undefined;
  #progressAtMs = performance.now();

  constructor(host: CursorHost, partition: Partition, afterSeq: number) {
    this.#host = host;
    this.partition = partition;
    this.#queue = new PartitionQueue(afterSeq, host.queueBytesMax);
  }

  async next(entriesMax: number): Promise<StoredEntry[]> {
    while (this.#queue.length === 0 && !this.#isWoken && !this.#isClosed && !this.#failure) {
      this.#isWaiting = true;
      this.#host.progressed();
      await this.#arrived.wait();
    }
    this.#isWaiting = false;
    this.#isWoken = false;
    if (this.#isClosed) return [];
    if (this.#queue.length === 0 && this.#failure) throw this.#failure;
    const entries = this.#queue.take(entriesMax);
    if (entries.length > 0) this.#progressed();
    this.#catchUpWhenDrained();
    return entries;
  }

  /**
   * An estimate while the shared consumer is followed, because it is unknown how its pending entries are distributed
   * among the partitions.
   */
  get behind(): number {
    return this.#queue.length + this.#queue.missed + (this.#own?.pending ?? this.#host.sharedBehind);
  }

  wake(): void {
    this.#isWoken = true;
    this.#arrived.notify();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return (this.#leaving ??= this.#leave());
  }

  // The members below are for the stream's reader.

  get isSilent(): boolean {
    return this.#own?.isSilent ?? false;
  }

  get lastSeq(): number {
    return this.#queue.lastSeq;
  }

  get isFollowing(): boolean {
    return this.#queue.source === 'shared';
  }

  /** True while a reader waits for entries. */
  get isWaiting(): boolean {
    return this.#isWaiting && this.#queue.length === 0;
  }

  get isFull(): boolean {
    return this.#queue.isFull;
  }

  /** When entries were last taken, or the queue became full, by the monotonic clock. */
  get progressAtMs(): number {
    return this.#progressAtMs;
  }

  /** Follows the shared consumer, which must not be beyond `lastSeq`. */
  follow(): void {
    this.#queue.follow();
  }

  /** Opens the partition's own consumer after the last entry. Resolves once it is open. */
  async catchUp(): Promise<void> {
    this.#queue.catchUp(this.#host.isShared);
    const own: LogConsumer = this.#host.openOwn(this.partition, this.#queue.lastSeq, {
      deliver: (entry) =>
        this.#own === own && !this.isFull ? this.#takeOwn(entry) : this.#takeOwnWhenRoom(own, entry),
      failed: (error) => {
        if (this.#own === own) this.fail(error);
      },
    });
    this.#own = own;
    await own.opened;
  }

  /** Takes an entry from the shared consumer. */
  takeShared(entry: StoredEntry): void {
    const wasFull = this.isFull;
    this.#queue.fromShared(entry);
    if (this.#own && this.isFollowing) void this.#leaveOwn();
    this.#put(wasFull, entry);
  }

  /** Starts to collect entries of the shared consumer, which now exists. */
  collect(): void {
    if (this.#queue.source === 'own') this.#queue.collect(true);
  }

  /**
   * Stops following the shared consumer, which is too far ahead or has ended. Catches up once the queue has been read.
   */
  detach(): void {
    if (this.isFollowing) this.#queue.detach();
    else if (this.#queue.source === 'own') this.#queue.collect(false);
    this.#catchUpWhenDrained();
  }

  /** Makes `next` throw the error once the queue has been read. */
  fail(error: Error): void {
    this.#failure ??= error;
    void (this.#leaving ??= this.#leave());
  }

  async #leave(): Promise<void> {
    const closed = [this.#leaveOwn(), this.#host.onClosed(this)];
    this.#arrived.notify();
    await Promise.all(closed);
  }

  async #leaveOwn(): Promise<void> {
    const own = this.#own;
    this.#own = undefined;
    this.#taken.notify();
    await own?.close();
  }

  #catchUpWhenDrained(): void {
    if (this.#queue.source !== 'none' || this.#queue.length > 0 || this.#isClosed || this.#failure) return;
    this.catchUp().catch((error: unknown) => this.fail(error instanceof Error ? error : new Error(String(error))));
  }

  #takeOwn(entry: StoredEntry): boolean {
    const wasFull = this.isFull;
    this.#queue.fromOwn(entry);
    this.#put(wasFull, entry);
    if (!this.isFollowing) return true;
    void this.#leaveOwn();
    return false;
  }

  async #takeOwnWhenRoom(own: LogConsumer, entry: StoredEntry): Promise<boolean> {
    while (this.#own === own && this.isFull) {
      const waitMs = this.#progressAtMs + this.#host.idleMaxMs - performance.now();
      if (waitMs > 0) {
        await this.#taken.wait(waitMs);
      } else {
        this.#queue.detach();
        void this.#leaveOwn();
      }
    }
    return this.#own === own && this.#takeOwn(entry);
  }

  #put(wasFull: boolean, entry: StoredEntry): void {
    if (!wasFull && this.isFull) this.#progressAtMs = performance.now();
    if (!this.#isWaiting || this.#isWakingReader || this.#queue.length === 0) return;
    if (this.#host.isUrgent(entry, this.partition)) this.wakeReader();
    else this.#host.wakeLater(this);
  }

  /**
   * Wakes the reader at the end of the turn of the event loop, so that entries that arrive together are read
   * together.
   */
  wakeReader(): void {
    if (!this.#isWaiting || this.#isWakingReader) return;
    this.#isWakingReader = true;
    atEndOfTurn(() => {
      this.#isWakingReader = false;
      this.#arrived.notify();
    });
  }

  #progressed(): void {
    this.#progressAtMs = performance.now();
    this.#taken.notify();
    if (this.isFollowing) this.#host.progressed();
  }
}
