// The oracle's own way from a local time of day to an instant.
import { DateTime } from 'luxon';

const MINUTE = 60_000;
const DAY = 86_400_000;

const instants = new Map<string, number>();

/**
 * The instant at which a wall clock shows a time on a day: the first of two such instants; or, if the clock skips the time,
 * as long after the skip as the time is after the skip's start. Found by trying the zone's offsets of the day before and of
 * the day after.
 */
export function instantOfDay(year: number, month: number, day: number, timeOfDay: string, zone: string): number {
  const key = `${year}-${month}-${day} ${timeOfDay} ${zone}`;
  const known = instants.get(key);
  if (known !== undefined) return known;
  const wanted = Date.UTC(year, month - 1, day, Number(timeOfDay.slice(0, 2)), Number(timeOfDay.slice(3, 5)));
  const offset = (instant: number): number => DateTime.fromMillis(instant, { zone }).offset * MINUTE;
  const [before, after] = [offset(wanted - DAY), offset(wanted + DAY)];
  const candidates = [wanted - before, wanted - after].sort((a, b) => a - b);
  // In a skipped hour neither candidate shows the time; the offset before the skip leads past it.
  const found = candidates.find((instant) => instant + offset(instant) === wanted) ?? wanted - before;
  instants.set(key, found);
  return found;
}
