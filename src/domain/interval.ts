// The `interval` of a query, such as `15m`, and the bounds at which it divides a span of time.
import { DAY_MS, fromLocalMs, MINUTE_MS, startOfLocalDay, toLocalMs } from './zone.ts';

const UNITS_MS: Readonly<Record<string, number>> = { m: MINUTE_MS, h: 60 * MINUTE_MS, d: DAY_MS, w: 7 * DAY_MS };
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

export interface Interval {
  readonly lengthMs: number;
  /** True for days and weeks, which follow the space's time zone: a day has 23 or 25 hours when its clocks change. */
  readonly isLocal: boolean;
}

/** @returns undefined for anything but whole minutes or hours (`m`, `h`) of at most a week, `1d` and `1w` */
export function parseInterval(text: string): Interval | undefined {
  const match = /^([1-9]\d{0,4})([mhdw])$/.exec(text);
  const unitMs = UNITS_MS[match?.[2] ?? ''];
  if (!match || unitMs === undefined) return undefined;
  const lengthMs = Number(match[1]) * unitMs;
  const isLocal = unitMs >= DAY_MS;
  if (lengthMs > 7 * DAY_MS || (isLocal && match[1] !== '1')) return undefined;
  return { lengthMs, isLocal };
}

/** Approximately how many intervals a span has. Cheap, so that a span that is too long can be refused. */
export function intervalCount(startMs: number, endMs: number, { lengthMs }: Interval): number {
  return Math.ceil((endMs - startMs) / lengthMs);
}

/**
 * The bounds of the intervals that cover `[startMs, endMs)`, ascending; interval i is `[bounds[i], bounds[i + 1])`.
 * Days begin at local midnight and weeks on Monday; minutes and hours begin at multiples of their length since 1970
 * UTC.
 */
export function intervalBounds(startMs: number, endMs: number, interval: Interval, zone: string): number[] {
  const { lengthMs, isLocal } = interval;
  const bounds: number[] = [];
  if (!isLocal) {
    for (let at = Math.floor(startMs / lengthMs) * lengthMs; ; at += lengthMs) {
      bounds.push(at);
      if (at >= endMs) return bounds;
    }
  }
  const midnight = startOfLocalDay(toLocalMs(startMs, zone));
  const weeksMs = lengthMs === DAY_MS ? 0 : (midnight - FIRST_MONDAY_MS) % (7 * DAY_MS);
  const first = midnight - (weeksMs < 0 ? weeksMs + 7 * DAY_MS : weeksMs);
  for (let local = first; ; local += lengthMs) {
    const at = fromLocalMs(local, zone);
    // A day that a zone skipped, such as 2011-12-30 in Samoa, would have no length: it is left out.
    if (at !== bounds.at(-1)) bounds.push(at);
    if (at >= endMs) return bounds;
  }
}
