// Local time. Arithmetic on local days is done on "local milliseconds" (the wall clock read as if it
// were UTC); luxon supplies the offsets of the IANA zones. luxon's own conversions are not used for
// ambiguous times, because there they depend on the offset at the moment of the call.
import { IANAZone } from 'luxon';

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

export function isTimeZone(zone: string): boolean {
  return IANAZone.isValidZone(zone);
}

const HOUR_MS = 3_600_000;
const REMEMBERED_MAX = 50_000;
/** By zone: offsets at full hours. The question is asked for every reset of every day of an interval. */
const offsetsAtHours = new Map<string, Map<number, number>>();

function offsetMs(atMs: number, zone: string): number {
  const hour = Math.floor(atMs / HOUR_MS);
  const [before, after] = [offsetAtHour(hour, zone), offsetAtHour(hour + 1, zone)];
  // No zone changes its offset and changes it back within an hour.
  return before === after ? before : IANAZone.create(zone).offset(atMs) * MINUTE_MS;
}

function offsetAtHour(hour: number, zone: string): number {
  let known = offsetsAtHours.get(zone);
  if (!known || known.size >= REMEMBERED_MAX) offsetsAtHours.set(zone, (known = new Map<number, number>()));
  let offset = known.get(hour);
  if (offset === undefined) known.set(hour, (offset = IANAZone.create(zone).offset(hour * HOUR_MS) * MINUTE_MS));
  return offset;
}

export function toLocalMs(atMs: number, zone: string): number {
  return atMs + offsetMs(atMs, zone);
}

/**
 * The instant of a wall clock reading. Twice on that day: the first. Skipped on that day: as far after
 * the change as it would have been without it.
 */
export function fromLocalMs(localMs: number, zone: string): number {
  const before = offsetMs(localMs - DAY_MS, zone);
  const after = offsetMs(localMs + DAY_MS, zone);
  for (const offset of before > after ? [before, after] : [after, before]) {
    if (offsetMs(localMs - offset, zone) === offset) return localMs - offset;
  }
  return localMs - before;
}

/** Local midnight of the day that `localMs` is in, in local milliseconds. */
export function startOfLocalDay(localMs: number): number {
  return Math.floor(localMs / DAY_MS) * DAY_MS;
}
