// Which reading counts where a payload has an interval more than once. A device line has one result for one interval, so the
// identity of such a reading is its DPU, start and end. The most complete one counts, by the same order as of readings that arrive
// one after another, so the outcome does not depend on which of them comes first.
import { compareRevisions } from '../domain/measure.ts';
import type { AdaptedReading, PeoplePassed } from './adapter.ts';

/** The revision that an interval is sent with, so that a later payload can correct it; undefined where its start or its end is unknown. */
export function revisionOf({ startMs, timestampMs, revision = 0 }: PeoplePassed): number | undefined {
  return startMs === undefined || timestampMs === null ? undefined : revision;
}

/** The identity of a reading of an interval; undefined for readings of another form, and where the device gave no start. */
function intervalKeyOf({ dpuId, reading }: AdaptedReading): string | undefined {
  if (!('entrances' in reading) || revisionOf(reading) === undefined) return undefined;
  return `${dpuId} ${reading.startMs} ${reading.timestampMs}`;
}

/** Whether `a` counts and `b` does not; for two readings of the same interval. */
export function supersedes(a: PeoplePassed, b: PeoplePassed): boolean {
  return compareRevisions({ revision: 0, ...a }, { revision: 0, ...b }) > 0;
}

/** The readings without those that another one of them supersedes. */
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
