// Spans of time that can be chosen, and the length of intervals in which they are shown.
import { DAY_MS, HOUR_MS, instantIn, localTimeIn, MINUTE_MS, startOfDayIn } from '../i18n/zoned-time.ts';
import type { Span } from '../span.ts';

/** Up to this length, in this interval: at most 300 to 400 values. */
const INTERVALS = [
  [5 * HOUR_MS, '1m'],
  [25 * HOUR_MS, '5m'],
  [3 * DAY_MS, '15m'],
  [14 * DAY_MS, '1h'],
  [60 * DAY_MS, '6h'],
] as const;

export function intervalFor({ fromMs, toMs }: Span): string {
  return INTERVALS.find(([longest]) => toMs - fromMs <= longest)?.[1] ?? '1d';
}

/** Today by the clock of the zone, to its end. */
export function today(zone: string, nowMs: number): Span {
  const fromMs = startOfDayIn(zone, nowMs);
  // A day may have 25 hours.
  return { fromMs, toMs: startOfDayIn(zone, fromMs + DAY_MS + 2 * HOUR_MS) };
}

export function lastHours(hours: number, nowMs: number): Span {
  const toMs = Math.ceil(nowMs / MINUTE_MS) * MINUTE_MS;
  return { fromMs: toMs - hours * HOUR_MS, toMs };
}

/** The same days of the week before, by the clock of the zone. */
export function weekBefore(zone: string, { fromMs, toMs }: Span): Span {
  return { fromMs: sevenDaysBefore(zone, fromMs), toMs: sevenDaysBefore(zone, toMs) };
}

function sevenDaysBefore(zone: string, ms: number): number {
  const wholeMinute = ms - (ms % MINUTE_MS);
  const local = Date.parse(`${localTimeIn(zone, wholeMinute)}Z`) - 7 * DAY_MS;
  return instantIn(zone, new Date(local).toISOString().slice(0, 16)) + (ms - wholeMinute);
}
