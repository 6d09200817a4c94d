// What one reader of a partition has been given and has not taken yet, and how its two sources make one sequence without
// a gap: the shared consumer, which brings the entries of all partitions, and the partition's own, which catches up.
//
// Invariants, while entries of each source come in the order of the log:
// 1. Entries are taken in the order of the log, each once, none left out from the first sequence asked for.
// 2. The entries collected ahead are contiguous: they are all that the shared consumer brought since the first of them.
// 3. The two join on overlap: when the own consumer has come to the first entry that was collected ahead, it has brought
//    everything before. Nobody has to know where the log ends.
import type { StoredEntry } from '../domain/log-entry.ts';
import { EntryQueue } from './entry-queue.ts';

/**
 * - `shared`: follows the shared consumer.
 * - `own`: catches up; what the shared consumer brings meanwhile may be collected ahead.
 * - `none`: was detached from its source, and begins to catch up when it has been drained.
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

  /** @param bytesMax of what is ready, beyond which it is full, and of what is collected ahead */
  constructor(afterSeq: number, bytesMax: number) {
    this.#lastSeq = afterSeq;
    this.#bytesMax = bytesMax;
  }

  get source(): Source {
    return this.#source;
  }

  /** Of the last entry that is or was ready: a source has to go on after it. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Entries that can be taken. */
  get length(): number {
    return this.#ready.length;
  }

  /** Entries that the shared consumer brought while there was no source. */
  get missed(): number {
    return this.#missed;
  }

  get isFull(): boolean {
    return this.#ready.bytes >= this.#bytesMax;
  }

  /** The shared consumer is not beyond `lastSeq`. */
  follow(): void {
    this.#source = 'shared';
  }

  /** The own consumer begins after `lastSeq`. */
  catchUp(isCollecting: boolean): void {
    this.#source = 'own';
    this.#missed = 0;
    this.collect(isCollecting);
  }

  /** Begins or ends to collect what the shared consumer brings. */
  collect(isCollecting: boolean): void {
    this.#isCollecting = isCollecting;
    this.#ahead.clear();
  }

  /** Keeps what is ready. */
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
    // The entries ahead first: what lies between and was purged meanwhile, only they have.
    if (firstAhead !== undefined && firstAhead <= entry.seq) this.#join();
    this.#append(entry);
  }

  take(entriesMax: number): StoredEntry[] {
    return this.#ready.take(entriesMax);
  }

  #collectAhead(entry: StoredEntry): void {
    // The own consumer was faster: it has brought this one already.
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
