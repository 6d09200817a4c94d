// The `interval` of a query, such as `15m`, and the bounds at which it divides a span of time. All intervals follow
// the clock of the space: days begin at local midnight, weeks on Monday, months on the first, and minutes and hours
// where the clock shows a multiple of their length, counted from midnight if the length divides a day.
import { MINUTE_MS } from './instant.ts';
import { DAY_MS, fromLocalMs, HOUR_MS, instantsOfLocalMs, startOfLocalDay, toLocalMs } from './zone.ts';

const UNITS_MS: Readonly<Record<string, number>> = {
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
  // The length of the shortest month, so that the number of intervals is never underestimated.
  M: 28 * DAY_MS,
};
const KINDS: Readonly<Record<string, Interval['kind']>> = { m: 'clock', h: 'clock', d: 'day', w: 'week', M: 'month' };
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;
/** No clock goes back by more (Antarctica/Casey: 3 hours). */
const SHIFT_MAX_MS = 4 * HOUR_MS;

export interface Interval {
  /** The length without a change of clocks; for months, that of the shortest. */
  readonly lengthMs: number;
  readonly kind: 'clock' | 'day' | 'week' | 'month';
}

/** @returns undefined for anything but whole minutes or hours (`m`, `h`) of at most a week, `1d`, `1w` and `1M` */
export function parseInterval(text: string): Interval | undefined {
  const match = /^([1-9]\d{0,4})([mhdwM])$/.exec(text);
  const [unitMs, kind] = [UNITS_MS[match?.[2] ?? ''], KINDS[match?.[2] ?? '']];
  if (!match || unitMs === undefined || kind === undefined) return undefined;
  const lengthMs = Number(match[1]) * unitMs;
  if (kind === 'clock' ? lengthMs > 7 * DAY_MS : match[1] !== '1') return undefined;
  return { lengthMs, kind };
}

/** The approximate number of intervals in a span. Cheap, so that a span that is too long can be refused. */
export function intervalCount(startMs: number, endMs: number, { lengthMs }: Interval): number {
  return Math.ceil((endMs - startMs) / lengthMs);
}

/**
 * The bounds of the intervals that cover `[startMs, endMs)`, ascending; interval i is `[bounds[i], bounds[i + 1])`.
 * When clocks change, an interval is longer or shorter than its length, but never twice as long.
 */
export function intervalBounds(startMs: number, endMs: number, interval: Interval, zone: string): number[] {
  if (interval.kind === 'clock') return clockBounds(startMs, endMs, interval.lengthMs, zone);
  const bounds: number[] = [];
  const localMs = firstDayOf(startOfLocalDay(toLocalMs(startMs, zone)), interval.kind);
  for (let n = 0; ; n++) {
    const at = fromLocalMs(nthAfter(localMs, n, interval), zone);
    // A day that a zone skipped, such as 2011-12-30 in Samoa, would be empty, so it is left out.
    if (at !== bounds.at(-1)) bounds.push(at);
    if (at >= endMs) return bounds;
  }
}

/** The same in parts of about `max` intervals; each part begins where the one before ends. */
export function* boundsInParts(
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  interval: Interval,
  zone: string,
  max: number,
): Generator<number[]> {
  for (let startMs = fromMs; startMs < toMs;) {
    const bounds = intervalBounds(startMs, Math.min(toMs, startMs + max * interval.lengthMs), interval, zone);
    yield bounds;
    startMs = bounds.at(-1) ?? toMs;
  }
}

function firstDayOf(midnightMs: number, kind: Interval['kind']): number {
  if (kind === 'month') return midnightMs - (new Date(midnightMs).getUTCDate() - 1) * DAY_MS;
  if (kind === 'day') return midnightMs;
  const weeksMs = (midnightMs - FIRST_MONDAY_MS) % (7 * DAY_MS);
  return midnightMs - (weeksMs < 0 ? weeksMs + 7 * DAY_MS : weeksMs);
}

function nthAfter(localMs: number, n: number, { kind, lengthMs }: Interval): number {
  if (kind !== 'month') return localMs + n * lengthMs;
  const first = new Date(localMs);
  return first.setUTCMonth(first.getUTCMonth() + n);
}

/**
 * A bound is where the clock first shows a multiple of the length, or where it skips one. Multiples that the clock
 * shows again after going back are bounds too, if the length is at most the hour that is repeated: a day of 25 hours
 * has 25 intervals of an hour, but still two of 12 hours.
 */
function clockBounds(startMs: number, endMs: number, lengthMs: number, zone: string): number[] {
  const found: number[] = [];
  const nearMs = toLocalMs(startMs, zone) - SHIFT_MAX_MS;
  for (let localMs = Math.floor(nearMs / lengthMs - 1) * lengthMs; ; localMs += lengthMs) {
    const [first, again] = instantsOfLocalMs(localMs, zone);
    found.push(first);
    if (again !== undefined && again - first >= lengthMs) found.push(again);
    if (first >= endMs) break;
  }
  const bounds = [...new Set(found)].sort((a, b) => a - b);
  const begin = bounds.findLastIndex((bound) => bound <= startMs);
  const end = bounds.findIndex((bound) => bound >= endMs);
  return bounds.slice(begin, end + 1);
}
