// Local time. Arithmetic on local days uses "local milliseconds": the wall clock, read as if it were UTC. luxon
// supplies the offsets of IANA zones. Its own conversions are not used, because for ambiguous times their result
// depends on the offset at the moment of the call.
import { IANAZone } from 'luxon';
import { END_MS, MINUTE_MS } from './instant.ts';

export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const VALID_ZONES_MAX = 2_000;
/** Validating a zone creates a formatter, and an import names a zone for each of thousands of spaces. */
const validZones = new Set<string>();

export function isTimeZone(zone: string): boolean {
  if (validZones.has(zone)) return true;
  if (!IANAZone.isValidZone(zone)) return false;
  // There are about 600 zones, but their names may be in any case.
  if (validZones.size < VALID_ZONES_MAX) validZones.add(zone);
  return true;
}

/** The first spelling of each name that was used, by the name in lower case. */
const spellings = new Map<string, string>();

/**
 * A zone by its name in any case; undefined if there is none. One spelling of each, because everything about a zone is cached by its
 * name.
 */
export function zoneNamed(name: string): string | undefined {
  const known = spellings.get(name.toLowerCase());
  if (known !== undefined) return known;
  // An offset such as +01:00 is not the name of a zone.
  if (!/^[a-z]/i.test(name) || !isTimeZone(name)) return undefined;
  spellings.set(name.toLowerCase(), name);
  return name;
}

/** In all zones together, since anybody may ask for times in any zone. */
const CACHED_HOURS_MAX = 200_000;
let cachedHours = 0;
/** Cached offsets at full hours, by zone. They are needed for every daily reset in a queried interval. */
const offsetsAtHours = new Map<string, Map<number, number>>();

function offsetMs(atMs: number, zone: string): number {
  const hour = Math.floor(atMs / HOUR_MS);
  const [before, after] = [offsetAtHour(hour, zone), offsetAtHour(hour + 1, zone)];
  // No zone changes its offset twice within an hour.
  return before === after ? before : IANAZone.create(zone).offset(atMs) * MINUTE_MS;
}

function offsetAtHour(hour: number, zone: string): number {
  const found = offsetsAtHours.get(zone)?.get(hour);
  if (found !== undefined) return found;
  if (cachedHours >= CACHED_HOURS_MAX) {
    offsetsAtHours.clear();
    cachedHours = 0;
  }
  cachedHours += 1;
  const offset = IANAZone.create(zone).offset(hour * HOUR_MS) * MINUTE_MS;
  const known = offsetsAtHours.get(zone);
  if (known) known.set(hour, offset);
  else offsetsAtHours.set(zone, new Map([[hour, offset]]));
  return offset;
}

export function toLocalMs(atMs: number, zone: string): number {
  return atMs + offsetMs(atMs, zone);
}

/**
 * ISO 8601 with milliseconds and the offset of a zone. Written offsets have whole minutes. Where a zone's offset had seconds, as some
 * had until 1972, the instant is exact and the local time is off by those seconds. UTC if the year would have more than four digits.
 */
export function formatInZone(ms: number, zone: string): string {
  const minutes = Math.round(offsetMs(ms, zone) / MINUTE_MS);
  const localMs = ms + minutes * MINUTE_MS;
  if (localMs > END_MS) return new Date(ms).toISOString();
  const digits = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${new Date(localMs).toISOString().slice(0, -1)}${minutes < 0 ? '-' : '+'}${digits.join(':')}`;
}

/**
 * The instant at which the wall clock shows a local time. If it does so twice, the first. If the local time is
 * skipped, the instant that is as long after the change as it would have been without the change.
 */
export function fromLocalMs(localMs: number, zone: string): number {
  const before = offsetMs(localMs - DAY_MS, zone);
  const after = offsetMs(localMs + DAY_MS, zone);
  for (const offset of before > after ? [before, after] : [after, before]) {
    if (offsetMs(localMs - offset, zone) === offset) return localMs - offset;
  }
  return localMs - before;
}

/**
 * The instants at which the wall clock shows a local time: one, or two where it goes back. If the local time is skipped,
 * the instant at which the clock skips it.
 */
export function instantsOfLocalMs(localMs: number, zone: string): readonly [first: number, again?: number] {
  const before = offsetMs(localMs - DAY_MS, zone);
  const after = offsetMs(localMs + DAY_MS, zone);
  if (before === after) return [localMs - before];
  const [first, again] = [...new Set([localMs - before, localMs - after])]
    .sort((a, b) => a - b)
    .filter((at) => toLocalMs(at, zone) === localMs);
  if (first !== undefined) return again === undefined ? [first] : [first, again];
  // The change lies in (localMs - after, localMs - before].
  let [early, late] = [localMs - after, localMs - before];
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2);
    if (offsetMs(middle, zone) === after) late = middle;
    else early = middle;
  }
  return [late];
}

/** Local midnight of the day that `localMs` is in, in local milliseconds. */
export function startOfLocalDay(localMs: number): number {
  return Math.floor(localMs / DAY_MS) * DAY_MS;
}
