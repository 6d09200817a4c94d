// Which reading counts if a payload has an interval more than once. A line of a device has one result for one
// interval, so such a reading is identified by its DPU, start and end. The most complete one counts, by the same
// order as for readings that arrive one after another, so the outcome does not depend on which arrives first.
import { compareRevisions } from '../domain/measure.ts';
import type { AdaptedReading, PeoplePassed } from './adapter.ts';

/**
 * The revision with which an interval is sent, so that a later payload can correct it; undefined if its start or its
 * end is unknown.
 */
export function revisionOf({ startMs, timestampMs, revision = 0 }: PeoplePassed): number | undefined {
  return startMs === undefined || timestampMs === null ? undefined : revision;
}

/** The key of a reading of an interval; undefined for readings of another form, and if the device gave no start. */
function intervalKeyOf({ dpuId, reading }: AdaptedReading): string | undefined {
  if (!('entrances' in reading) || revisionOf(reading) === undefined) return undefined;
  return `${dpuId} ${reading.startMs} ${reading.timestampMs}`;
}

/** For two readings of the same interval: true if `a` counts and `b` does not. */
export function supersedes(a: PeoplePassed, b: PeoplePassed): boolean {
  return compareRevisions({ revision: 0, ...a }, { revision: 0, ...b }) > 0;
}

/** The readings that are not superseded by another one. */
export function withoutCorrected(readings: readonly AdaptedReading[]): AdaptedReading[] {
  const kept = new Map<string | number, AdaptedReading>();
  readings.forEach((adapted, index) => {
    const key = intervalKeyOf(adapted) ?? index;
    const before = kept.get(key);
    const isCorrected = before && !supersedes(adapted.reading as PeoplePassed, before.reading as PeoplePassed);
    if (!isCorrected) kept.set(key, adapted);
  });
  return [...kept.values()];
}
