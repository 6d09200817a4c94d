// What a DPU sent all at once is set aside, and routed a slice at a time between the readings of the others,
// so that these do not wait behind a day, or ninety, of somebody else's.
//
//  - What is set aside of a DPU is a run of its entries: from the first, everything up to the position. So a
//    position names it by its first entry, and a router that begins anew sets the same aside.
//  - Bounded: some DPUs only (when many have a backlog, it is everybody's, and is routed in order), and so
//    many bytes that beyond them the log waits.
import { addTo } from '../domain/lists.ts';
import type { StoredEntry } from '../domain/log-entry.ts';

const DPUS_MAX = 8;
const BYTES_MAX = 64 * 1024 * 1024;

/** The subject of a DPU's entries, and the first entry that is set aside. */
export type Backlog = readonly [subject: string, firstSeq: number];

export class Backlogs {
  readonly #fairBytes: number;
  readonly #bySubject = new Map<string, StoredEntry[]>();
  #bytes = 0;

  /** @param fairBytes what a DPU may have routed at once while others wait */
  constructor(fairBytes: number) {
    this.#fairBytes = fairBytes;
  }

  get isEmpty(): boolean {
    return this.#bySubject.size === 0;
  }

  get isFull(): boolean {
    return this.#bytes >= BYTES_MAX;
  }

  get entries(): number {
    let sum = 0;
    for (const { length } of this.#bySubject.values()) sum += length;
    return sum;
  }

  /** What a position has to say of them. */
  get firsts(): Backlog[] {
    return [...this.#bySubject].map(([subject, entries]) => [subject, entries[0]?.seq ?? 0]);
  }

  /** When the first of all that is set aside arrived; Infinity when there is nothing. */
  get firstMs(): number {
    let least = Infinity;
    for (const entries of this.#bySubject.values()) least = Math.min(least, entries[0]?.timeMs ?? Infinity);
    return least;
  }

  /** Takes the next entries of the log. @returns those to be routed at once */
  admit(entries: readonly StoredEntry[]): StoredEntry[] {
    const bytesBySubject = new Map<string, number>();
    return entries.filter((entry) => {
      const bytes = (bytesBySubject.get(entry.subject) ?? 0) + entry.data.length;
      bytesBySubject.set(entry.subject, bytes);
      const isFair = bytes <= this.#fairBytes || this.#bySubject.size >= DPUS_MAX;
      if (isFair && !this.#bySubject.has(entry.subject)) return true;
      this.put(entry);
      return false;
    });
  }

  put(entry: StoredEntry): void {
    addTo(this.#bySubject, entry.subject, entry);
    this.#bytes += entry.data.length;
  }

  /** The next slice of one DPU; each gets its turn. */
  take(): StoredEntry[] {
    const [subject, entries = []] = this.#bySubject.entries().next().value ?? [''];
    let [bytes, count] = [0, 0];
    for (const { data } of entries) {
      if (count > 0 && bytes + data.length > this.#fairBytes) break;
      bytes += data.length;
      count += 1;
    }
    const slice = entries.splice(0, count);
    this.#bytes -= bytes;
    this.#bySubject.delete(subject);
    if (entries.length > 0) this.#bySubject.set(subject, entries);
    return slice;
  }
}
