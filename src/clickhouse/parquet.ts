// Exports as Parquet, which ClickHouse writes. They are streamed: neither this process nor ClickHouse holds all rows.
import type { ClickHouseClient } from '@clickhouse/client';
import { Failure } from '../domain/failure.ts';
import { DELETED_DOORWAY, NO_DOORWAY, NOWHERE } from '../domain/ids.ts';
import type { EventsExport } from '../ports/event-pages.ts';
import type { BoundCondition } from './filter-sql.ts';
import { EVENT_ORDER } from './event-order.ts';
import { instantParam, storable } from './instants.ts';

/** Every Parquet file begins and ends with it. */
const MAGIC = 'PAR1';
/** Beyond this, ClickHouse groups and sorts on disk. */
const MEMORY_MAX = '500000000';
const SETTINGS = {
  optimize_aggregation_in_order: 1,
  max_bytes_before_external_group_by: MEMORY_MAX,
  max_bytes_before_external_sort: MEMORY_MAX,
} as const;

/** The readings that stand, in event order. */
export function parquetOfReadings(client: ClickHouseClient, condition: BoundCondition): AsyncIterable<Uint8Array> {
  const isNowhere = `space_id = ${NOWHERE}`;
  return parquet(
    client,
    `SELECT reading_id AS id, dpu_id, timestamp, entrances, exits, nullIf(direction, 0) AS direction,
      if(${isNowhere}, NULL, doorway_id) AS doorway_id,
      (${isNowhere} AND doorway_at NOT IN (${NO_DOORWAY}, ${DELETED_DOORWAY}))::Bool AS excluded,
      (${isNowhere} AND doorway_at = ${DELETED_DOORWAY})::Bool AS deleted
    FROM (
      SELECT timestamp, reading_id, dpu_id, direction, entrances, exits, doorway_id, doorway_id AS doorway_at, space_id
      FROM events_by_time WHERE is_reading = 1 AND ${condition.sql}
      GROUP BY timestamp, reading_id, dpu_id, direction, entrances, exits, doorway_id, space_id HAVING sum(sign) > 0
      ORDER BY ${EVENT_ORDER}
    )`,
    condition.params,
  );
}

/** The events of a space, those that are not stored yet included, in event order. */
export function parquetOfEvents(
  client: ClickHouseClient,
  { spaceId, block, range, unstored }: EventsExport,
): AsyncIterable<Uint8Array> {
  return parquet(
    client,
    `SELECT {space:UInt32} AS space_id, timestamp, reading_id, toUInt32(sum(into)) AS entrances, toUInt32(sum(out)) AS exits
    FROM (
      SELECT timestamp, reading_id, toInt64(entrances) * sign AS into, toInt64(exits) * sign AS out FROM space_events
      WHERE space_id = {space:UInt32} AND block <= {block:UInt64}
        AND timestamp >= ${instantParam('from')} AND timestamp <= ${instantParam('to')}
      UNION ALL
      SELECT fromUnixTimestamp64Milli(event.1, 'UTC'), event.2, event.3, event.4
      FROM (SELECT arrayJoin(arrayZip({times:Array(Int64)}, {ids:Array(String)}, {into:Array(Int64)}, {out:Array(Int64)})) AS event)
    )
    GROUP BY timestamp, reading_id HAVING sum(into) != 0 OR sum(out) != 0 ORDER BY ${EVENT_ORDER}`,
    {
      space: spaceId,
      block,
      from: range.fromMs,
      to: storable(range.toMs),
      times: unstored.map(({ timestampMs }) => timestampMs),
      ids: unstored.map(({ readingId }) => readingId),
      into: unstored.map(({ entrances, sign }) => entrances * sign),
      out: unstored.map(({ exits, sign }) => exits * sign),
    },
  );
}

/** @throws Failure unavailable, at any chunk, if ClickHouse does not complete the file */
async function* parquet(
  client: ClickHouseClient,
  query: string,
  params: Readonly<Record<string, unknown>>,
): AsyncGenerator<Uint8Array> {
  const abort = new AbortController();
  let end = '';
  try {
    const { stream } = await client.exec({
      query: `${query} FORMAT Parquet`,
      query_params: params,
      clickhouse_settings: SETTINGS,
      abort_signal: abort.signal,
    });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      end = (end + chunk.subarray(-MAGIC.length).toString('latin1')).slice(-MAGIC.length);
      yield chunk;
    }
    // An error in the middle is text after the rows that were sent before it.
    if (end !== MAGIC) throw new Error('ClickHouse has not completed the Parquet file');
  } catch (error) {
    throw new Failure('unavailable', 'history cannot be exported at the moment', {
      cause: error,
      retryAfterSeconds: 5,
    });
  } finally {
    abort.abort();
  }
}
