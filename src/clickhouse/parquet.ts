// Exports as Parquet, which ClickHouse writes. They are streamed: neither this process nor ClickHouse holds all rows.
// Intervals are computed by this process, because a count depends on events that are not stored yet, and on the clamp at 0. So
// ClickHouse is given them as constants, some thousands at a time, and the files that it returns are joined. That needs no privilege
// beyond SELECT, and nothing is written anywhere.
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { Failure } from '../domain/failure.ts';
import { DELETED_DOORWAY, NO_DOORWAY, NOWHERE } from '../domain/ids.ts';
import type { EventsExport, IntervalRow } from '../ports/event-pages.ts';
import type { BoundCondition } from './filter-sql.ts';
import { EVENT_ORDER } from './event-order.ts';
import { instantParam, storable } from './instants.ts';
import { joinedParquet, MAGIC } from './joined-parquet.ts';

/** Beyond this, ClickHouse groups and sorts on disk. */
const MEMORY_MAX = '500000000';
const SETTINGS = {
  optimize_aggregation_in_order: 1,
  max_bytes_before_external_group_by: MEMORY_MAX,
  max_bytes_before_external_sort: MEMORY_MAX,
} as const;

/** Rows of a row group. Their text has 2 MB at most, and is held in memory. */
const GROUP_ROWS = 20_000;
const GROUP_SETTINGS = {
  max_query_size: '8000000',
  // They would take more than the rows, which are in order.
  output_format_parquet_write_bloom_filter: 0,
  output_format_parquet_write_page_index: 0,
} as const;
const INTERVAL_COLUMNS: readonly IntervalColumn[] = [
  { name: 'space_id', type: 'UInt32', value: ({ spaceId }) => spaceId },
  { name: 'start', type: 'Int64', isInstant: true, value: ({ startMs }) => startMs },
  { name: 'end', type: 'Int64', isInstant: true, value: ({ endMs }) => endMs },
  { name: 'entrances', type: 'Int64', value: ({ entrances }) => entrances },
  { name: 'exits', type: 'Int64', value: ({ exits }) => exits },
  { name: 'min', type: 'Int64', value: ({ min }) => min },
  { name: 'max', type: 'Int64', value: ({ max }) => max },
  { name: 'count', type: 'Int64', value: ({ count }) => count },
  { name: 'utilization', type: 'Nullable(Float64)', value: ({ utilization }) => utilization },
  { name: 'final', type: 'Bool', value: ({ isFinal }) => isFinal },
];

interface IntervalColumn {
  readonly name: string;
  readonly type: string;
  readonly isInstant?: true;
  readonly value: (row: IntervalRow) => number | boolean | null;
}

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

/** The intervals of all pages, as they come. At least one file is made, so that a file without rows has its columns. */
export function parquetOfIntervals(
  client: ClickHouseClient,
  pages: AsyncIterable<readonly IntervalRow[]>,
): AsyncIterable<Uint8Array> {
  return joinedParquet(intervalFiles(client, pages));
}

async function* intervalFiles(
  client: ClickHouseClient,
  pages: AsyncIterable<readonly IntervalRow[]>,
): AsyncGenerator<Uint8Array> {
  let [rows, isFirst]: [IntervalRow[], boolean] = [[], true];
  for await (const page of pages) {
    rows = [...rows, ...page];
    for (; rows.length >= GROUP_ROWS; isFirst = false, rows = rows.slice(GROUP_ROWS))
      yield await fileOf(client, rows.slice(0, GROUP_ROWS));
  }
  if (rows.length > 0 || isFirst) yield await fileOf(client, rows);
}

async function fileOf(client: ClickHouseClient, rows: readonly IntervalRow[]): Promise<Uint8Array> {
  // Numbers and constants only, so nothing has to be escaped.
  const arrays = INTERVAL_COLUMNS.map(
    ({ type, value }) => `[${rows.map((row) => value(row) ?? 'NULL').join(',')}]::Array(${type})`,
  );
  const columns = INTERVAL_COLUMNS.map(({ name, isInstant }, at) => {
    const field = `fields.${at + 1}`;
    return `${isInstant ? `fromUnixTimestamp64Milli(${field}, 'UTC')` : field} AS \`${name}\``;
  });
  const query = `SELECT ${columns.join(', ')} FROM (SELECT arrayJoin(arrayZip(${arrays.join(', ')})) AS fields)`;
  const chunks: Uint8Array[] = [];
  for await (const chunk of parquet(client, query, {}, GROUP_SETTINGS)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** @throws Failure unavailable, at any chunk, if ClickHouse does not complete the file */
async function* parquet(
  client: ClickHouseClient,
  query: string,
  params: Readonly<Record<string, unknown>>,
  settings: ClickHouseSettings = SETTINGS,
): AsyncGenerator<Uint8Array> {
  const abort = new AbortController();
  let end = '';
  try {
    const { stream } = await client.exec({
      query: `${query} FORMAT Parquet`,
      query_params: params,
      clickhouse_settings: settings,
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
