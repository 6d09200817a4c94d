// A reading: the report of one DPU about people who passed under it (measure.ts has the three forms).
//
// Identity: two readings are the same if all their fields are equal: DPU, timestamp, measure, and `id` (or none). The
// `id` alone is not enough, because many sensors number from 0 again after a reboot.
import { dpuOfToken, tokenOfDpu, type DpuId } from './ids.ts';
import { isMeasure, personMeasure, type Direction, type Measure } from './measure.ts';

export interface Reading {
  readonly dpuId: DpuId;
  /** Event time: when the person passed, the interval ended, or the counters had these values. */
  readonly timestampMs: number;
  readonly measure: Measure;
  /** The DPU's own name for the reading, if it has one. */
  readonly name?: string;
  /**
   * True if it was stored under a reading id in the previous format, `<dpu>.<name>`. It keeps that id, because rows
   * in ClickHouse are sorted by it. This describes how the reading is stored and is not part of its identity.
   */
  readonly hasPreviousId?: true;
}

/** The reasons for which items are rejected. Counters, dead letters and their documentation derive from this list. */
export const REJECT_REASONS = [
  'bad_subject',
  'bad_json',
  'bad_reading',
  'bad_dpu_id',
  'bad_timestamp',
  'clock_unset',
  'bad_direction',
  'bad_count',
  'bad_id',
  'bad_payload',
  'future',
] as const;

export type RejectReason = (typeof REJECT_REASONS)[number];

/**
 * The identity as a string: `<dpu>~<ms>~<measure>`, followed by `.<name>` if the DPU gave one. The DPU's token
 * contains no `~` and a measure no `.`, so no two identities collide.
 */
export function identityOf({ dpuId, timestampMs, measure, name }: Reading): string {
  // Joined, because a template makes a tree of its parts, which takes four times the memory of the text.
  return [tokenOfDpu(dpuId), timestampMs, name === undefined ? measure : `${measure}.${name}`].join('~');
}

/** The id under which a reading is stored: its identity, or the id in the previous format that it already has. */
export function readingIdOf(reading: Reading): string {
  return reading.hasPreviousId ? previousIdOf(reading) : identityOf(reading);
}

/** The id of a named reading in the previous format. */
export function previousIdOf({ dpuId, name }: Reading): string {
  return `${dpuId}.${name}`;
}

/**
 * A reading as stored under a reading id of either format. @param direction used for an id in the previous format,
 * which does not contain it
 */
export function storedReading(dpuId: DpuId, timestampMs: number, direction: Direction | 0, readingId: string): Reading {
  const reading = readingOfIdentity(readingId);
  if (reading) return reading;
  const name = readingId.slice(readingId.indexOf('.') + 1);
  return { dpuId, timestampMs, measure: personMeasure(direction > 0 ? 1 : -1), name, hasPreviousId: true };
}

/** The DPU of a reading id in either format; undefined if the text is not such an id. */
export function dpuOfReadingId(text: string): DpuId | undefined {
  return dpuOfToken(text.includes('~') ? text.split('~', 1)[0] : text.split('.', 1)[0]);
}

const IDENTITY = /^([^~]+)~(\d{1,15})~([^.~]+)(?:\.(.+))?$/;

/** The reading with a given identity; undefined for any other text, including an id in the previous format. */
export function readingOfIdentity(text: string): Reading | undefined {
  const [, token, ms, measure = '', name] = IDENTITY.exec(text) ?? [];
  const dpuId = dpuOfToken(token);
  if (dpuId === undefined || !isMeasure(measure)) return undefined;
  const reading = { dpuId, timestampMs: Number(ms), measure };
  return name === undefined ? reading : { ...reading, name };
}
