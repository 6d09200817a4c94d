import type { StoredEntry } from '../../../src/domain/log-entry.ts';
import { LogWentBack } from '../../../src/domain/log-mark.ts';
import type { LogCursor } from '../../../src/ports/log.ts';
import type { Random } from '../random.ts';
import type { Owner, Scheduler } from '../scheduler.ts';
import type { MemoryLog } from './memory-log.ts';

/** Shared by all ports of a process: their owner, and the scheduler that decides when they answer. */
export interface Access {
  readonly owner: Owner;
  readonly scheduler: Scheduler;
  readonly random: Random;
}

export class MemoryCursor implements LogCursor {
  readonly #access: Access;
  readonly #log: MemoryLog;
  readonly #label: string;
  readonly #matches: (subject: string) => boolean;
  #seq: number;
  /** No entry up to here belongs to this cursor. */
  #searchedSeq = 0;
  #lossesBefore = 0;
  #isWoken = false;
  /** The last entry that was returned, which must still exist when the cursor continues. */
  #last: StoredEntry | undefined;
  #isClosed = false;

  constructor(access: Access, log: MemoryLog, label: string, matches: (subject: string) => boolean, afterSeq: number) {
    this.#access = access;
    this.#log = log;
    this.#label = label;
    this.#matches = matches;
    this.#seq = afterSeq;
    this.#last = log.everything[afterSeq - 1];
  }

  async next(entriesMax: number): Promise<StoredEntry[]> {
    const { owner, scheduler, random } = this.#access;
    const read = await scheduler.request(owner, {
      label: `read ${this.#label}`,
      isReady: () => this.#isWoken || this.#isClosed || this.#hasGoneBack || this.#peek() !== undefined,
      apply: () => {
        this.#isWoken = false;
        return this.#hasGoneBack
          ? new LogWentBack(`${this.#label} does not hold entry ${this.#seq}`)
          : this.#isClosed
            ? []
            : this.#take(Math.min(entriesMax, random.int(1, 12)));
      },
      failure: () => new Error(`the consumer of ${this.#label} ended`),
    });
    if (read instanceof Error) throw read;
    return read;
  }

  get behind(): number {
    return this.#log.everything.filter(({ seq, subject }) => seq > this.#seq && this.#matches(subject)).length;
  }

  wake(): void {
    this.#isWoken = true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** Real readers check this after every reconnect. */
  get #hasGoneBack(): boolean {
    return this.#last !== undefined && !this.#log.knows(this.#last);
  }

  #peek(): StoredEntry | undefined {
    if (this.#lossesBefore !== this.#log.losses) this.#searchedSeq = 0;
    this.#lossesBefore = this.#log.losses;
    const entry = this.#log.firstFrom(Math.max(this.#seq, this.#searchedSeq) + 1, this.#matches);
    this.#searchedSeq = entry ? entry.seq - 1 : this.#log.lastSeq;
    return entry;
  }

  #take(entriesMax: number): StoredEntry[] {
    const taken: StoredEntry[] = [];
    for (let entry = this.#peek(); entry && taken.length < entriesMax; entry = this.#peek()) {
      taken.push(entry);
      this.#seq = entry.seq;
      this.#last = entry;
    }
    return taken;
  }
}
