// One consumer of a whole stream that serves all partitions which a process reads. It waits for a cursor whose queue
// is full, but only briefly, because a partition that waits for ClickHouse must not delay the others.
import type { JetStreamClient } from '@nats-io/jetstream';
import type { Partition } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import { Condition } from '../runtime/condition.ts';
import { type ConsumerPlace, LogConsumer } from './log-consumer.ts';
import type { OpenCursors } from './open-cursors.ts';
import type { PartitionCursor } from './partition-cursor.ts';

/** A cursor that stays full for this long is detached if another following cursor has nothing to read. */
const DETACH_AFTER_MS = 250;

export interface SharedPlace extends ConsumerPlace {
  readonly partitionOf: (subject: string) => Partition | 'all';
  /** A cursor that stays full for this long is detached in any case. */
  readonly idleMaxMs: number;
  /**
   * A cursor that has been full for this long in total is detached while others that were opened with it are ahead, because their
   * next entries have to wait for it.
   */
  readonly heldUpMaxMs: number;
}

export class SharedConsumer {
  readonly #cursors: OpenCursors;
  readonly #place: SharedPlace;
  readonly #consumer: LogConsumer;
  readonly #progress = new Condition();
  /** For how long each cursor has held up others that are ahead of it. */
  readonly #heldUp = new WeakMap<PartitionCursor, number>();
  #position: number;
  #isClosed = false;

  /** @param failed called when the consumer fails, but not after `close` */
  constructor(js: JetStreamClient, place: SharedPlace, cursors: OpenCursors, failed: (error: Error) => void) {
    this.#cursors = cursors;
    this.#place = place;
    this.#position = place.afterSeq;
    this.#consumer = new LogConsumer(js, place, { deliver: (entry) => this.#deliver(entry), failed });
  }

  get opened(): Promise<void> {
    return this.#consumer.opened;
  }

  /** Sequence of the last entry given to the cursors. A cursor that has read up to it may follow. */
  get position(): number {
    return this.#position;
  }

  get isSilent(): boolean {
    return this.#consumer.isSilent;
  }

  get pending(): number {
    return this.#consumer.pending;
  }

  /** Call it when a queue has room, a cursor has nothing to read, or a cursor was closed. */
  progressed(): void {
    this.#progress.notify();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#progress.notify();
    await this.#consumer.close();
  }

  #deliver(entry: StoredEntry): boolean | Promise<boolean> {
    const cursors = this.#cursorsFor(entry);
    for (const cursor of cursors) if (isFull(cursor)) return this.#dispatchWhenRoom(entry);
    return this.#dispatch(entry, cursors);
  }

  #dispatch(entry: StoredEntry, cursors: ReadonlySet<PartitionCursor>): boolean {
    this.#position = entry.seq;
    for (const cursor of cursors) cursor.takeShared(entry);
    return true;
  }

  async #dispatchWhenRoom(entry: StoredEntry): Promise<boolean> {
    const fullCursors = (): PartitionCursor[] => [...this.#cursorsFor(entry)].filter(isFull);
    for (let full = fullCursors(); full.length > 0 && !this.#isClosed; full = fullCursors()) {
      const others = [...this.#cursors.of('all')].filter(({ isFollowing }) => isFollowing);
      const isOtherAhead = others.some(({ lastSeq }) => lastSeq >= entry.seq);
      const isOtherWaiting = others.some(({ isWaiting }) => isWaiting);
      const stuckSinceMs = performance.now() - (isOtherWaiting ? DETACH_AFTER_MS : this.#place.idleMaxMs);
      const stuck = full.filter(
        (cursor) =>
          cursor.progressAtMs <= stuckSinceMs || (isOtherAhead && this.#heldUpMs(cursor) >= this.#place.heldUpMaxMs),
      );
      for (const cursor of stuck) cursor.detach();
      if (stuck.length > 0) continue;
      const waitsSinceMs = performance.now();
      await this.#progress.wait(Math.min(...full.map(({ progressAtMs }) => progressAtMs)) - stuckSinceMs);
      const waitedMs = performance.now() - waitsSinceMs;
      if (isOtherAhead) for (const cursor of full) this.#heldUp.set(cursor, this.#heldUpMs(cursor) + waitedMs);
    }
    // Looked up again, because a cursor that was opened in the meantime follows from this entry on.
    return !this.#isClosed && this.#dispatch(entry, this.#cursorsFor(entry));
  }

  #heldUpMs(cursor: PartitionCursor): number {
    return this.#heldUp.get(cursor) ?? 0;
  }

  #cursorsFor(entry: StoredEntry): ReadonlySet<PartitionCursor> {
    return this.#cursors.of(this.#place.partitionOf(entry.subject));
  }
}

function isFull(cursor: PartitionCursor): boolean {
  return cursor.isFollowing && cursor.isFull;
}
