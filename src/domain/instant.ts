// Instants are integers: milliseconds since 1970-01-01T00:00:00Z. This module parses and formats their text form, and
// defines the limits of time. A reading is after BEGINNING_MS and, because its timestamp may only be a skew allowance
// ahead of the log's clock, before LATEST_STORABLE_MS.

/** Before every reading: the reset of a space that was never reset, and the `from` of a DPU's first placement. */
export const BEGINNING_MS = -1;
/** Means "no end": the `to` of the current placement. The last millisecond of year 9999; never stored. */
export const END_MS = 253_402_300_799_999;
/** The last millisecond of ClickHouse's DateTime64(3), at the end of 2299. Queries must not ask for a later one. */
export const LATEST_STORABLE_MS = 10_413_791_999_999;

export const MINUTE_MS = 60_000;

const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|z|[+-]\d\d:?\d\d)$/;
const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Parses an ISO 8601 instant with an offset; digits beyond milliseconds are ignored.
 * @returns milliseconds since 1970; undefined for anything else: no offset, 30 February, before 1970, after 9999
 */
export function parseInstant(text: string): number | undefined {
  const parsed = parseInDay(text) ?? parseAny(text);
  return parsed !== undefined && parsed >= 0 && parsed < END_MS ? parsed : undefined;
}

const PLAIN = '2026-11-28T09:30:00.000Z';
const DATE_LENGTH = '2026-11-28T'.length;
/** The date that was parsed last, with its T, and when it begins: readings that arrive together usually fall on few days. */
let [date, dateMs] = ['none', NaN];

/** Reads what most devices send, the form of PLAIN, in a third of the time if the date is that of the instant before. */
function parseInDay(text: string): number | undefined {
  if (text.length !== PLAIN.length || !text.startsWith(date)) return undefined;
  const [hour, minute, second] = [digitsAt(text, 11, 2), digitsAt(text, 14, 2), digitsAt(text, 17, 2)];
  const fraction = digitsAt(text, 20, 3);
  const isPlain = text[13] === ':' && text[16] === ':' && text[19] === '.' && text[23] === 'Z' && fraction >= 0;
  if (!isPlain || !(hour < 24 && minute < 60 && second < 60)) return undefined;
  return dateMs + ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
}

/** @returns NaN if there is something else */
function digitsAt(text: string, at: number, count: number): number {
  let value = 0;
  for (let n = at; n < at + count; n += 1) {
    const digit = text.charCodeAt(n) - 48;
    if (!(digit >= 0 && digit <= 9)) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

function parseAny(text: string): number | undefined {
  const match = ISO.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = '', offset] = match;
  const [y, mo, d] = [Number(year), Number(month), Number(day)];
  // Date.UTC takes 99 for 1999.
  if (y < 100 || mo < 1 || mo > 12 || d < 1 || d > (DAYS[mo - 1] ?? 0)) return undefined;
  if (mo === 2 && d === 29 && (y % 4 !== 0 || (y % 100 === 0 && y % 400 !== 0))) return undefined;
  const [h, mi, s] = [Number(hour), Number(minute), Number(second)];
  if (h > 23 || mi > 59 || s > 59) return undefined;
  [date, dateMs] = [text.slice(0, DATE_LENGTH), Date.UTC(y, mo - 1, d)];
  const ms = Date.UTC(y, mo - 1, d, h, mi, s, Number(fraction.padEnd(3, '0').slice(0, 3)));
  return ms - offsetMs(offset ?? 'Z');
}

function offsetMs(offset: string): number {
  if (offset === 'Z' || offset === 'z') return 0;
  const digits = offset.replace(':', '');
  const minutes = Number(digits.slice(1, 3)) * 60 + Number(digits.slice(3, 5));
  return (offset.startsWith('-') ? -minutes : minutes) * MINUTE_MS;
}

/** The minute that was formatted last, and its text: the instants of a change, and of those after it, fall within few minutes. */
let [minute, minuteText] = [NaN, ''];

/** ISO 8601 in UTC, with milliseconds. @throws RangeError if it is no number, or further from 1970 than a Date can be */
export function formatInstant(ms: number): string {
  const whole = Math.trunc(ms);
  if (Math.floor(whole / MINUTE_MS) !== minute) {
    // Date refuses what it cannot format.
    const text = new Date(whole).toISOString();
    [minute, minuteText] = [Math.floor(whole / MINUTE_MS), text.slice(0, text.lastIndexOf(':') + 1)];
    return text;
  }
  const inMinute = whole - minute * MINUTE_MS;
  const seconds = Math.floor(inMinute / 1000);
  const fraction = inMinute - seconds * 1000;
  return `${minuteText}${seconds < 10 ? '0' : ''}${seconds}.${fraction < 10 ? '00' : fraction < 100 ? '0' : ''}${fraction}Z`;
}
