import type { Segment } from '../domain/segment.ts';

export type SegmentRow = [
  key: number,
  sum: number,
  sumMin: number,
  sumMax: number,
  riseMax: number,
  entrances: number,
  exits: number,
];

/**
 * SQL that sums up runs of space events as `Segment`s (src/domain/segment.ts): one row
 * [key, sum, sumMin, sumMax, riseMax, entrances, exits] for each value of `key`, an expression over
 * space_events. Events are taken in (timestamp, reading id) order, retractions applied first. Both
 * arguments are written by this code; values come as parameters.
 */
export function segmentQuery(key: string, where: string): string {
  const run = 'PARTITION BY key ORDER BY timestamp, reading_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW';
  return `
    SELECT key, sum(change), min(prefix), max(prefix), max(prefix - lowest), sum(into), sum(out)
    FROM (
      SELECT key, into, out, change, prefix, min(prefix) OVER (${run}) AS lowest
      FROM (
        SELECT key, timestamp, reading_id, into, out, into - out AS change, sum(into - out) OVER (${run}) AS prefix
        FROM (
          SELECT ${key} AS key, timestamp, reading_id, sum(toInt64(entrances) * sign) AS into, sum(toInt64(exits) * sign) AS out
          FROM space_events WHERE ${where}
          GROUP BY key, timestamp, reading_id HAVING into != 0 OR out != 0
        )
      )
    ) GROUP BY key`;
}

export function toSegment([, sum, sumMin, sumMax, riseMax, entrances, exits]: SegmentRow): Segment {
  return {
    sum: Number(sum),
    sumMin: Number(sumMin),
    sumMax: Number(sumMax),
    riseMax: Number(riseMax),
    entrances: Number(entrances),
    exits: Number(exits),
  };
}
