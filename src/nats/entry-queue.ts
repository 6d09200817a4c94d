import type { StoredEntry } from '../domain/log-entry.ts';

/** What an entry takes beside its data, roughly: the object, the subject. Without it a queue of ticks would have no bound. */
const ENTRY_OVERHEAD_BYTES = 256;
/** A batch is bounded, since a commit of what follows from it is. */
const BATCH_BYTES_MAX = 1024 * 1024;
/** Taken entries stay in the array up to here: to shift it for every batch would cost more than the batch. */
const TAKEN_MAX = 1_024;

/** Entries in the order of the log, and how many bytes they take. */
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

  /** At most `entriesMax` entries and about 1 MB of data; at least one, if there is one. */
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
