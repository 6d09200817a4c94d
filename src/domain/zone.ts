// Local time. Arithmetic on local days is done on "local milliseconds" (the wall clock read as if it
// were UTC); luxon supplies the offsets of the IANA zones. luxon's own conversions are not used for
// ambiguous times, because there they depend on the offset at the moment of the call.
import { IANAZone } from 'luxon';

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

export function isTimeZone(zone: string): boolean {
  return IANAZone.isValidZone(zone);
}

function offsetMs(atMs: number, zone: string): number {
  return IANAZone.create(zone).offset(atMs) * MINUTE_MS;
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
