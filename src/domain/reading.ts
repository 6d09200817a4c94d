// A reading: one person passed under one DPU. One parser serves NATS, MQTT, HTTP and CSV, so that a
// reading means the same wherever it comes in.
//
// Identity. Two readings are the same when everything they say is the same: DPU, timestamp, direction, and
// `id` (or none). The `id` alone is not enough: many sensors number from 0 again after a reboot.
import { DPU_ID_RULE, isDpuId, isReadingName, type DpuId } from './ids.ts';
import { formatInstant, parseInstant } from './instant.ts';

export type Direction = 1 | -1;

export interface Reading {
  readonly dpuId: DpuId;
  /** Event time: when the person passed. */
  readonly timestampMs: number;
  readonly direction: Direction;
  /** The DPU's own name for the reading, if it gives one. */
  readonly name?: string;
  /**
   * It was stored under a reading id of the previous form, `<dpu>.<name>`, and keeps that id: rows in
   * ClickHouse are sorted by it. Part of how a reading is stored, and not of its identity.
   */
  readonly hasPreviousId?: true;
}

/** Why an item cannot be used. Counters, dead letters and their documentation derive from this list. */
export const REJECT_REASONS = [
  'bad_json',
  'bad_reading',
  'bad_dpu_id',
  'bad_timestamp',
  'bad_direction',
  'bad_id',
  'future',
] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];

export interface Rejection {
  readonly reason: RejectReason;
  /** The field at fault, empty when it is the whole. */
  readonly field: string;
  readonly detail: string;
}

export type ParsedReading =
  { readonly ok: true; readonly reading: Reading } | { readonly ok: false; readonly rejection: Rejection };

export interface ParseContext {
  /** The DPU the transport names (subject, topic); a `dpu_id` in the body must then agree or be absent. */
  readonly dpuId?: DpuId;
  /** Readings may lie at most up to here in the future. */
  readonly latestMs: number;
}

/** Seconds until the year 5138, and milliseconds of before March 1973: no sensor's clock has those, but one that counts seconds. */
export const SECONDS_BELOW = 100_000_000_000;

const reject = (reason: RejectReason, field: string, detail: string): ParsedReading => ({
  ok: false,
  rejection: { reason, field, detail },
});

/** Reads `{dpu_id?, timestamp, direction, id?}` from decoded JSON or CSV. Never throws. */
export function parseReading(value: unknown, context: ParseContext): ParsedReading {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return reject('bad_reading', '', 'a reading is an object {dpu_id, timestamp, direction, id?}');
  }
  const body = value as Record<string, unknown>;
  const dpuId = parseDpuId(body['dpu_id'], context.dpuId);
  if (dpuId === undefined) {
    return reject(
      'bad_dpu_id',
      'dpu_id',
      context.dpuId === undefined
        ? `dpu_id must be ${DPU_ID_RULE}`
        : `dpu_id, when given, must be that of the subject, ${context.dpuId}`,
    );
  }
  const timestamp = body['timestamp'];
  if (typeof timestamp === 'number' && timestamp >= 0 && timestamp < SECONDS_BELOW) {
    return reject(
      'bad_timestamp',
      'timestamp',
      'timestamp looks like seconds: a number is milliseconds since 1970, and an instant before March 1973 is written as ISO 8601',
    );
  }
  const timestampMs = parseTimestamp(timestamp);
  if (timestampMs === undefined) {
    return reject(
      'bad_timestamp',
      'timestamp',
      'timestamp must be ISO 8601 with an offset, or milliseconds since 1970, and not before 1970',
    );
  }
  if (timestampMs > context.latestMs) {
    return reject(
      'future',
      'timestamp',
      `timestamp is too far in the future: the latest that is accepted now is ${formatInstant(context.latestMs)}`,
    );
  }
  const direction = parseDirection(body['direction']);
  if (direction === undefined) return reject('bad_direction', 'direction', 'direction must be 1 or -1');
  const name = body['id'];
  if (name === undefined || name === null) return { ok: true, reading: { dpuId, timestampMs, direction } };
  if (!isReadingName(name)) return reject('bad_id', 'id', 'id must be 1 to 64 letters, digits, _ or -');
  return { ok: true, reading: { dpuId, timestampMs, direction, name } };
}

function parseDpuId(value: unknown, expected: DpuId | undefined): DpuId | undefined {
  if (value === undefined && expected !== undefined) return expected;
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (!isDpuId(text)) return undefined;
  return expected === undefined || expected === text ? text : undefined;
}

function parseTimestamp(value: unknown): number | undefined {
  if (typeof value === 'string') return parseInstant(value);
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function parseDirection(value: unknown): Direction | undefined {
  if (value === 1 || value === '1' || value === '+1') return 1;
  if (value === -1 || value === '-1') return -1;
  return undefined;
}

/**
 * The identity as a string: `<dpu>~<ms>~<+|->`, followed by `.<name>` where the DPU gave one. Neither
 * separator can be in a DPU id or a name, so no two identities collide; all of it is unreserved in a URL path.
 */
export function identityOf({ dpuId, timestampMs, direction, name }: Reading): string {
  const unnamed = `${dpuId}~${timestampMs}~${direction > 0 ? '+' : '-'}`;
  return name === undefined ? unnamed : `${unnamed}.${name}`;
}

/** What a reading is stored under: its identity, or the id of the previous form that it has already. */
export function readingIdOf(reading: Reading): string {
  return reading.hasPreviousId ? previousIdOf(reading) : identityOf(reading);
}

/** The id that a named reading had in the previous form. */
export function previousIdOf({ dpuId, name }: Reading): string {
  return `${dpuId}.${name}`;
}

/** The `id` a DPU gave, back from a reading id of either form; undefined where it gave none. */
function readingNameOf(readingId: string): string | undefined {
  const dot = readingId.indexOf('.');
  return dot < 0 ? undefined : readingId.slice(dot + 1);
}

/** A reading as it is stored under a reading id of either form. */
export function storedReading(dpuId: DpuId, timestampMs: number, direction: Direction, readingId: string): Reading {
  const name = readingNameOf(readingId);
  if (name === undefined) return { dpuId, timestampMs, direction };
  return readingId.includes('~')
    ? { dpuId, timestampMs, direction, name }
    : { dpuId, timestampMs, direction, name, hasPreviousId: true };
}

const IDENTITY = /^([^~.]+)~(\d{1,15})~([+-])(?:\.(.+))?$/;

/** The reading whose identity a string is; undefined for any other string, an id of the previous form too. */
export function readingOfIdentity(text: string): Reading | undefined {
  const [, dpuId, ms, sign, name] = IDENTITY.exec(text) ?? [];
  if (!isDpuId(dpuId) || (name !== undefined && !isReadingName(name))) return undefined;
  const reading = { dpuId, timestampMs: Number(ms), direction: sign === '+' ? 1 : -1 } as const;
  return name === undefined ? reading : { ...reading, name };
}
