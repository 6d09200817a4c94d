// Numbers, times and lengths of time, in the browser's language and the zone of a space.
import { locale } from './i18n.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './zoned-time.ts';

const numbers = new Intl.NumberFormat(locale);
const short = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 0 });
const rates = new Intl.NumberFormat(locale, { maximumSignificantDigits: 2 });
const percents = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
const signed = new Intl.NumberFormat(locale, { signDisplay: 'exceptZero' });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
const formats = new Map<string, Intl.DateTimeFormat>();

export const formatNumber = (value: number): string => numbers.format(value);
/** Whole, and from a thousand on rounded, such as 2K. */
export const formatShort = (value: number): string => short.format(value);
/** With at most two digits that matter, such as 0.25 or 140. */
export const formatRate = (value: number): string => rates.format(value);
export const formatPercent = (value: number): string => percents.format(value);
export const formatSigned = (value: number): string => signed.format(value);

type Instant = string | number;

const STYLES = {
  time: { hour: '2-digit', minute: '2-digit' },
  seconds: { hour: '2-digit', minute: '2-digit', second: '2-digit' },
  day: { day: 'numeric', month: 'short' },
  date: { dateStyle: 'medium' },
  dateTime: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
  full: { dateStyle: 'medium', timeStyle: 'medium' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

export type TimeStyle = keyof typeof STYLES;

/** @param zone undefined for the zone of this browser */
export function formatTime(instant: Instant, style: TimeStyle, zone?: string): string {
  const key = `${style} ${zone}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(locale, { ...STYLES[style], ...(zone === undefined ? {} : { timeZone: zone }) });
    formats.set(key, format);
  }
  return format.format(new Date(instant));
}

const UNITS = [
  ['day', DAY_MS],
  ['hour', HOUR_MS],
  ['minute', MINUTE_MS],
] as const;

/** Such as "5 min. ago". */
export function formatAgo(instant: Instant, nowMs: number): string {
  const passedMs = Math.max(0, nowMs - new Date(instant).getTime());
  const [unit, ms] = UNITS.find(([, length]) => passedMs >= length) ?? (['second', 1_000] as const);
  return relative.format(-Math.floor(passedMs / ms), unit);
}

const LENGTH_UNITS: Readonly<Record<string, string>> = { m: 'minute', h: 'hour', d: 'day' };

/** Such as "5 minutes". @param interval as the API names it: 5m, 1h, 1d */
export function formatInterval(interval: string): string {
  const unit = LENGTH_UNITS[interval.at(-1) ?? ''] ?? 'day';
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(Number.parseInt(interval));
}

/** Monday to Sunday. */
export function weekdayNames(style: 'short' | 'long'): string[] {
  const format = new Intl.DateTimeFormat(locale, { weekday: style, timeZone: 'UTC' });
  // 1 January 2024 was a Monday.
  return Array.from({ length: 7 }, (_, day) => format.format(Date.UTC(2024, 0, 1 + day)));
}
