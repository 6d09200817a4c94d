// A stream in memory: entries with a sequence and the stream's own clock, subjects, purges.
import type { StoredEntry } from '../../../src/domain/log-entry.ts';

export interface Appended {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly mark?: string | undefined;
}

export class MemoryLog {
  readonly #now: () => number;
  /** Every entry ever appended, purged or not, for the checks. */
  readonly everything: StoredEntry[] = [];
  readonly #purged = new Set<number>();
  /** Entries that are held and not returned since bits were flipped in them. */
  readonly #unreadable = new Set<number>();
  /** Entries that are returned with other bytes since bits were flipped in them. */
  readonly #altered = new Map<number, StoredEntry>();
  /** How often the log has lost its end. */
  losses = 0;
  readonly #lastBySubject = new Map<string, StoredEntry>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get lastSeq(): number {
    return this.everything.length;
  }

  /** @returns the sequence of the last entry */
  append(...entries: readonly Appended[]): number {
    for (const { subject, data, mark } of entries) {
      const entry = {
        seq: this.everything.length + 1,
        timeMs: this.#now(),
        subject,
        data,
        ...(mark === undefined ? {} : { mark }),
      };
      this.everything.push(entry);
      this.#lastBySubject.set(subject, entry);
    }
    return this.lastSeq;
  }

  /** The entries after a sequence are lost, and their sequences are used again. */
  loseAfter(seq: number): void {
    this.losses += 1;
    for (const entry of this.everything.splice(seq)) {
      this.#purged.delete(entry.seq);
      this.#unreadable.delete(entry.seq);
      this.#altered.delete(entry.seq);
    }
    this.#lastBySubject.clear();
    for (const entry of this.everything) this.#lastBySubject.set(entry.subject, entry);
  }

  get firstSeq(): number {
    return this.everything.find(({ seq }) => !this.#purged.has(seq))?.seq ?? this.lastSeq + 1;
  }

  /** From now on the entry is held, and not returned. */
  damage(seq: number): void {
    this.#unreadable.add(seq);
  }

  /** From now on the entry is returned with other bytes. */
  alter(seq: number, data: Uint8Array): void {
    const entry = this.everything[seq - 1];
    if (entry) this.#altered.set(seq, { ...entry, data });
  }

  /** True if the entry is in the log, or was removed from its beginning. */
  knows(entry: StoredEntry): boolean {
    return this.everything[entry.seq - 1] === entry || this.#altered.get(entry.seq) === entry;
  }

  /** Whether it is held and not returned, also if it was purged since. */
  isDamaged(seq: number): boolean {
    return this.#unreadable.has(seq);
  }

  /** The entries after a sequence and up to another one that are held, and not returned. */
  unreadable(afterSeq: number, toSeq: number): number[] {
    return [...this.#unreadable]
      .filter((seq) => seq > afterSeq && seq <= toSeq && !this.#purged.has(seq))
      .sort((a, b) => a - b);
  }

  at(seq: number): StoredEntry | undefined {
    return this.#isGone(seq) ? undefined : (this.#altered.get(seq) ?? this.everything[seq - 1]);
  }

  /** The last entry of a subject; undefined if there is none or it was purged. */
  last(subject: string): StoredEntry | undefined {
    const entry = this.#lastBySubject.get(subject);
    return entry && this.at(entry.seq);
  }

  /** The first entry at or after a sequence that matches, those that are not returned left out. */
  firstFrom(seq: number, matches: (subject: string) => boolean): StoredEntry | undefined {
    for (let index = Math.max(0, seq - 1); index < this.everything.length; index++) {
      const entry = this.everything[index];
      if (entry && matches(entry.subject) && !this.#isGone(entry.seq)) return this.at(entry.seq);
    }
    return undefined;
  }

  purge(matches: (subject: string) => boolean, beforeSeq: number): void {
    for (const entry of this.everything.slice(0, Math.max(0, beforeSeq - 1)))
      if (matches(entry.subject)) this.#purged.add(entry.seq);
  }

  #isGone(seq: number): boolean {
    return this.#purged.has(seq) || this.#unreadable.has(seq);
  }
}
