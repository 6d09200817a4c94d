// A reading: what one DPU reports of people who passed under it (measure.ts has the three forms).
//
// Identity. Two readings are the same if all their fields are: DPU, timestamp, measure, and `id` (or none).
// The `id` alone is not enough: many sensors number from 0 again after a reboot.
import { dpuOfToken, tokenOfDpu, type DpuId } from './ids.ts';
import { isMeasure, personMeasure, type Direction, type Measure } from './measure.ts';

export interface Reading {
  readonly dpuId: DpuId;
  /** Event time: when the person passed, or when the interval ended, or where the counters stood then. */
  readonly timestampMs: number;
  readonly measure: Measure;
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
 * The identity as a string: `<dpu>~<ms>~<measure>`, followed by `.<name>` where the DPU gave one. The DPU's token has no
 * `~`, and a measure no `.`, so no two identities collide.
 */
export function identityOf({ dpuId, timestampMs, measure, name }: Reading): string {
  const unnamed = `${tokenOfDpu(dpuId)}~${timestampMs}~${measure}`;
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

/** A reading as it is stored under a reading id of either form. @param direction for one of the previous form, which does not say it */
export function storedReading(dpuId: DpuId, timestampMs: number, direction: Direction | 0, readingId: string): Reading {
  const reading = readingOfIdentity(readingId);
  if (reading) return reading;
  const name = readingId.slice(readingId.indexOf('.') + 1);
  return { dpuId, timestampMs, measure: personMeasure(direction > 0 ? 1 : -1), name, hasPreviousId: true };
}

/** The DPU whose reading has an id of either form; undefined for what is none. */
export function dpuOfReadingId(text: string): DpuId | undefined {
  return dpuOfToken(text.includes('~') ? text.split('~', 1)[0] : text.split('.', 1)[0]);
}

const IDENTITY = /^([^~]+)~(\d{1,15})~([^.~]+)(?:\.(.+))?$/;

/** The reading whose identity a string is; undefined for any other string, an id of the previous form too. */
export function readingOfIdentity(text: string): Reading | undefined {
  const [, token, ms, measure = '', name] = IDENTITY.exec(text) ?? [];
  const dpuId = dpuOfToken(token);
  if (dpuId === undefined || !isMeasure(measure)) return undefined;
  const reading = { dpuId, timestampMs: Number(ms), measure };
  return name === undefined ? reading : { ...reading, name };
}
