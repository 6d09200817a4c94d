// Instants as devices write them: epoch seconds or milliseconds as numbers or text, ISO 8601 and variants of it
// (one-digit offsets, slashes, a space for the T, `-00:00`, no offset at all), and `YYYYMMDDhhmmss`.
import { END_MS } from '../domain/instant.ts';
import { SECONDS_BELOW } from '../domain/parse-reading.ts';
import { fromLocalMs } from '../domain/zone.ts';
import type { Field } from './field.ts';

/** Converts the time shown by a device's own clock, expressed as if it were UTC, to an instant. */
export type LocalClock = (localMs: number) => number;

export interface TimeRules {
  /** The clock for times without an offset; if absent, such times are refused. */
  readonly clock?: LocalClock | undefined;
  /** The unit of numbers; if absent, it is determined by their size. */
  readonly unit?: 's' | 'ms' | undefined;
  /** The order of dates in text; by default the year comes first. */
  readonly order?: 'ymd' | 'dmy' | 'mdy' | undefined;
}

const LENGTH_MAX = 64;
const NUMBER = /^\d{1,16}(?:\.\d{1,9})?$/;
const COMPACT = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/;
const TEXT =
  /^(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})[T ](\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)? ?(Z|z|[+-]\d{1,2}(?::?\d\d)?)?$/;
const OFFSET = /^(?:UTC|GMT)? ?([+-])(\d{1,2})(?::?(\d\d))?\b/;

export function clockOfZone(zone: string | undefined): LocalClock | undefined {
  return zone === undefined ? undefined : (localMs) => fromLocalMs(localMs, zone);
}

/**
 * The clock for a zone as devices write it, such as `UTC+8:00 China Standard Time`; undefined if the text does not
 * begin with an offset.
 */
export function clockOfOffset(text: string | undefined): LocalClock | undefined {
  const offset = text === undefined ? undefined : offsetMs(text);
  return offset === undefined ? undefined : (localMs) => localMs - offset;
}

/** @returns milliseconds since 1970 @throws WrongField */
export function timeOf(field: Field, rules: TimeRules = {}): number {
  if (!field.exists) field.fail('is missing: a time');
  const { value } = field;
  const text = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
  const compact = COMPACT.exec(text);
  if (compact && rules.unit === undefined) return inRange(field, local(field, compact.slice(1).map(Number), rules));
  if (NUMBER.test(text)) return inRange(field, numeric(Number(text), rules.unit));
  const match = text.length <= LENGTH_MAX ? TEXT.exec(text.replaceAll(/\s+/g, ' ')) : null;
  if (!match) return field.fail('must be a time: ISO 8601, or seconds or milliseconds since 1970');
  const [, a, b, c, hour, minute, second = '0', fraction = '', offset] = match;
  const date = { ymd: [a, b, c], dmy: [c, b, a], mdy: [c, a, b] }[rules.order ?? 'ymd'];
  const parts = [...date, hour, minute, second].map(Number);
  const ms = Number(fraction.padEnd(3, '0').slice(0, 3));
  if (offset === undefined) return inRange(field, local(field, parts, rules) + ms);
  const [instant, ahead] = [utc(parts), /^z$/i.test(offset) ? 0 : offsetMs(offset)];
  if (instant === undefined || ahead === undefined) return field.fail('is not a valid date and time');
  return inRange(field, instant - ahead + ms);
}

function numeric(number: number, unit: TimeRules['unit']): number {
  const isSeconds = unit === undefined ? number < SECONDS_BELOW : unit === 's';
  return Math.floor(isSeconds ? Math.round(number * 1_000) : number);
}

function local(field: Field, parts: readonly number[], { clock }: TimeRules): number {
  const localMs = utc(parts);
  if (localMs === undefined) return field.fail('is not a valid date and time');
  return clock ? clock(localMs) : field.fail("has no offset from UTC: set the device's time_zone");
}

function inRange(field: Field, ms: number): number {
  return ms >= 0 && ms < END_MS ? ms : field.fail('is a time before 1970 or after 9999');
}

/** Midnight may be written as 24:00:00 of the day before. */
function utc(parts: readonly number[]): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const midnight = Date.UTC(year, month - 1, day);
  const isDay = year >= 1000 && new Date(midnight).getUTCMonth() === month - 1 && day >= 1;
  const seconds = (hour * 60 + minute) * 60 + second;
  return isDay && minute < 60 && second < 60 && seconds <= 86_400 ? midnight + seconds * 1_000 : undefined;
}

function offsetMs(text: string): number | undefined {
  const [, sign, hours, minutes = '0'] = OFFSET.exec(text.trim()) ?? [];
  if (hours === undefined || Number(hours) > 15 || Number(minutes) > 59) return undefined;
  return (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000);
}
