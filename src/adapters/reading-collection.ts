// Collects the readings of one payload, and the errors in the rest of it. All limits on the work that a payload can
// cause are here or where the payload is decoded.
import { END_MS } from '../domain/instant.ts';
import type { AdaptedPayload, AdaptedReading, CounterStanding, PeoplePassed, PersonPassed, Remark } from './adapter.ts';
import { withoutCorrected } from './corrections.ts';
import { dpuNameOf } from './dpu-name.ts';
import { WrongField } from './wrong-field.ts';

/** A message of 1 MB holds no more readings in any format that people counters send. */
const READINGS_MAX = 10_000;
const ATTEMPTS_MAX = 20_000;
/** The maximum number of remarks that are listed; further ones are only counted. */
const REMARKS_MAX = 100;

export interface Line {
  /** The device as named by the payload; undefined means the device of the context. */
  readonly device: string | undefined;
  /** Absent if a device of this kind has only one line. */
  readonly line?: string | undefined;
}

/** The place of an item in the payload. */
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

  /** Runs one part of the work. Errors in that part are recorded, and the rest of the payload is still read. */
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

  /**
   * @throws WrongField if the line has no valid name, or an instant is out of range
   */
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

  /** Records, once for each kind of item, what was understood and does not count. */
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
