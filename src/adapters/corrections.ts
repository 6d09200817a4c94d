// Which reading counts where a device sent an interval more than once. A device line has one result for one interval, so the
// identity of such a reading is its DPU, start and end. The most complete one counts: the greatest revision, and with equal
// revisions the one with the most people, since what is corrected is an interval that was exported before it was over. That
// is a total order, so the outcome does not depend on which of them arrived first.
import type { AdaptedReading, PeoplePassed } from './adapter.ts';

/** The identity of a reading of an interval; undefined for readings of another form, and where the device gave no start. */
function intervalKeyOf({ dpuId, reading }: AdaptedReading): string | undefined {
  if (!('entrances' in reading) || reading.startMs === undefined || reading.timestampMs === null) return undefined;
  return `${dpuId} ${reading.startMs} ${reading.timestampMs}`;
}

/** Whether `a` counts and `b` does not; for two readings of the same interval. */
export function supersedes(a: PeoplePassed, b: PeoplePassed): boolean {
  return rank(a).reduce((order, value, index) => order || value - (rank(b)[index] ?? 0), 0) > 0;
}

function rank({ revision = 0, entrances, exits }: PeoplePassed): readonly number[] {
  return [revision, entrances + exits, entrances];
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
