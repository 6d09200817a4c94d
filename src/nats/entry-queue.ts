// A FIFO queue of log entries that knows its size in bytes. The producer enforces the limit.
import type { StoredEntry } from '../domain/log-entry.ts';

/**
 * Approximate size of an entry's object and subject. Without it, a queue of ticks, which have no data, would have no
 * bound.
 */
const ENTRY_OVERHEAD_BYTES = 256;
/** Limits a batch, because a commit is built from it, and the size of a commit is limited. */
const BATCH_BYTES_MAX = 1024 * 1024;
/**
 * Up to this number of taken entries remain in the array, because shifting the array for every batch would cost more
 * than the batch.
 */
const TAKEN_MAX = 1_024;

export class EntryQueue {
  #entries: (StoredEntry | undefined)[] = [];
  #taken = 0;
  #bytes = 0;

  get length(): number {
    return this.#entries.length - this.#taken;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get firstSeq(): number | undefined {
    return this.#entries[this.#taken]?.seq;
  }

  push(entry: StoredEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.data.length + ENTRY_OVERHEAD_BYTES;
  }

  /**
   * Removes and returns up to `entriesMax` entries with up to 1 MB of data, but at least one unless the queue is empty.
   */
  take(entriesMax: number): StoredEntry[] {
    const batch: StoredEntry[] = [];
    let dataBytes = 0;
    for (
      let entry = this.#entries[this.#taken];
      entry && batch.length < entriesMax;
      entry = this.#entries[this.#taken]
    ) {
      dataBytes += entry.data.length;
      if (batch.length > 0 && dataBytes > BATCH_BYTES_MAX) break;
      batch.push(entry);
      this.#bytes -= entry.data.length + ENTRY_OVERHEAD_BYTES;
      this.#entries[this.#taken] = undefined;
      this.#taken += 1;
    }
    if (this.#taken === this.#entries.length || this.#taken > TAKEN_MAX) {
      this.#entries.splice(0, this.#taken);
      this.#taken = 0;
    }
    return batch;
  }

  clear(): void {
    this.#entries = [];
    this.#taken = 0;
    this.#bytes = 0;
  }
}
