import type { StoredEntry } from '../../../src/domain/log-entry.ts';
import type { LogCursor } from '../../../src/ports.ts';
import type { Random } from '../random.ts';
import type { Owner, Scheduler } from '../scheduler.ts';
import type { MemoryLog } from './memory-log.ts';

/** What every port of a process shares: whose it is, and who decides when it is answered. */
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
  /** Nothing up to here is for this cursor. */
  #searchedSeq = 0;
  #isWoken = false;
  #isClosed = false;

  constructor(access: Access, log: MemoryLog, label: string, matches: (subject: string) => boolean, afterSeq: number) {
    this.#access = access;
    this.#log = log;
    this.#label = label;
    this.#matches = matches;
    this.#seq = afterSeq;
  }

  async next(entriesMax: number): Promise<StoredEntry[]> {
    const { owner, scheduler, random } = this.#access;
    return scheduler.request(owner, {
      label: `read ${this.#label}`,
      isReady: () => this.#isWoken || this.#isClosed || this.#peek() !== undefined,
      apply: () => {
        this.#isWoken = false;
        return this.#isClosed ? [] : this.#take(Math.min(entriesMax, random.int(1, 12)));
      },
      failure: () => new Error(`the consumer of ${this.#label} ended`),
    });
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

  #peek(): StoredEntry | undefined {
    const entry = this.#log.firstFrom(Math.max(this.#seq, this.#searchedSeq) + 1, this.#matches);
    this.#searchedSeq = entry ? entry.seq - 1 : this.#log.lastSeq;
    return entry;
  }

  #take(entriesMax: number): StoredEntry[] {
    const taken: StoredEntry[] = [];
    for (let entry = this.#peek(); entry && taken.length < entriesMax; entry = this.#peek()) {
      taken.push(entry);
      this.#seq = entry.seq;
    }
    return taken;
  }
}
