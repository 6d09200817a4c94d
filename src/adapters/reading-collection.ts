// Gathers the readings of one payload, and what is wrong with the rest of it. All bounds on the work that a payload can cause are
// here or where the payload is decoded.
import { END_MS } from '../domain/instant.ts';
import type { AdaptedPayload, AdaptedReading, CounterStanding, PeoplePassed, PersonPassed, Remark } from './adapter.ts';
import { withoutCorrected } from './corrections.ts';
import { dpuNameOf } from './dpu-name.ts';
import { WrongField } from './wrong-field.ts';

/** A message of 1 MB holds no more in any format that people counters send. */
const READINGS_MAX = 10_000;
const ATTEMPTS_MAX = 20_000;
/** Of the remarks that are listed; the others are counted. */
const REMARKS_MAX = 100;

export interface Line {
  /** What the payload calls the device; the device of the context if it does not say. */
  readonly device: string | undefined;
  /** Absent where a device of this kind has one line only. */
  readonly line?: string | undefined;
}

/** Where a thing is in the payload. */
interface Place {
  readonly path: string;
}

export class ReadingCollection {
  readonly #device: string | undefined;
  readonly #reversed: boolean | readonly string[];
  readonly #readings: AdaptedReading[] = [];
  readonly #rejected: Remark[] = [];
  readonly #skipped = new Map<string, Remark>();
  #attempts = 0;
  #unlisted = 0;

  constructor(device: string | undefined, reversed: boolean | readonly string[]) {
    this.#device = device;
    this.#reversed = reversed;
  }

  /** Does a part of the work. What is wrong in that part is noted, and the rest of the payload is read all the same. */
  attempt(read: () => void): void {
    if (++this.#attempts > ATTEMPTS_MAX) return;
    try {
      read();
    } catch (error) {
      if (!(error instanceof WrongField)) throw error;
      this.#reject(error.path, error.message);
    }
  }

  /** For each element of a list. */
  each<Item>(items: Iterable<Item>, read: (item: Item) => void): void {
    for (const item of items) {
      if (this.#attempts > ATTEMPTS_MAX) return;
      this.attempt(() => read(item));
    }
  }

  /** @throws WrongField when the line cannot be named, or an instant is beyond what can be written */
  person(line: Line, at: Place, reading: PersonPassed): void {
    const direction = this.#isReversed(line) ? (reading.direction === 1 ? -1 : 1) : reading.direction;
    this.#add(line, at, { ...reading, direction });
  }

  people(line: Line, at: Place, reading: PeoplePassed): void {
    const { entrances, exits, startMs, timestampMs } = reading;
    if (startMs !== undefined && timestampMs !== null && startMs > timestampMs)
      throw new WrongField(at.path, 'an interval that ends before it starts');
    const isReversed = this.#isReversed(line);
    this.#add(line, at, isReversed ? { ...reading, entrances: exits, exits: entrances } : reading);
  }

  standing(line: Line, at: Place, reading: CounterStanding): void {
    const { totalEntrances, totalExits } = reading;
    const isReversed = this.#isReversed(line);
    this.#add(line, at, isReversed ? { ...reading, totalEntrances: totalExits, totalExits: totalEntrances } : reading);
  }

  /** Notes once per kind of thing what was understood and does not count. */
  skip({ path }: Place, detail: string): void {
    if (this.#skipped.size < REMARKS_MAX && !this.#skipped.has(detail))
      this.#skipped.set(detail, path === '' ? { detail } : { path, detail });
  }

  result(memory?: string | void): AdaptedPayload {
    if (this.#attempts > ATTEMPTS_MAX) this.#reject('', `has more than ${ATTEMPTS_MAX} parts: the rest was not read`);
    if (this.#readings.length > READINGS_MAX) {
      this.#readings.length = READINGS_MAX;
      this.#reject('', `has more than ${READINGS_MAX} readings: the rest does not count`);
    }
    if (this.#unlisted > 0) this.#rejected.push({ detail: `and ${this.#unlisted} more` });
    return {
      readings: withoutCorrected(this.#readings),
      rejected: this.#rejected,
      skipped: [...this.#skipped.values()],
      ...(typeof memory === 'string' ? { memory } : {}),
    };
  }

  #reject(path: string, detail: string): void {
    if (this.#rejected.length >= REMARKS_MAX) this.#unlisted++;
    else this.#rejected.push(path === '' ? { detail } : { path, detail });
  }

  #isReversed({ line }: Line): boolean {
    return Array.isArray(this.#reversed)
      ? line !== undefined && this.#reversed.includes(line)
      : this.#reversed === true;
  }

  #add({ device, line }: Line, { path }: Place, reading: AdaptedReading['reading']): void {
    const start = 'startMs' in reading ? reading.startMs : undefined;
    for (const ms of [reading.timestampMs, start]) {
      if (typeof ms === 'number' && !(Number.isSafeInteger(ms) && ms >= 0 && ms < END_MS))
        throw new WrongField(path, 'an instant before 1970 or after 9999');
    }
    if (this.#readings.length > READINGS_MAX) return;
    this.#readings.push({ dpuId: dpuNameOf(this.#device, device, line), reading });
  }
}
