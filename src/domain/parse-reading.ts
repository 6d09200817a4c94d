// Parses what a device sends as a reading. One parser serves NATS, MQTT, HTTP and CSV, so that a reading means the
// same for every transport.
import { deviceOf, DPU_ID_RULE, isDpuId, isReadingName, isToken, type DpuId } from './ids.ts';
import { formatInstant, parseInstant } from './instant.ts';
import {
  intervalMeasure,
  PASSED_MAX,
  personMeasure,
  REVISION_MAX,
  revisionMeasure,
  standingMeasure,
  TOTAL_MAX,
  type Direction,
  type Measure,
} from './measure.ts';
import type { Reading, RejectReason } from './reading.ts';

export interface Rejection {
  readonly reason: RejectReason;
  /** The invalid field, or empty if the whole item is invalid. */
  readonly field: string;
  readonly detail: string;
}

/** A reading as sent: `timestampMs` is null if it has no timestamp, and it then counts at its arrival. */
export interface SentReading extends Omit<Reading, 'timestampMs' | 'hasPreviousId'> {
  readonly timestampMs: number | null;
}

export type ParsedReading =
  { readonly ok: true; readonly reading: SentReading } | { readonly ok: false; readonly rejection: Rejection };

export interface ParseContext {
  /**
   * The DPU that the transport names (subject, topic). A `dpu_id` in the body must then be absent, equal, or one of
   * its lines.
   */
  readonly dpuId?: DpuId;
  /** The latest accepted timestamp. */
  readonly latestMs: number;
  /**
   * The earliest accepted timestamp, by default 2000-01-01. A device that reports an earlier time has not set its
   * clock.
   */
  readonly earliestMs?: number;
  /** Added to the device's timestamps before they are checked. */
  readonly shiftMs?: number;
}

export const EARLIEST_MS = Date.UTC(2000, 0, 1);
/**
 * In seconds since 1970 this is the year 5138; in milliseconds it is 1973, before any such counter existed. So
 * smaller numbers are seconds.
 */
export const SECONDS_BELOW = 100_000_000_000;
const FORMS =
  'a reading has a direction (1 or -1), or entrances and exits, or total_entrances and total_exits, and no others of these';

const NO_READING: ParsedReading = {
  ok: false,
  rejection: { reason: 'bad_reading', field: '', detail: `a reading is an object; ${FORMS}` },
};

class Rejected extends Error {
  readonly rejection: Rejection;

  constructor(reason: RejectReason, field: string, detail: string) {
    super(detail);
    this.rejection = { reason, field, detail };
  }
}

/**
 * Parses one of `{dpu_id?, timestamp?, id?, direction}`, `{…, entrances, exits, start?, revision?}` and `{…,
 * total_entrances, total_exits, counter_epoch?}` from decoded JSON or CSV. Never throws.
 */
export function parseReading(value: unknown, context: ParseContext): ParsedReading {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return NO_READING;
  try {
    return { ok: true, reading: readingIn(value as Record<string, unknown>, context) };
  } catch (error) {
    if (error instanceof Rejected) return { ok: false, rejection: error.rejection };
    throw error;
  }
}

function readingIn(body: Record<string, unknown>, context: ParseContext): SentReading {
  const dpuId = dpuIdIn(body['dpu_id'], context.dpuId);
  const timestampMs = isAbsent(body['timestamp']) ? null : instantIn(body['timestamp'], 'timestamp', context);
  const measure = measureIn(body, timestampMs, context);
  const name = nameIn(body['id']);
  return name === undefined ? { dpuId, timestampMs, measure } : { dpuId, timestampMs, measure, name };
}

function has(body: Record<string, unknown>, field: string): boolean {
  return !isAbsent(body[field]);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function dpuIdIn(value: unknown, expected: DpuId | undefined): DpuId {
  if (value === undefined && expected !== undefined) return expected;
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (isDpuId(text) && (expected === undefined || expected === text || expected === deviceOf(text))) return text;
  throw new Rejected(
    'bad_dpu_id',
    'dpu_id',
    expected === undefined
      ? `dpu_id must be ${DPU_ID_RULE}`
      : `dpu_id, when given, must be that of the subject, ${expected}, or of one of its lines, ${expected}/<line>`,
  );
}

/** Milliseconds since 1970 as text. */
export const MS_TEXT = /^\d{1,16}$/;

/** ISO 8601 with an offset, or milliseconds since 1970 as a number or as text. */
function instantIn(value: unknown, field: string, context: ParseContext): number {
  const { latestMs, earliestMs = EARLIEST_MS, shiftMs = 0 } = context;
  const ms = typeof value === 'string' && MS_TEXT.test(value) ? Number(value) : value;
  if (typeof ms === 'number' && ms < SECONDS_BELOW && ms * 1_000 >= earliestMs)
    throw new Rejected('bad_timestamp', field, `${field} looks like seconds: a number is milliseconds since 1970`);
  const deviceMs = typeof ms === 'string' ? parseInstant(ms) : Number.isSafeInteger(ms) ? (ms as number) : undefined;
  if (deviceMs === undefined || deviceMs < 0)
    throw new Rejected(
      'bad_timestamp',
      field,
      `${field} must be ISO 8601 with an offset, or milliseconds since 1970, and not before 1970`,
    );
  const instant = deviceMs + shiftMs;
  if (instant < earliestMs)
    throw new Rejected(
      'clock_unset',
      field,
      `${field} is ${formatInstant(instant)}: the device's clock is not set (the earliest that is accepted is ${formatInstant(earliestMs)})`,
    );
  if (instant > latestMs)
    throw new Rejected(
      'future',
      field,
      `${field} is too far in the future: the latest that is accepted now is ${formatInstant(latestMs)}`,
    );
  return instant;
}

function measureIn(body: Record<string, unknown>, timestampMs: number | null, context: ParseContext): Measure {
  const isPerson = has(body, 'direction');
  const isInterval = has(body, 'entrances') || has(body, 'exits') || has(body, 'start');
  const isStanding = has(body, 'total_entrances') || has(body, 'total_exits') || has(body, 'counter_epoch');
  if (isPerson ? isInterval || isStanding : isInterval && isStanding)
    throw new Rejected('bad_reading', isPerson ? 'direction' : 'entrances', FORMS);
  const isRevision = has(body, 'revision');
  if (isRevision && !(has(body, 'entrances') && has(body, 'exits') && has(body, 'start') && timestampMs !== null))
    throw new Rejected('bad_reading', 'revision', 'a revision needs entrances, exits, start and timestamp');
  if (isInterval) {
    const passed = {
      entrances: countIn(body, 'entrances', PASSED_MAX),
      exits: countIn(body, 'exits', PASSED_MAX),
    };
    const startMs = startIn(body['start'], timestampMs, context);
    return startMs === null || !isRevision
      ? intervalMeasure(passed, startMs)
      : revisionMeasure({ ...passed, startMs, revision: countIn(body, 'revision', REVISION_MAX) });
  }
  if (isStanding) {
    return standingMeasure({
      totalEntrances: countIn(body, 'total_entrances', TOTAL_MAX),
      totalExits: countIn(body, 'total_exits', TOTAL_MAX),
      counterEpoch: epochIn(body['counter_epoch']),
    });
  }
  const direction = directionIn(body['direction']);
  if (direction === undefined)
    throw new Rejected('bad_direction', 'direction', isPerson ? 'direction must be 1 or -1' : FORMS);
  // If several people with one direction were read as one person, the others would be lost.
  if (has(body, 'count') && numberIn(body['count']) !== 1)
    throw new Rejected('bad_count', 'count', 'several people are reported by entrances and exits, without a direction');
  return personMeasure(direction);
}

/** JSON has 1, and CSV '1', '+1' or, from some programs, '1.0'. */
function numberIn(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^[+-]?\d{1,16}(?:\.0*)?$/.test(value) ? Number(value) : undefined;
}

function directionIn(value: unknown): Direction | undefined {
  const number = numberIn(value);
  return number === 1 || number === -1 ? number : undefined;
}

function countIn(body: Record<string, unknown>, field: string, max: number): number {
  const count = numberIn(body[field]);
  if (count !== undefined && Number.isSafeInteger(count) && count >= 0 && count <= max) return count;
  throw new Rejected('bad_count', field, `${field} must be a whole number from 0 to ${max}`);
}

function startIn(value: unknown, timestampMs: number | null, context: ParseContext): number | null {
  if (isAbsent(value)) return null;
  const startMs = instantIn(value, 'start', context);
  if (timestampMs !== null && startMs > timestampMs)
    throw new Rejected('bad_timestamp', 'start', 'start must not be later than timestamp');
  return startMs;
}

function epochIn(value: unknown): string | null {
  if (isAbsent(value)) return null;
  const epoch = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (isToken(epoch)) return epoch;
  throw new Rejected('bad_count', 'counter_epoch', 'counter_epoch must be 1 to 64 letters, digits, _ or -');
}

function nameIn(value: unknown): string | undefined {
  if (isAbsent(value)) return undefined;
  const name = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (isReadingName(name)) return name;
  throw new Rejected('bad_id', 'id', 'id must be 1 to 128 printable ASCII characters without white space');
}
