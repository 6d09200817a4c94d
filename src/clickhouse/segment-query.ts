// Sums up runs of stored events into segments inside ClickHouse, so that no events have to be transferred. Must agree
// with `append` in src/domain/segment.ts.
import type { ClickHouseClient } from '@clickhouse/client';
import type { SpaceId } from '../domain/ids.ts';
import type { Segment } from '../domain/segment.ts';
import { EVENT_ORDER } from './event-order.ts';
import { queryRows } from './query-rows.ts';

export type SegmentRow<Key = number> = [
  key: Key,
  sum: number,
  lowestNet: number,
  highestNet: number,
  riseMax: number,
  entrances: number,
  exits: number,
  events: number,
];

/** A space, and where a part of its events begins. */
export type SpaceGap = [spaceId: number, afterMs: string];

/**
 * One row for each space and part of its events between `startsMs` in which there are any. An event exactly at a start belongs to the
 * part before it, which is why 1 ms is subtracted.
 */
export async function segmentRows(
  client: ClickHouseClient,
  spaces: readonly { readonly spaceId: SpaceId }[],
  where: string,
  params: Record<string, unknown>,
  startsMs: readonly number[],
): Promise<SegmentRow<SpaceGap>[]> {
  const start = 'roundDown(toUnixTimestamp64Milli(timestamp) - 1, {starts:Array(Int64)})';
  const values = { ...params, starts: startsMs };
  const [one] = spaces;
  if (!one || spaces.length > 1)
    return queryRows<SegmentRow<SpaceGap>>(client, segmentQuery(`(space_id, ${start})`, where), values);
  // Such a key takes ClickHouse less time than a tuple.
  const rows = await queryRows<SegmentRow<string>>(client, segmentQuery(start, where), values);
  return rows.map(([afterMs, ...sums]) => [[one.spaceId, afterMs], ...sums]);
}

/**
 * SQL that returns one SegmentRow for each value of `key`, an SQL expression over space_events. Assertions and
 * retractions are netted first; the remaining events are taken in event order. Both arguments become SQL text, so
 * they must never contain client input: bind values as parameters.
 */
export function segmentQuery(key: string, where: string): string {
  const run = `PARTITION BY key ORDER BY ${EVENT_ORDER} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW`;
  return `
    SELECT key, sum(change) AS net, min(prefix) AS lowest, max(prefix) AS highest, max(prefix - low) AS rise, sum(into) AS entrances, sum(out) AS exits, count() AS events
    FROM (
      SELECT key, into, out, change, prefix, min(prefix) OVER (${run}) AS low
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

export function toSegment([, sum, lowestNet, highestNet, riseMax, entrances, exits]: SegmentRow<unknown>): Segment {
  return {
    sum: Number(sum),
    lowestNet: Number(lowestNet),
    highestNet: Number(highestNet),
    riseMax: Number(riseMax),
    entrances: Number(entrances),
    exits: Number(exits),
  };
}
