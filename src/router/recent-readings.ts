// The readings of one DPU that a router remembers. Most DPUs have a few at a time, each of one person and without an id. Those
// are kept as an array of numbers. A map takes three times the memory and has an object for each number, which every major
// garbage collection would mark.
import type { DpuId } from '../domain/ids.ts';
import { directionOf, isPerson, personMeasure } from '../domain/measure.ts';
import type { Reading } from '../domain/reading.ts';

/**
 * The identity of a reading within its DPU. For one person without an `id`, as most readings are, it is (timestamp,
 * direction) packed into one number.
 */
export type Key = string | number;

export function keyOf({ timestampMs, measure, name }: Reading): Key {
  if (name === undefined && isPerson(measure)) return timestampMs * 2 + (directionOf(measure) > 0 ? 1 : 0);
  return `${timestampMs}~${measure}${name === undefined ? '' : `.${name}`}`;
}

/** Above this number, as when a DPU sends a backlog, a map is used, because each lookup searches the whole array. */
const LISTED_MAX = 16;

/** Undefined while empty. In a map, null stands for a reading that its key describes in full. */
export type RecentReadings = number[] | Map<Key, Reading | null> | undefined;

export function hasKey(recent: RecentReadings, key: Key): boolean {
  if (recent instanceof Map) return recent.has(key);
  return typeof key === 'number' && (recent?.includes(key) ?? false);
}

/** @param recent may be changed @param key that it does not have @returns what takes its place */
export function addReading(recent: RecentReadings, key: Key, reading: Reading): RecentReadings {
  if (recent instanceof Map) return recent.set(key, typeof key === 'number' ? null : reading);
  if (typeof key === 'number' && (recent?.length ?? 0) < LISTED_MAX) {
    // A push would reserve room for 16 more.
    return recent ? recent.concat(key) : [key];
  }
  return addReading(new Map((recent ?? []).map((each) => [each, null])), key, reading);
}

/** @param recent may be changed @param key that it has @returns what takes its place */
export function removeKey(recent: RecentReadings, key: Key): RecentReadings {
  if (recent instanceof Map) recent.delete(key);
  else if (typeof key === 'number') recent?.splice(recent.indexOf(key), 1);
  return sizeOf(recent) === 0 ? undefined : recent;
}

/** The reading of a key that it has, if the key does not describe it in full. */
export function wholeReadingOf(recent: RecentReadings, key: Key): Reading | undefined {
  return recent instanceof Map ? (recent.get(key) ?? undefined) : undefined;
}

/** Those of a DPU, in the order in which they were added. */
export function readingsIn(recent: RecentReadings, dpuId: DpuId): Reading[] {
  if (!(recent instanceof Map)) return (recent ?? []).map((key) => readingOf(dpuId, key));
  return [...recent].map(([key, reading]) => reading ?? readingOf(dpuId, Number(key)));
}

const sizeOf = (recent: RecentReadings): number => (recent instanceof Map ? recent.size : (recent?.length ?? 0));

/** The inverse of `keyOf` for a number. */
function readingOf(dpuId: DpuId, key: number): Reading {
  return { dpuId, timestampMs: timestampOf(key), measure: personMeasure(key % 2 === 0 ? -1 : 1) };
}

export function timestampOf(key: number): number {
  return Math.floor(key / 2);
}
