// The tables: how they are created, and how those of earlier versions are updated.
//
// Invariant: every table that a block reaches, directly or through a view, has a deduplication window. If only the
// source had one, a block that is sent twice would be stored once there and twice in the views.
import type { ClickHouseClient } from '@clickhouse/client';
import { hasTable, onCluster } from './ddl.ts';
import { queryRows } from './query-rows.ts';
import { dropRetiredTables, dropRetiredView } from './retired-tables.ts';

export interface TableOptions {
  /** The ClickHouse cluster whose replicas hold the tables; undefined for a single server. */
  readonly cluster: string | undefined;
  /** Size of the deduplication window: how many parts, of all shards together, each table remembers. */
  readonly windowBlocks: number;
  /**
   * Whether parts are synced to disk before a block is acknowledged. The log is truncated after the acknowledgement,
   * so only tests and the local demo run without.
   */
  readonly isSynced: boolean;
  /** The volume to which old rows are moved; undefined leaves them in place. No row is ever deleted (docs/adr/0042). */
  readonly cold: { readonly volume: string; readonly afterDays: number } | undefined;
}

/**
 * The longest time after which a block may be sent again, because its process was suspended or its shard had no
 * owner.
 */
const RESEND_AFTER_MAX_MS = 3_600_000;
/** A block with late rows takes one entry of the window for each month that it touches, or decade before 2026. */
const PARTS_PER_BLOCK = 4;
/** Each token takes about 200 bytes of memory per table, in the server or in Keeper. */
const [WINDOW_MIN, WINDOW_MAX] = [10_000, 500_000];
const WINDOW_SECONDS = 604_800;

/** Sizes the window so that a block is still remembered when it is sent again: shards x blocks in that time x parts. */
export function windowBlocksFor(shards: number, blockAgeMaxMs: number): number {
  const blocks = shards * Math.ceil(RESEND_AFTER_MAX_MS / Math.max(1, blockAgeMaxMs)) * PARTS_PER_BLOCK;
  return Math.min(WINDOW_MAX, Math.max(WINDOW_MIN, blocks));
}

/** A single server with the smallest window, for tests and simulations. */
const PLAIN: TableOptions = { cluster: undefined, windowBlocks: WINDOW_MIN, isSynced: false, cold: undefined };

/** The statements that create missing tables and views, on a single server or on the replicas of a cluster. */
export function tablesFor(options: TableOptions): string[] {
  return STATEMENTS.map((statement) => {
    const whole = statement.replace(
      /\n  SETTINGS$/,
      `${ttlOf(options, timeColumnOf(statement))}\n  SETTINGS ${settingsOf(options)}`,
    );
    if (options.cluster === undefined) return whole;
    return (
      whole
        .replace(/IF NOT EXISTS (\w+)/, `IF NOT EXISTS $1${onCluster(options)}`)
        // The first argument of a replicated engine is its path in Keeper. {shard} and {replica} are macros of the
        // server.
        .replace(
          /ENGINE = (\w*)MergeTree(\(?)/,
          (_, kind: string, open: string) =>
            `ENGINE = Replicated${kind}MergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}'${open ? ', ' : ')'}`,
        )
    );
  });
}

/** The statements that apply the current settings to existing tables. */
export function alterationsFor(options: TableOptions): string[] {
  return TABLE_NAMES.map((name) => `ALTER TABLE ${name}${onCluster(options)} MODIFY SETTING ${settingsOf(options)}`);
}

/**
 * Parts are merged once their sum is this many times the largest. With ClickHouse's default, 5, merging took more than
 * a third of the CPU of an insert (docs/adr/0094).
 */
const MERGE_BASE = 10;

function settingsOf({ cluster, windowBlocks, isSynced }: TableOptions): string {
  const window =
    cluster === undefined
      ? [`non_replicated_deduplication_window = ${windowBlocks}`]
      : [
          `replicated_deduplication_window = ${windowBlocks}`,
          `replicated_deduplication_window_seconds = ${WINDOW_SECONDS}`,
        ];
  const flag = isSynced ? 1 : 0;
  // A merge replaces synced parts by a new one, which has to be synced too.
  return [
    ...window,
    `fsync_after_insert = ${flag}`,
    `fsync_part_directory = ${flag}`,
    `min_rows_to_fsync_after_merge = ${flag}`,
    `merge_selector_base = ${MERGE_BASE}`,
    "lightweight_mutation_projection_mode = 'rebuild'",
  ].join(', ');
}

function ttlOf({ cold }: TableOptions, timeColumn: string | undefined): string {
  return cold && timeColumn ? `\n  TTL ${coldAfter(cold, timeColumn)}` : '';
}

function coldAfter({ volume, afterDays }: NonNullable<TableOptions['cold']>, timeColumn: string): string {
  return `toDateTime(${timeColumn}) + toIntervalDay(${afterDays}) TO VOLUME '${volume}'`;
}

/** The column by which old rows are moved; undefined for small tables, which stay on hot storage. */
function timeColumnOf(statement: string): string | undefined {
  return /PARTITION BY (?:(?!ORDER BY)[^])*?\btimestamp\b/.test(statement) ? 'timestamp' : undefined;
}

/** A shard's last block with its mark. Only some rows of a block carry the mark, and they sort after the others. */
export const LAST_BLOCK = 'max((block, epoch, log_seq, log_commit))';
/**
 * Totals of each shard without reading its rows. A projection rather than a view, because it is maintained with the
 * rows and remains correct when rows are deleted or a part is lost.
 */
const TOTALS_PROJECTION = `PROJECTION totals_by_shard (SELECT shard, is_reading, sum(sign), max(block), ${LAST_BLOCK} GROUP BY shard, is_reading)`;

/** Lets a question about what was known skip what came later. */
const KNOWN_INDEX = 'INDEX known_at (epoch, commit_seq) TYPE minmax GRANULARITY 1';

/**
 * Partitions by month, and by decade for rows from before the service. Every insert creates a part for each partition
 * that it touches, and a DPU with a wrong clock may send readings from any month since 1970. Tables of earlier
 * versions have months only (docs/adr/0076).
 */
function byTime(column: string): string {
  return `if(${column} < toDateTime('2026-01-01 00:00:00', 'UTC'), intDiv(toYear(${column}), 10) * 10, toYYYYMM(${column}))`;
}

/**
 * Converts to the device's point of view: for the space that a doorway leads out of, entrances and exits are swapped.
 */
const PASSED_BY_READING =
  'if(e.is_egress = 1, e.exits, e.entrances) AS entrances, if(e.is_egress = 1, e.entrances, e.exits) AS exits';

const PLACES = 'log_places';

const STATEMENTS: readonly string[] = [
  // One row for each assertion (sign 1) or retraction (sign -1) of a reading in a space. `direction` is that of one
  // person, 0 for other measures; entrances and exits are those of the space.
  `CREATE TABLE IF NOT EXISTS space_events (
    space_id UInt32,
    timestamp_ms Int64 EPHEMERAL,
    timestamp DateTime64(3, 'UTC') DEFAULT fromUnixTimestamp64Milli(timestamp_ms, 'UTC'),
    reading_id String,
    dpu_id String,
    doorway_id UInt32,
    direction Int8,
    entrances UInt32,
    exits UInt32,
    is_egress UInt8,
    sign Int8,
    is_reading UInt8,
    shard UInt16,
    block UInt64,
    epoch UInt32 DEFAULT 0,
    log_seq UInt64 DEFAULT 0,
    log_commit String DEFAULT '',
    commit_seq UInt64 DEFAULT 0 CODEC(Delta, ZSTD),
    cut_ms Int64 DEFAULT 0,
    complete_seq UInt64 DEFAULT 0,
    cause LowCardinality(String) DEFAULT 'unknown',
    ${KNOWN_INDEX},
    ${TOTALS_PROJECTION}
  ) ENGINE = MergeTree
  PARTITION BY ${byTime('timestamp')}
  ORDER BY (space_id, timestamp, reading_id)
  SETTINGS`,
  // The epochs of the logs. Only a repair of the logs begins a new one, so an installation has few.
  `CREATE TABLE IF NOT EXISTS log_epochs (
    epoch UInt32,
    state LowCardinality(String),
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    report String
  ) ENGINE = MergeTree
  ORDER BY epoch
  SETTINGS`,
  // A copy of TOPOLOGY, to restore entries that NATS loses.
  `CREATE TABLE IF NOT EXISTS topology_copy (
    seq UInt64,
    epoch UInt32,
    digest UInt32,
    fact String
  ) ENGINE = ReplacingMergeTree(epoch)
  ORDER BY seq
  SETTINGS`,
  // Where the log stood when a block was cut, from the marks of its rows. `is_floor` marks a block that a process of an
  // earlier version stored, whose rows lack their commit: questions about an earlier moment cannot be answered.
  `CREATE TABLE IF NOT EXISTS ${PLACES} (
    cut_ms Int64,
    epoch UInt32,
    seq UInt64,
    shard UInt16,
    block UInt64,
    complete_seq UInt64,
    is_floor UInt8
  ) ENGINE = ReplacingMergeTree
  ORDER BY (cut_ms, epoch, seq, shard, is_floor)
  SETTINGS`,
  `CREATE MATERIALIZED VIEW IF NOT EXISTS log_places_view TO ${PLACES} AS
  SELECT if(e.cut_ms > 0, e.cut_ms, toUnixTimestamp64Milli(now64(3))) AS cut_ms, epoch, log_seq AS seq, shard, block, complete_seq, e.cut_ms = 0 AS is_floor
  FROM space_events AS e WHERE log_seq > 0`,
  // Readings by DPU. A reading exists while the sum of its signs is 1.
  `CREATE TABLE IF NOT EXISTS readings (
    dpu_id String,
    timestamp DateTime64(3, 'UTC'),
    reading_id String,
    direction Int8,
    entrances UInt32,
    exits UInt32,
    doorway_id UInt32,
    space_id UInt32,
    sign Int8,
    INDEX reading_id_bloom reading_id TYPE bloom_filter GRANULARITY 1
  ) ENGINE = MergeTree
  PARTITION BY ${byTime('timestamp')}
  ORDER BY (dpu_id, timestamp, reading_id)
  SETTINGS`,
  `CREATE MATERIALIZED VIEW IF NOT EXISTS readings_view TO readings AS
  SELECT dpu_id, timestamp, reading_id, direction, ${PASSED_BY_READING}, doorway_id, space_id, sign
  FROM space_events AS e WHERE is_reading = 1`,
  // The same events in event order, for lists across all spaces and DPUs.
  `CREATE TABLE IF NOT EXISTS events_by_time (
    timestamp DateTime64(3, 'UTC'),
    reading_id String,
    dpu_id String,
    direction Int8,
    entrances UInt32,
    exits UInt32,
    doorway_id UInt32,
    space_id UInt32,
    sign Int8,
    is_reading UInt8
  ) ENGINE = MergeTree
  PARTITION BY ${byTime('timestamp')}
  ORDER BY (timestamp, reading_id)
  SETTINGS`,
  `CREATE MATERIALIZED VIEW IF NOT EXISTS events_by_time_view TO events_by_time AS
  SELECT timestamp, reading_id, dpu_id, direction, ${PASSED_BY_READING}, doorway_id, space_id, sign, is_reading FROM space_events AS e`,
];

/** The SELECT of a materialized view. */
export function viewQuery(view: string): string {
  const statement = STATEMENTS.find((some) => some.startsWith(`CREATE MATERIALIZED VIEW IF NOT EXISTS ${view} `)) ?? '';
  return statement.slice(statement.indexOf('SELECT'));
}

const TABLE_NAMES = STATEMENTS.flatMap(
  (statement) => /CREATE TABLE IF NOT EXISTS (\w+)/.exec(statement)?.slice(1) ?? [],
);

const VIEW_NAMES = STATEMENTS.flatMap(
  (statement) => /CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+)/.exec(statement)?.slice(1) ?? [],
);

/** The tables of a single server. */
export const TABLES = tablesFor(PLAIN);

/**
 * Creates missing tables, views and columns. Any number of processes may do so at the same time.
 * @throws Error if existing tables are replicated and should not be, or the reverse
 */
export async function createTables(client: ClickHouseClient, options: TableOptions = PLAIN): Promise<void> {
  await dropRetiredView(client, options);
  const hasNewColumns = await addColumns(client, options);
  for (const query of tablesFor(options)) {
    if (query.includes(` ${ADDED_VIEW} `) && !(await hasTable(client, ADDED_VIEW))) await fillEventsByTime(client);
    await client.command({ query });
  }
  // Views of an earlier version fill only the columns of that version.
  for (const view of hasNewColumns ? VIEW_NAMES : [])
    await client.command({ query: `ALTER TABLE ${view}${onCluster(options)} MODIFY QUERY ${viewQuery(view)}` });
  for (const { name, engine } of await existingTables(client)) {
    if (engine.startsWith('Replicated') === (options.cluster !== undefined)) continue;
    throw new Error(
      `table ${name} exists with engine ${engine}: CLICKHOUSE_CLUSTER cannot be changed once the tables are created (docs/operations.md)`,
    );
  }
}

const COMMIT_COLUMN = 'commit_seq';

/**
 * Columns that tables of earlier versions lack. In those tables each row was about one person, and `delta` was 1 or
 * -1.
 */
const ADDED_COLUMNS: readonly (readonly [table: string, column: string, type: string])[] = [
  ['space_events', 'epoch', 'UInt32 DEFAULT 0'],
  ['space_events', 'log_seq', 'UInt64 DEFAULT 0'],
  ['space_events', 'log_commit', "String DEFAULT ''"],
  ['space_events', 'entrances', 'UInt32 DEFAULT delta > 0'],
  ['space_events', 'exits', 'UInt32 DEFAULT delta < 0'],
  ['space_events', 'is_egress', 'UInt8 DEFAULT direction != delta'],
  ['readings', 'entrances', 'UInt32 DEFAULT direction > 0'],
  ['readings', 'exits', 'UInt32 DEFAULT direction < 0'],
  ['events_by_time', 'entrances', 'UInt32 DEFAULT direction > 0'],
  ['events_by_time', 'exits', 'UInt32 DEFAULT direction < 0'],
  ['space_events', 'cut_ms', 'Int64 DEFAULT 0'],
  ['space_events', 'complete_seq', 'UInt64 DEFAULT 0'],
  ['space_events', 'cause', "LowCardinality(String) DEFAULT 'unknown'"],
  ['space_events', COMMIT_COLUMN, 'UInt64 DEFAULT 0 CODEC(Delta, ZSTD)'],
];

/** Adds missing columns to existing tables. @returns true if any were missing */
async function addColumns(client: ClickHouseClient, options: TableOptions): Promise<boolean> {
  const rows = await queryRows<[string, string]>(
    client,
    'SELECT table, name FROM system.columns WHERE database = currentDatabase() AND table IN {tables:Array(String)}',
    { tables: TABLE_NAMES },
  );
  const tables = new Set(rows.map(([table]) => table));
  const columns = new Set(rows.map(([table, name]) => `${table}.${name}`));
  const missing = ADDED_COLUMNS.filter(([table, name]) => tables.has(table) && !columns.has(`${table}.${name}`));
  for (const [table, name, type] of missing) {
    // Before the column is there, so that a start that is interrupted does it again.
    if (name === COMMIT_COLUMN) await recordFloor(client, options);
    await client.command({
      query: `ALTER TABLE ${table}${onCluster(options)} ADD COLUMN IF NOT EXISTS ${name} ${type}`,
    });
    if (name === COMMIT_COLUMN)
      await client.command({
        query: `ALTER TABLE ${table}${onCluster(options)} ADD ${KNOWN_INDEX.replace('INDEX', 'INDEX IF NOT EXISTS')}`,
      });
  }
  return missing.length > 0;
}

/**
 * Records the last block of each shard whose rows lack their commit: questions about an earlier moment cannot be answered.
 */
async function recordFloor(client: ClickHouseClient, options: TableOptions): Promise<void> {
  for (const query of tablesFor(options)) if (query.includes(` ${PLACES} `)) await client.command({ query });
  await client.command({
    query: `INSERT INTO ${PLACES} (cut_ms, epoch, seq, shard, block, complete_seq, is_floor)
      SELECT toUnixTimestamp64Milli(now64(3)), max(last).2, max(last).3, shard, max(last).1, 0, 1
      FROM (SELECT shard, is_reading, ${LAST_BLOCK} AS last FROM space_events GROUP BY shard, is_reading) GROUP BY shard`,
  });
}

/**
 * Applies the current settings to existing tables, and drops those that are no longer used. Run only by
 * `density migrate`, because it needs the privileges ALTER and DROP.
 */
export async function alterTables(client: ClickHouseClient, options: TableOptions): Promise<void> {
  await dropRetiredTables(client, options);
  for (const query of alterationsFor(options)) await client.command({ query });
  await addTotalsProjection(client, options);
  for (const { name, definition } of await existingTables(client)) {
    const timeColumn = timeColumnOf(definition);
    const wanted = options.cold && timeColumn ? coldAfter(options.cold, timeColumn) : undefined;
    const isCurrent = wanted === undefined ? !definition.includes(' TO VOLUME ') : definition.includes(wanted);
    if (isCurrent) continue;
    await client.command({
      query: `ALTER TABLE ${name}${onCluster(options)} ${wanted === undefined ? 'REMOVE TTL' : `MODIFY TTL ${wanted}`}`,
    });
  }
}

/**
 * Adds the projection to a table of an earlier version. ClickHouse builds it for existing parts in the background,
 * and reads their rows until then.
 */
async function addTotalsProjection(client: ClickHouseClient, options: TableOptions): Promise<void> {
  const [row] = await queryRows<[string]>(
    client,
    "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'space_events'",
    {},
  );
  if (!row || row[0].includes('PROJECTION totals_by_shard')) return;
  await client.command({ query: `ALTER TABLE space_events${onCluster(options)} ADD ${TOTALS_PROJECTION}` });
  await client.command({
    query: `ALTER TABLE space_events${onCluster(options)} MATERIALIZE PROJECTION totals_by_shard`,
  });
}

interface ExistingTable {
  readonly name: string;
  readonly engine: string;
  readonly definition: string;
}

async function existingTables(client: ClickHouseClient): Promise<ExistingTable[]> {
  const rows = await queryRows<[string, string, string]>(
    client,
    'SELECT name, engine, engine_full FROM system.tables WHERE database = currentDatabase() AND name IN {names:Array(String)}',
    { names: TABLE_NAMES },
  );
  return rows.map(([name, engine, definition]) => ({ name, engine, definition }));
}

/**
 * Missing in earlier versions, whose space_events already has rows: its target is filled from those rows before the
 * view is created.
 */
const ADDED_VIEW = 'events_by_time_view';

/**
 * Idempotent, even if several processes do it at the same time: each month is one deterministic insert with its own
 * deduplication token.
 */
async function fillEventsByTime(client: ClickHouseClient): Promise<void> {
  const months = await queryRows<[number]>(client, 'SELECT DISTINCT toYYYYMM(timestamp) FROM space_events', {});
  for (const [month] of months) {
    await client.command({
      query: `INSERT INTO events_by_time (timestamp, reading_id, dpu_id, direction, entrances, exits, doorway_id, space_id, sign, is_reading)
        ${viewQuery(ADDED_VIEW)}
        WHERE toYYYYMM(timestamp) = {month:UInt32} ORDER BY timestamp, reading_id, space_id, sign, block`,
      query_params: { month },
      clickhouse_settings: {
        max_threads: 1,
        max_insert_threads: '1',
        insert_deduplicate: 1,
        insert_deduplication_token: `events_by_time of ${month}`,
      },
    });
  }
}

/** Deletes all tables and their contents; views before the tables that they write to. */
export async function dropTables(client: ClickHouseClient, cluster?: string): Promise<void> {
  const where = onCluster({ cluster });
  await dropRetiredTables(client, { cluster });
  for (const statement of [...STATEMENTS].reverse()) {
    const [, kind, name] = /^CREATE (?:MATERIALIZED )?(TABLE|VIEW) IF NOT EXISTS (\w+)/.exec(statement) ?? [];
    await client.command({ query: `DROP ${kind} IF EXISTS ${name}${where} SYNC` });
  }
}
