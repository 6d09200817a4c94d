// Reads one partition of a stream: what the process's shared consumer brings, or a consumer of its own while it catches up.
// `PartitionQueue` decides what follows what; this opens and closes the own consumer, and has it wait for a reader that is slow.
import type { Partition } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { LogCursor } from '../ports/log.ts';
import { Condition } from '../runtime/condition.ts';
import { atEndOfTurn } from '../runtime/end-of-turn.ts';
import type { LogConsumer, Receiver } from './log-consumer.ts';
import { PartitionQueue } from './partition-queue.ts';

/** What a cursor needs of its stream's reader. */
export interface CursorHome {
  readonly queueBytesMax: number;
  /** A full cursor that takes nothing for so long gives its source up: a consumer that is not read asks for too much when it is read again. */
  readonly idleMaxMs: number;
  /** Whether the shared consumer runs, so that entries may be collected ahead. */
  readonly isShared: boolean;
  /** Entries that the shared consumer has not brought yet, for one partition. */
  readonly sharedBehind: number;
  openOwn(partition: Partition, afterSeq: number, receiver: Receiver): LogConsumer;
  /** False when a reader that waits may hear of an entry a little later, with what comes until then. */
  isUrgent(entry: StoredEntry, partition: Partition): boolean;
  /** Has `wakeReader` called then. */
  wakeLater(cursor: PartitionCursor): void;
  /** A queue has room, or a partition has nothing to read. */
  progressed(): void;
  /** The cursor is closed or has failed. */
  left(cursor: PartitionCursor): Promise<void>;
}

export class PartitionCursor implements LogCursor {
  readonly partition: Partition;
  readonly #home: CursorHome;
  readonly #queue: PartitionQueue;
  /** For the reader: something has come, or happened. */
  readonly #arrived = new Condition();
  /** For the own consumer: something was taken, or happened. */
  readonly #taken = new Condition();
  #own: LogConsumer | undefined;
  #isWaiting = false;
  #isWakingReader = false;
  #isWoken = false;
  #failure: Error | undefined;
  #isClosed = false;
  #leaving: Promise<void> | undefined;
  #progressAtMs = performance.now();

  constructor(home: CursorHome, partition: Partition, afterSeq: number) {
    this.#home = home;
    this.partition = partition;
    this.#queue = new PartitionQueue(afterSeq, home.queueBytesMax);
  }

  /** One reader at a time. */
  async next(entriesMax: number): Promise<StoredEntry[]> {
    while (this.#queue.length === 0 && !this.#isWoken && !this.#isClosed && !this.#failure) {
      this.#isWaiting = true;
      this.#home.progressed();
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

  /** Where the shared consumer is read, its entries of other partitions are unknown: an even share of them all. */
  get behind(): number {
    return this.#queue.length + this.#queue.missed + (this.#own?.pending ?? this.#home.sharedBehind);
  }

  wake(): void {
    this.#isWoken = true;
    this.#arrived.notify();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return (this.#leaving ??= this.#leave());
  }

  // From here on for the stream's reader.

  get isSilent(): boolean {
    return this.#own?.isSilent ?? false;
  }

  get lastSeq(): number {
    return this.#queue.lastSeq;
  }

  get isFollowing(): boolean {
    return this.#queue.source === 'shared';
  }

  /** Somebody wants to read, and there is nothing. */
  get isWaiting(): boolean {
    return this.#isWaiting && this.#queue.length === 0;
  }

  get isFull(): boolean {
    return this.#queue.isFull;
  }

  /** When something was last taken, or the queue became full. */
  get progressAtMs(): number {
    return this.#progressAtMs;
  }

  follow(): void {
    this.#queue.follow();
  }

  /** Opens an own consumer after the last entry. Resolves when it is there. */
  async catchUp(): Promise<void> {
    this.#queue.catchUp(this.#home.isShared);
    const own: LogConsumer = this.#home.openOwn(this.partition, this.#queue.lastSeq, {
      deliver: (entry) =>
        this.#own === own && !this.isFull ? this.#takeOwn(entry) : this.#takeOwnWhenRoom(own, entry),
      failed: (error) => {
        if (this.#own === own) this.fail(error);
      },
    });
    this.#own = own;
    await own.opened;
  }

  takeShared(entry: StoredEntry): void {
    const wasFull = this.isFull;
    this.#queue.fromShared(entry);
    if (this.#own && this.isFollowing) void this.#leaveOwn();
    this.#put(wasFull, entry);
  }

  /** There is a shared consumer from now on. */
  collect(): void {
    if (this.#queue.source === 'own') this.#queue.collect(true);
  }

  /** The shared consumer is too far ahead, or is no more: catches up once what is queued has been read. */
  detach(): void {
    if (this.isFollowing) this.#queue.detach();
    else if (this.#queue.source === 'own') this.#queue.collect(false);
    this.#catchUpWhenDrained();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    void (this.#leaving ??= this.#leave());
  }

  async #leave(): Promise<void> {
    const left = [this.#leaveOwn(), this.#home.left(this)];
    this.#arrived.notify();
    await Promise.all(left);
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
      const waitMs = this.#progressAtMs + this.#home.idleMaxMs - performance.now();
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
    if (this.#home.isUrgent(entry, this.partition)) this.wakeReader();
    else this.#home.wakeLater(this);
  }

  /** At the end of this turn: what has arrived together is read together, and not the first entry alone. */
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
    if (this.isFollowing) this.#home.progressed();
  }
}
