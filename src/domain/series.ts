// A series: readings of one DPU whose count depends on their neighbours. A DPU has up to two series, ordered by
// timestamp first:
//
// - its standings: each counts the difference to the previous one;
// - its revisions of intervals: those of one interval follow one another, and only the last of them counts.
//
// All other readings count independently.
import type { DpuId } from './ids.ts';
import {
  compareRevisions,
  isRevision,
  isStanding,
  NOBODY,
  passedBetween,
  passedIn,
  revisionIn,
  standingIn,
  startOf,
  type Measure,
  type Passed,
} from './measure.ts';
import type { Reading } from './reading.ts';
import type { TopologyView } from './topology-history.ts';

export type SeriesKind = 'standings' | 'revisions';

/** Identifies a series: its kind and its DPU. */
export type SeriesKey = `${SeriesKind} ${DpuId}`;

/** Undefined for a measure that counts independently. */
export function seriesKindOf(measure: Measure): SeriesKind | undefined {
  return isStanding(measure) ? 'standings' : isRevision(measure) ? 'revisions' : undefined;
}

/** The series of a reading; undefined for a reading that counts independently. */
export function seriesKeyOf({ dpuId, measure }: Reading): SeriesKey | undefined {
  const kind = seriesKindOf(measure);
  return kind && `${kind} ${dpuId}`;
}

export function seriesOf(reading: Reading, series: ReadonlyMap<SeriesKey, Series>): Series | undefined {
  const key = seriesKeyOf(reading);
  return key && series.get(key);
}

/** Who passed according to a reading, under a topology. @param series with at least the direct neighbours of the reading */
export function passedUnder(view: TopologyView, reading: Reading, series: ReadonlyMap<SeriesKey, Series>): Passed {
  const others = seriesOf(reading, series);
  return others ? passedAmong(others, view, reading) : passedIn(reading.measure);
}

/** The same for a reading of a series. A deleted reading counts nobody, and is no neighbour of any other. */
export function passedAmong(others: Series, view: TopologyView, reading: Reading): Passed {
  if (view.isDeleted(reading)) return NOBODY;
  return others.passedBy(reading, modulusOf(view, reading.dpuId), (other) => view.isDeleted(other));
}

export function modulusOf(view: TopologyView, dpuId: DpuId): number | null {
  return view.dpu(dpuId)?.counterModulus ?? null;
}

/**
 * The order of a series. Standings: by timestamp, then by the DPU's own name for the reading, by the totals, and by
 * the epoch. Revisions: by timestamp and start, within one interval by `compareRevisions`, then by name.
 */
export function compareInSeries(a: Reading, b: Reading): number {
  if (a.timestampMs !== b.timestampMs) return a.timestampMs - b.timestampMs;
  return isStanding(a.measure) ? compareStandings(a, b) : compareRevisionsOfDpu(a, b);
}

function compareStandings(a: Reading, b: Reading): number {
  const [x, y] = [standingIn(a.measure), standingIn(b.measure)];
  return (
    compareNames(a, b) ||
    (x?.totalEntrances ?? 0) - (y?.totalEntrances ?? 0) ||
    (x?.totalExits ?? 0) - (y?.totalExits ?? 0) ||
    compareText(x?.counterEpoch ?? '', y?.counterEpoch ?? '') ||
    compareText(a.measure, b.measure)
  );
}

function compareRevisionsOfDpu(a: Reading, b: Reading): number {
  const [x, y] = [revisionIn(a.measure), revisionIn(b.measure)];
  if (!x || !y) return compareText(a.measure, b.measure);
  return x.startMs - y.startMs || compareRevisions(x, y) || compareNames(a, b);
}

function compareNames(a: Reading, b: Reading): number {
  return compareText(a.name ?? '', b.name ?? '');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** True for a reading that takes no part in its series, because it is deleted. */
export type IsLeftOut = (reading: Reading) => boolean;

const NONE_IS_LEFT_OUT: IsLeftOut = () => false;

export class Series {
  readonly #inOrder: Reading[] = [];

  /**
   * @param readings must all be of one series
   */
  constructor(readings: Iterable<Reading> = []) {
    for (const reading of readings) this.add(reading);
  }

  get all(): readonly Reading[] {
    return this.#inOrder;
  }

  /** Adding a reading again changes nothing. */
  add(reading: Reading): void {
    const at = this.#placeOf(reading);
    if (!this.#isAt(at, reading)) this.#inOrder.splice(at, 0, reading);
  }

  delete(reading: Reading): void {
    const at = this.#placeOf(reading);
    if (this.#isAt(at, reading)) this.#inOrder.splice(at, 1);
  }

  /** Who passed according to a reading that is in the series, or would be added to it. @param modulus of the DPU's counters */
  passedBy(reading: Reading, modulus: number | null, isLeftOut = NONE_IS_LEFT_OUT): Passed {
    const standing = standingIn(reading.measure);
    if (!standing) return this.#isSuperseded(reading, isLeftOut) ? NOBODY : passedIn(reading.measure);
    const before = this.#before(reading, isLeftOut);
    return passedBetween(before && standingIn(before.measure), standing, modulus);
  }

  /** The only reading whose count may depend on whether this one is in the series. */
  dependentOn(reading: Reading, isLeftOut = NONE_IS_LEFT_OUT): Reading | undefined {
    return isStanding(reading.measure) ? this.#after(reading, isLeftOut) : this.#before(reading, isLeftOut);
  }

  /** The readings between this one and the nearest on either side that are not left out. */
  leftOutAround(reading: Reading, isLeftOut: IsLeftOut): Reading[] {
    const [before, after] = [this.#stepBefore(reading, isLeftOut), this.#stepAfter(reading, isLeftOut)];
    return this.#inOrder.slice(before + 1, after).filter(isLeftOut);
  }

  #isSuperseded(reading: Reading, isLeftOut: IsLeftOut): boolean {
    const after = this.#after(reading, isLeftOut);
    return after?.timestampMs === reading.timestampMs && startOf(after.measure) === startOf(reading.measure);
  }

  #before(reading: Reading, isLeftOut: IsLeftOut): Reading | undefined {
    return this.#inOrder[this.#stepBefore(reading, isLeftOut)];
  }

  #after(reading: Reading, isLeftOut: IsLeftOut): Reading | undefined {
    return this.#inOrder[this.#stepAfter(reading, isLeftOut)];
  }

  /** The index of the nearest reading before this one that is not left out; -1 if there is none. */
  #stepBefore(reading: Reading, isLeftOut: IsLeftOut): number {
    let at = this.#placeOf(reading) - 1;
    for (let there = this.#inOrder[at]; there && isLeftOut(there); there = this.#inOrder[at]) at--;
    return at;
  }

  /** The same after it; the length of the series if there is none. */
  #stepAfter(reading: Reading, isLeftOut: IsLeftOut): number {
    const place = this.#placeOf(reading);
    let at = this.#isAt(place, reading) ? place + 1 : place;
    for (let there = this.#inOrder[at]; there && isLeftOut(there); there = this.#inOrder[at]) at++;
    return at;
  }

  #isAt(at: number, reading: Reading): boolean {
    const there = this.#inOrder[at];
    return there !== undefined && compareInSeries(there, reading) === 0;
  }

  /** The index of a reading, or the index at which it belongs. Usually at the end. */
  #placeOf(reading: Reading): number {
    let [low, high] = [0, this.#inOrder.length];
    const newest = this.#inOrder[high - 1];
    if (newest && compareInSeries(newest, reading) < 0) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#inOrder[middle];
      if (at && compareInSeries(at, reading) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
