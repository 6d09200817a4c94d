// Counts as clients see them, with an example of each.
import type { IntervalAnswer } from '../counts/count-at.ts';
import type { GivenCount } from '../counts/counts.ts';
import { formatAsOf } from '../domain/as-of.ts';
import { BEGINNING_MS, formatInstant } from '../domain/instant.ts';
import { AS_OF_EXAMPLE } from './schemas/known-at.ts';
import type { Written } from './zoned-times.ts';

/** Null stands for "never": no reading yet, or no watermark yet. */
export const instantOrNull = (ms: number, written: Written = formatInstant): string | null =>
  ms <= BEGINNING_MS ? null : written(ms);

/** Null if the space has no capacity, or a capacity of 0. */
export function utilization(count: number, capacity: number | null): number | null {
  return capacity === null || capacity === 0 ? null : Math.round((count / capacity) * 10_000) / 10_000;
}

export function countJson(answer: GivenCount, capacity: number | null, written: Written): object {
  return {
    space_id: answer.spaceId,
    timestamp: written(answer.timestampMs),
    count: answer.count,
    net: answer.net,
    drift: answer.drift,
    utilization: utilization(answer.count, capacity),
    last_reading_at: instantOrNull(answer.lastReadingMs, written),
    watermark: instantOrNull(answer.watermarkMs, written),
    final: answer.isFinal,
    ...(answer.isStale ? { stale: true } : {}),
    ...(answer.asOf ? { as_of: formatAsOf(answer.asOf) } : {}),
  };
}

export function intervalJson(
  { startMs, endMs, entrances, exits, min, max, count, isFinal }: IntervalAnswer,
  capacity: number | null,
  written: Written,
) {
  return {
    start: written(startMs),
    end: written(endMs),
    entrances,
    exits,
    min,
    max,
    count,
    utilization: utilization(count, capacity),
    final: isFinal,
  };
}

export const COUNT_EXAMPLE = {
  space_id: 1,
  timestamp: '2018-02-26T15:34:00.000Z',
  count: 12,
  net: 10,
  drift: 2,
  utilization: 0.1,
  last_reading_at: '2018-02-26T15:33:47.120Z',
  watermark: '2018-02-26T15:33:42.120Z',
  final: false,
  as_of: AS_OF_EXAMPLE,
};

export const INTERVAL_EXAMPLE = {
  start: '2018-02-26T15:00:00.000Z',
  end: '2018-02-26T15:15:00.000Z',
  entrances: 9,
  exits: 4,
  min: 7,
  max: 13,
  count: 12,
  utilization: 0.1,
  final: true,
};
