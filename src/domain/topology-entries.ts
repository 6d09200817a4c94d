// The entries of TOPOLOGY by sequence and by time, each with the digest of the log up to and including it.
import { digestOf } from './log-mark.ts';
import type { TopologyEntry } from './topology.ts';

const encoder = new TextEncoder();

export class TopologyEntries {
  readonly #entries: TopologyEntry[] = [];
  readonly #digests: number[] = [];

  /**
   * @param entry later than all others
   * @param bytes the JSON of its fact. A start reads all of TOPOLOGY, and writing it as JSON again takes longer than the digest
   */
  add(entry: TopologyEntry, bytes: Uint8Array = encoder.encode(JSON.stringify(entry.fact))): void {
    this.#entries.push(entry);
    this.#digests.push(digestOf(bytes, digestOf(encoder.encode(`${entry.seq} `), this.#digests.at(-1))));
  }

  clear(): void {
    this.#entries.length = 0;
    this.#digests.length = 0;
  }

  /** Those with `after < seq <= upTo`. */
  between(after: number, upTo: number): TopologyEntry[] {
    return this.#entries.slice(this.#countUpTo(after), this.#countUpTo(upTo));
  }

  /** Undefined if there is no entry at the sequence. The digest of an empty log is 0. */
  digestAt(seq: number): number | undefined {
    if (seq === 0) return 0;
    const at = this.#countUpTo(seq) - 1;
    return this.#entries[at]?.seq === seq ? this.#digests[at] : undefined;
  }

  /** Sequence of the newest one that was stored at or before an instant, by the log's clock; 0 if there is none. */
  seqStoredBy(atMs: number): number {
    return this.#entries.findLast(({ storedMs = 0 }) => storedMs <= atMs)?.seq ?? 0;
  }

  /** The number of entries with `seq <= upTo`. Sequences ascend from 1, and may have gaps. */
  #countUpTo(upTo: number): number {
    let [low, high] = [0, Math.min(this.#entries.length, Math.max(upTo, 0))];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.seq ?? 0) <= upTo) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
