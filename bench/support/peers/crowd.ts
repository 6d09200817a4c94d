// People who walk through a building for a day, and what its DPUs report of that: some of it late, some twice, some from
// another door than the one on record, and some not at all. How many people really were in a space is a plain sum.
//
// Each space has two DPUs, both between it and the outside. The first spaces each have one of the troubles.
import { formatInstant } from '../../../src/domain/instant.ts';
import { QUARTER_MS } from './peer.ts';

const DPUS_PER_SPACE = 2;
const DAY_MS = 96 * QUARTER_MS;
const HOUR_MS = 3_600_000;
/** The day ended this long ago at least. */
const AGO_MS = 2 * HOUR_MS;
const PEOPLE_MAX = 60;
const TROUBLED_MAX = 20;
/** Hours of the day. */
const OUTAGE = { from: 8, to: 11 };
const MOVED_AT = 14;
const UNSEEN = { enterAt: 12, leaveAt: 13, othersAt: 14, people: 3, others: 2 };

export interface Reading {
  readonly dpu: number;
  readonly atMs: number;
  readonly direction: 1 | -1;
  readonly id: string;
}

interface Passages {
  readonly atMs: number[];
  /** How many people were there after each. */
  readonly people: number[];
}

/** What may make counts wrong, and the spaces that have it. */
export interface Trouble {
  readonly what: string;
  readonly spaces: readonly number[];
  /** The count is compared from here on. */
  readonly fromMs: number;
}

export const dpuName = (dpu: number): string => `dpu-${dpu}`;

export class Crowd {
  readonly dayMs = Math.floor((Date.now() - AGO_MS - DAY_MS) / QUARTER_MS) * QUARTER_MS;
  readonly spaces: number;
  /** What arrives in the order of its time, without trouble. */
  readonly inTime: Reading[] = [];
  /** What DPUs send only after an outage. */
  readonly late: Reading[] = [];
  /** A second time. */
  readonly repeated: Reading[] = [];
  /** Of people of whom the first ones had come in unseen. */
  readonly ofUnseen: Reading[] = [];
  readonly moves: readonly { readonly dpu: number; readonly toDoorOfDpu: number; readonly fromMs: number }[];
  readonly troubles: Readonly<Record<'none' | 'late' | 'repeated' | 'moved' | 'unseen', Trouble>>;
  readonly #troubled: number;
  readonly #passages: readonly Passages[];
  #state = 0x9e3779b9;
  #nth = 0;

  /** @param readings about as many, in all spaces */
  constructor(spaces: number, readings: number) {
    this.spaces = spaces;
    this.#passages = Array.from({ length: spaces }, () => ({ atMs: [], people: [] }));
    this.#troubled = Math.min(TROUBLED_MAX, Math.floor(spaces / 10));
    this.troubles = {
      none: { what: 'all in order', spaces: this.#group(5), fromMs: this.dayMs },
      late: { what: 'late, after an outage of three hours', spaces: this.#group(0), fromMs: this.dayMs },
      repeated: { what: 'sent twice', spaces: this.#group(3), fromMs: this.dayMs },
      moved: {
        what: 'of a DPU that had been moved, which was recorded afterwards',
        spaces: [...this.#group(1), ...this.#group(2)],
        fromMs: this.dayMs,
      },
      unseen: {
        what: 'of people who had come in unseen',
        spaces: this.#group(4),
        fromMs: this.#at(UNSEEN.othersAt) + QUARTER_MS,
      },
    };
    this.moves = this.#group(1).map((space) => ({
      dpu: space,
      toDoorOfDpu: space + this.#troubled,
      fromMs: this.#at(MOVED_AT),
    }));
    const everyMs = DAY_MS / readings;
    for (let n = 0; n < readings; n++) this.#walk(Math.floor(this.dayMs + n * everyMs));
    this.#walkUnseen();
  }

  get dpus(): number {
    return this.spaces * DPUS_PER_SPACE;
  }

  /** Where a DPU is on record until it is moved. */
  spaceOf(dpu: number): number {
    return dpu % this.spaces;
  }

  /** Somebody passes now, in one of the spaces without trouble. */
  now(): Reading {
    const { spaces } = this.troubles.none;
    const space = spaces[this.#nth % spaces.length] ?? 0;
    // Of two in one millisecond, nobody could tell who came first.
    const atMs = Math.max(Date.now(), (this.#passages[space]?.atMs.at(-1) ?? 0) + 1);
    return this.#pass(space, this.#dpuAt(space, atMs), atMs);
  }

  /** How many people really were in a space. */
  peopleAt(space: number, atMs: number): number {
    const { atMs: times, people } = this.#passages[space] ?? { atMs: [], people: [] };
    let [from, to] = [0, times.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((times[middle] ?? 0) <= atMs) from = middle + 1;
      else to = middle;
    }
    return people[from - 1] ?? 0;
  }

  #group(nth: number): number[] {
    const end = nth === 5 ? this.spaces : (nth + 1) * this.#troubled;
    return Array.from({ length: end - nth * this.#troubled }, (_, n) => nth * this.#troubled + n);
  }

  #at(hour: number): number {
    return this.dayMs + hour * HOUR_MS;
  }

  #walk(atMs: number): void {
    const space = Math.floor(this.#random() * this.spaces);
    if (this.troubles.unseen.spaces.includes(space)) return;
    const dpu = this.#dpuAt(space, atMs);
    const reading = this.#pass(space, dpu, atMs);
    const isInOutage = atMs >= this.#at(OUTAGE.from) && atMs < this.#at(OUTAGE.to);
    if (isInOutage && dpu < this.#troubled) this.late.push(reading);
    else this.inTime.push(reading);
    if (this.troubles.repeated.spaces.includes(space) && this.#random() < 0.1) this.repeated.push(reading);
  }

  /** One of the DPUs that really are at a door of the space. */
  #dpuAt(space: number, atMs: number): number {
    const found = Array.from({ length: DPUS_PER_SPACE }, (_, n) => space + n * this.spaces).filter(
      (dpu) => !this.moves.some((move) => move.dpu === dpu && atMs >= move.fromMs),
    );
    for (const move of this.moves)
      if (this.spaceOf(move.toDoorOfDpu) === space && atMs >= move.fromMs) found.push(move.dpu);
    return found[Math.floor(this.#random() * found.length)] ?? space;
  }

  #pass(space: number, dpu: number, atMs: number, given?: 1 | -1): Reading {
    const passages = this.#passages[space] ?? { atMs: [], people: [] };
    const people = passages.people.at(-1) ?? 0;
    const direction = given ?? (people === 0 || (people < PEOPLE_MAX && this.#random() < 0.5) ? 1 : -1);
    passages.atMs.push(atMs);
    passages.people.push(people + direction);
    return { dpu, atMs, direction, id: `r${this.#nth++}` };
  }

  #walkUnseen(): void {
    for (const space of this.troubles.unseen.spaces) {
      const pass = (hour: number, people: number, direction: 1 | -1): Reading[] =>
        Array.from({ length: people }, (_, n) => this.#pass(space, space, this.#at(hour) + n * 1_000, direction));
      pass(UNSEEN.enterAt, UNSEEN.people, 1);
      this.ofUnseen.push(...pass(UNSEEN.leaveAt, UNSEEN.people, -1), ...pass(UNSEEN.othersAt, UNSEEN.others, 1));
    }
  }

  /** xorshift32, the same in every run. */
  #random(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }
}

/** Lines of CSV. */
export function csvOf(readings: readonly Reading[], more: (reading: Reading) => string = () => ''): string {
  return readings
    .map(
      (reading) =>
        `${dpuName(reading.dpu)},${formatInstant(reading.atMs)},${reading.direction},${reading.id}${more(reading)}\n`,
    )
    .join('');
}
