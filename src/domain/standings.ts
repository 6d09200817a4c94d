// The standings of one DPU in order. Each counts the difference to its predecessor.
import { passedBetween, standingIn, type Passed } from './measure.ts';
import { identityOf, type Reading } from './reading.ts';

/** By timestamp; at one instant by the DPU's own id, then by the totals, then by the epoch. */
export function compareStandings(a: Reading, b: Reading): number {
  if (a.timestampMs !== b.timestampMs) return a.timestampMs - b.timestampMs;
  const [x, y] = [standingIn(a.measure), standingIn(b.measure)];
  return (
    compareText(a.name ?? '', b.name ?? '') ||
    (x?.totalEntrances ?? 0) - (y?.totalEntrances ?? 0) ||
    (x?.totalExits ?? 0) - (y?.totalExits ?? 0) ||
    compareText(x?.counterEpoch ?? '', y?.counterEpoch ?? '') ||
    compareText(a.measure, b.measure)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export class Standings {
  readonly #inOrder: Reading[] = [];

  constructor(readings: Iterable<Reading> = []) {
    for (const reading of readings) this.add(reading);
  }

  get all(): readonly Reading[] {
    return this.#inOrder;
  }

  get newest(): Reading | undefined {
    return this.#inOrder.at(-1);
  }

  /** Adding one that is there changes nothing. */
  add(reading: Reading): void {
    const at = this.#placeOf(reading);
    const there = this.#inOrder[at];
    if (there && compareStandings(there, reading) === 0) return;
    this.#inOrder.splice(at, 0, reading);
  }

  delete(reading: Reading): void {
    const at = this.#placeOf(reading);
    const there = this.#inOrder[at];
    if (there && identityOf(there) === identityOf(reading)) this.#inOrder.splice(at, 1);
  }

  before(reading: Reading): Reading | undefined {
    return this.#inOrder[this.#placeOf(reading) - 1];
  }

  after(reading: Reading): Reading | undefined {
    const at = this.#placeOf(reading);
    const there = this.#inOrder[at];
    return there && compareStandings(there, reading) === 0 ? this.#inOrder[at + 1] : there;
  }

  /** The index at which a standing is, or belongs; mostly at the end. */
  #placeOf(reading: Reading): number {
    let [low, high] = [0, this.#inOrder.length];
    const newest = this.#inOrder[high - 1];
    if (newest && compareStandings(newest, reading) < 0) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#inOrder[middle];
      if (at && compareStandings(at, reading) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Who passed from one standing to the next. @param previous undefined before the first */
export function passedSince(previous: Reading | undefined, next: Reading, modulus: number | null): Passed {
  const standing = standingIn(next.measure);
  if (!standing) throw new RangeError(`${identityOf(next)} is not a standing`);
  return passedBetween(previous && standingIn(previous.measure), standing, modulus);
}
