// The tables. Every table that a block reaches, directly or through a view, has a deduplication window:
// with it on the source alone, a repeated block would be counted twice in the view's target.
import type { ClickHouseClient } from '@clickhouse/client';

/** In blocks. Reached only if a partition is replayed by more than this since its checkpoint. */
const WINDOW = 'non_replicated_deduplication_window = 10000';

export const TABLES: readonly string[] = [
  // One row for each assertion (sign 1) or retraction (sign -1) of a reading in a space.
  `CREATE TABLE IF NOT EXISTS space_events (
    space_id UInt32,
    timestamp_ms Int64 EPHEMERAL,
    timestamp DateTime64(3, 'UTC') DEFAULT fromUnixTimestamp64Milli(timestamp_ms, 'UTC'),
    reading_id String,
    dpu_id String,
    doorway_id UInt32,
    direction Int8,
    delta Int8,
    sign Int8,
    is_reading UInt8,
    shard UInt16,
    block UInt64
  ) ENGINE = MergeTree
  PARTITION BY toYYYYMM(timestamp)
  ORDER BY (space_id, timestamp, reading_id)
  SETTINGS ${WINDOW}`,
  // Readings by DPU. A reading is here when the sum of its signs is 1.
  `CREATE TABLE IF NOT EXISTS readings (
    dpu_id String,
    timestamp DateTime64(3, 'UTC'),
    reading_id String,
    direction Int8,
    doorway_id UInt32,
    space_id UInt32,
    sign Int8,
    INDEX reading_id_bloom reading_id TYPE bloom_filter GRANULARITY 1
  ) ENGINE = MergeTree
  PARTITION BY toYYYYMM(timestamp)
  ORDER BY (dpu_id, timestamp, reading_id)
  SETTINGS ${WINDOW}`,
  `CREATE MATERIALIZED VIEW IF NOT EXISTS readings_view TO readings AS
  SELECT dpu_id, timestamp, reading_id, direction, doorway_id, space_id, sign
  FROM space_events WHERE is_reading = 1`,
  // Additive, so that late rows and retractions correct it by themselves.
  `CREATE TABLE IF NOT EXISTS counts_by_minute (
    space_id UInt32,
    minute DateTime('UTC'),
    net Int64,
    entrances Int64,
    exits Int64
  ) ENGINE = SummingMergeTree((net, entrances, exits))
  PARTITION BY toYYYYMM(minute)
  ORDER BY (space_id, minute)
  SETTINGS ${WINDOW}`,
  `CREATE MATERIALIZED VIEW IF NOT EXISTS counts_by_minute_view TO counts_by_minute AS
  SELECT space_id, toStartOfMinute(timestamp) AS minute,
    sum(delta * sign) AS net, sum(if(delta > 0, sign, 0)) AS entrances, sum(if(delta < 0, sign, 0)) AS exits
  FROM space_events GROUP BY space_id, minute`,
  // The same events in the order of time, for lists over all spaces and sensors.
  `CREATE TABLE IF NOT EXISTS events_by_time (
    timestamp DateTime64(3, 'UTC'),
    reading_id String,
    dpu_id String,
    direction Int8,
    doorway_id UInt32,
    space_id UInt32,
    sign Int8,
    is_reading UInt8
  ) ENGINE = MergeTree
  PARTITION BY toYYYYMM(timestamp)
  ORDER BY (timestamp, reading_id)
  SETTINGS ${WINDOW}`,
  `CREATE MATERIALIZED VIEW IF NOT EXISTS events_by_time_view TO events_by_time AS
  SELECT timestamp, reading_id, dpu_id, direction, doorway_id, space_id, sign, is_reading FROM space_events`,
];

/** Creates what is missing; every process may do it. */
export async function createTables(client: ClickHouseClient): Promise<void> {
  for (const query of TABLES) await client.command({ query });
}

/** Deletes the tables with all that is in them; views before what they write to. */
export async function dropTables(client: ClickHouseClient): Promise<void> {
  for (const view of ['readings_view', 'counts_by_minute_view']) await client.command({ query: `DROP VIEW IF EXISTS ${view} SYNC` });
  for (const table of ['counts_by_minute', 'readings', 'space_events']) await client.command({ query: `DROP TABLE IF EXISTS ${table} SYNC` });
}
