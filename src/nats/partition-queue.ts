// Queues the entries of one partition for its reader, and merges two sources into one sequence: the shared consumer,
// which delivers the entries of all partitions, and the partition's own consumer, which catches up with it.
//
// Invariants, provided that each source delivers in log order:
// 1. Entries are taken in log order, each once and none missing, from the first sequence that was requested.
// 2. Entries collected ahead are contiguous: everything that the shared consumer has delivered since the first of
//   them.
// 3. The sources are joined where they overlap: once the own consumer reaches the first entry collected ahead, it has
//   delivered everything before it. So the end of the log need not be known.
import type { StoredEntry } from '../domain/log-entry.ts';
import { EntryQueue } from './entry-queue.ts';

/**
 * - `shared`: follows the shared consumer.
 * - `own`: catches up with its own consumer; entries of the shared consumer may be collected ahead.
 * - `none`: detached from its source; catches up once it has been drained.
 */
export type Source = 'shared' | 'own' | 'none';

export class PartitionQueue {
  readonly #bytesMax: number;
  readonly #ready = new EntryQueue();
  readonly #ahead = new EntryQueue();
  #source: Source = 'none';
  #isCollecting = false;
  #lastSeq: number;
  #missed = 0;

  /**
   * @param bytesMax limit for the entries that are ready, and separately for those collected ahead
   */
  constructor(afterSeq: number, bytesMax: number) {
    this.#lastSeq = afterSeq;
    this.#bytesMax = bytesMax;
  }

  get source(): Source {
    return this.#source;
  }

  /** Sequence of the last entry that became ready; a source must continue after it. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Number of entries that can be taken. */
  get length(): number {
    return this.#ready.length;
  }

  /** Number of entries that the shared consumer delivered while the queue was detached. */
  get missed(): number {
    return this.#missed;
  }

  get isFull(): boolean {
    return this.#ready.bytes >= this.#bytesMax;
  }

  /** Follows the shared consumer, which must not have delivered anything beyond `lastSeq`. */
  follow(): void {
    this.#source = 'shared';
  }

  /** Catches up with a consumer that starts after `lastSeq`. */
  catchUp(isCollecting: boolean): void {
    this.#source = 'own';
    this.#missed = 0;
    this.collect(isCollecting);
  }

  /** Starts or stops collecting the shared consumer's entries. */
  collect(isCollecting: boolean): void {
    this.#isCollecting = isCollecting;
    this.#ahead.clear();
  }

  /** Drops the source, but keeps the entries that are ready. */
  detach(): void {
    this.#source = 'none';
    this.collect(false);
  }

  fromShared(entry: StoredEntry): void {
    if (this.#source === 'shared') this.#append(entry);
    else if (this.#source === 'none') this.#missed += 1;
    else if (this.#isCollecting) this.#collectAhead(entry);
  }

  fromOwn(entry: StoredEntry): void {
    if (this.#source !== 'own') return;
    const firstAhead = this.#ahead.firstSeq;
    // Entries ahead come first, because they include entries that were purged before the own consumer reached them.
    if (firstAhead !== undefined && firstAhead <= entry.seq) this.#join();
    this.#append(entry);
  }

  take(entriesMax: number): StoredEntry[] {
    return this.#ready.take(entriesMax);
  }

  #collectAhead(entry: StoredEntry): void {
    // The own consumer is ahead of the shared one.
    if (entry.seq <= this.#lastSeq) return this.#join();
    this.#ahead.push(entry);
    if (this.#ahead.bytes > this.#bytesMax) this.#ahead.clear();
  }

  #join(): void {
    while (this.#ahead.length > 0) for (const entry of this.#ahead.take(Infinity)) this.#append(entry);
    this.#isCollecting = false;
    this.#source = 'shared';
  }

  #append(entry: StoredEntry): void {
    if (entry.seq <= this.#lastSeq) return;
    this.#lastSeq = entry.seq;
    this.#ready.push(entry);
  }
}
