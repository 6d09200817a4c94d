// One consumer of a whole stream for all partitions that a process reads. It waits for a cursor whose queue is full, but not for
// long: a partition that waits for ClickHouse must not stop the others.
import type { JetStreamClient } from '@nats-io/jetstream';
import type { Partition } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import { Condition } from '../runtime/condition.ts';
import { type ConsumerPlace, LogConsumer } from './log-consumer.ts';
import type { OpenCursors } from './open-cursors.ts';
import type { PartitionCursor } from './partition-cursor.ts';

/** A full cursor that takes nothing for so long is detached, if another that follows has nothing to read. */
const DETACH_AFTER_MS = 250;

export interface SharedPlace extends ConsumerPlace {
  readonly partitionOf: (subject: string) => Partition | 'all';
  /** A full cursor that takes nothing for so long is detached in any case. */
  readonly idleMaxMs: number;
}

export class SharedConsumer {
  readonly #cursors: OpenCursors;
  readonly #place: SharedPlace;
  readonly #consumer: LogConsumer;
  readonly #progress = new Condition();
  #position: number;
  #isClosed = false;

  /** @param failed is not called after `close` */
  constructor(js: JetStreamClient, place: SharedPlace, cursors: OpenCursors, failed: (error: Error) => void) {
    this.#cursors = cursors;
    this.#place = place;
    this.#position = place.afterSeq;
    this.#consumer = new LogConsumer(js, place, { deliver: (entry) => this.#deliver(entry), failed });
  }

  get opened(): Promise<void> {
    return this.#consumer.opened;
  }

  /** Sequence of the last entry that was given to its cursors: a cursor that has read so far may follow. */
  get position(): number {
    return this.#position;
  }

  get isSilent(): boolean {
    return this.#consumer.isSilent;
  }

  get pending(): number {
    return this.#consumer.pending;
  }

  /** A queue has room, or a cursor has nothing to read, or one is gone. */
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
    const fullOnes = (): PartitionCursor[] => [...this.#cursorsFor(entry)].filter(isFull);
    for (let full = fullOnes(); full.length > 0 && !this.#isClosed; full = fullOnes()) {
      const isOtherWaiting = [...this.#cursors.of('all')].some((cursor) => cursor.isFollowing && cursor.isWaiting);
      const stuckSinceMs = performance.now() - (isOtherWaiting ? DETACH_AFTER_MS : this.#place.idleMaxMs);
      const stuck = full.filter(({ progressAtMs }) => progressAtMs <= stuckSinceMs);
      for (const cursor of stuck) cursor.detach();
      if (stuck.length === 0)
        await this.#progress.wait(Math.min(...full.map(({ progressAtMs }) => progressAtMs)) - stuckSinceMs);
    }
    // Who has been opened meanwhile follows from this entry on.
    return !this.#isClosed && this.#dispatch(entry, this.#cursorsFor(entry));
  }

  #cursorsFor(entry: StoredEntry): ReadonlySet<PartitionCursor> {
    return this.#cursors.of(this.#place.partitionOf(entry.subject));
  }
}

function isFull(cursor: PartitionCursor): boolean {
  return cursor.isFollowing && cursor.isFull;
}
