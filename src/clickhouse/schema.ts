// The tables and views of this version.
//
// Invariant: every table that a block reaches, directly or through a view, has a deduplication window. If only the
// source had one, a block that is sent twice would be stored once there and twice in the views.
import { onCluster } from './ddl.ts';
import { ID_TAIL, READING_ID } from './id-tail.ts';

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
export const PLAIN: TableOptions = { cluster: undefined, windowBlocks: WINDOW_MIN, isSynced: false, cold: undefined };

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

/** Of columns without a codec of their own. LZ4, the default of a server, takes almost twice the space (docs/adr/0121). */
const CODEC = 'ZSTD';

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
    `default_compression_codec = '${CODEC}'`,
    "lightweight_mutation_projection_mode = 'rebuild'",
  ].join(', ');
}

function ttlOf({ cold }: TableOptions, timeColumn: string | undefined): string {
  return cold && timeColumn ? `\n  TTL ${coldAfter(cold, timeColumn)}` : '';
}

export function coldAfter({ volume, afterDays }: NonNullable<TableOptions['cold']>, timeColumn: string): string {
  return `toDateTime(${timeColumn}) + toIntervalDay(${afterDays}) TO VOLUME '${volume}'`;
}

/** The column by which old rows are moved; undefined for small tables, which stay on hot storage. */
export function timeColumnOf(statement: string): string | undefined {
  return /PARTITION BY (?:(?!ORDER BY)[^])*?\btimestamp\b/.test(statement) ? 'timestamp' : undefined;
}

/** A shard's last block with its mark. Only some rows of a block carry the mark, and they sort after the others. */
export const LAST_BLOCK = 'max((block, epoch, log_seq, log_commit))';
/**
 * Totals of each shard without reading its rows. A projection rather than a view, because it is maintained with the
 * rows and remains correct when rows are deleted or a part is lost.
 */
export const TOTALS_PROJECTION = `PROJECTION totals_by_shard (SELECT shard, is_reading, sum(sign), max(block), ${LAST_BLOCK} GROUP BY shard, is_reading)`;

/** Lets a question about what was known skip what came later. */
export const KNOWN_INDEX = 'INDEX known_at (epoch, commit_seq) TYPE minmax GRANULARITY 1';

/** Finds the few rows of late blocks among many. */
export const BLOCK_INDEX = 'INDEX blocks block TYPE minmax GRANULARITY 1';

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

/**
 * The columns of a reading's id. Sorting keys have the expression, because they cannot contain an alias. A part of an earlier
 * version has no tails. If somebody attaches one, reading must fail, because other ids would follow from empty tails.
 */
const READING_ID_COLUMNS = `id_tail String DEFAULT toString(throwIf(true, 'id_tail is missing: these rows are from an earlier version (docs/operations.md, Backup and restore)')),
    reading_id String ALIAS ${READING_ID}`;
/** Of what rises from row to row by little, and of numbers that use few of their bits (docs/adr/0125). */
const [RISING, SMALL] = ['CODEC(Delta, T64, ZSTD)', 'CODEC(T64, ZSTD)'];

export const PLACES = 'log_places';

export const STATEMENTS: readonly string[] = [
  // One row for each assertion (sign 1) or retraction (sign -1) of a reading in a space. `direction` is that of one
  // person, 0 for other measures; entrances and exits are those of the space.
  `CREATE TABLE IF NOT EXISTS space_events (
    space_id UInt32,
    timestamp_ms Int64 EPHEMERAL,
    timestamp DateTime64(3, 'UTC') DEFAULT fromUnixTimestamp64Milli(timestamp_ms, 'UTC') ${RISING},
    ${READING_ID_COLUMNS},
    dpu_id String,
    doorway_id UInt32,
    direction Int8 ${SMALL},
    entrances UInt32 ${SMALL},
    exits UInt32 ${SMALL},
    is_egress UInt8,
    sign Int8,
    is_reading UInt8,
    shard UInt16,
    block UInt64,
    epoch UInt32 DEFAULT 0,
    log_seq UInt64 DEFAULT 0,
    log_commit String DEFAULT '',
    commit_seq UInt64 DEFAULT 0 ${RISING},
    cut_ms Int64 DEFAULT 0,
    complete_seq UInt64 DEFAULT 0,
    cause LowCardinality(String) DEFAULT 'unknown',
    ${KNOWN_INDEX},
    ${BLOCK_INDEX},
    ${TOTALS_PROJECTION}
  ) ENGINE = MergeTree
  PARTITION BY ${byTime('timestamp')}
  ORDER BY (space_id, timestamp, ${READING_ID})
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
  // Where the log stood when a block was cut, from the marks of its rows. `is_floor` is 1 for a block that a process of an
  // earlier version stored, whose rows lack their commit: questions about an earlier moment cannot be answered. It is 2
  // for the moment from which on all rows of all tables have their block.
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
  // The events of a space and hour, summed up (src/domain/segment.ts, src/domain/hours.ts), as of the last block that has rows of them;
  // `first` and `last` are the commits of what that version added, and of all of it. Computed from space_events, as far
  // as stored_hours says.
  `CREATE TABLE IF NOT EXISTS segments_by_hour (
    space_id UInt32,
    slot UInt32 CODEC(Delta, ZSTD),
    block UInt64 CODEC(ZSTD),
    shard UInt16 CODEC(ZSTD),
    first_epoch UInt32 CODEC(ZSTD),
    first_seq UInt64 CODEC(Delta, ZSTD),
    last_epoch UInt32 CODEC(ZSTD),
    last_seq UInt64 CODEC(Delta, ZSTD),
    net Int64 CODEC(T64, ZSTD),
    lowest Int64 CODEC(T64, ZSTD),
    highest Int64 CODEC(T64, ZSTD),
    rise Int64 CODEC(T64, ZSTD),
    entrances Int64 CODEC(T64, ZSTD),
    exits Int64 CODEC(T64, ZSTD),
    events Int64 CODEC(T64, ZSTD)
  ) ENGINE = ReplacingMergeTree
  ORDER BY (space_id, slot, block)
  SETTINGS`,
  // Up to which blocks the hours of a shard are stored.
  `CREATE TABLE IF NOT EXISTS stored_hours (
    shard UInt16,
    block UInt64
  ) ENGINE = ReplacingMergeTree
  ORDER BY (shard, block)
  SETTINGS`,
  `CREATE MATERIALIZED VIEW IF NOT EXISTS log_places_view TO ${PLACES} AS
  SELECT if(e.cut_ms > 0, e.cut_ms, toUnixTimestamp64Milli(now64(3))) AS cut_ms, epoch, log_seq AS seq, shard, block, complete_seq, e.cut_ms = 0 AS is_floor
  FROM space_events AS e WHERE log_seq > 0`,
  // Readings by DPU. A reading exists while the sum of its signs is 1.
  `CREATE TABLE IF NOT EXISTS readings (
    dpu_id String,
    timestamp DateTime64(3, 'UTC') ${RISING},
    ${READING_ID_COLUMNS},
    direction Int8 ${SMALL},
    entrances UInt32 ${SMALL},
    exits UInt32 ${SMALL},
    doorway_id UInt32,
    space_id UInt32,
    sign Int8,
    shard UInt16 CODEC(ZSTD),
    block UInt64 CODEC(Delta, ZSTD)
  ) ENGINE = MergeTree
  PARTITION BY ${byTime('timestamp')}
  ORDER BY (dpu_id, timestamp, ${READING_ID})
  SETTINGS`,
  `CREATE MATERIALIZED VIEW IF NOT EXISTS readings_view TO readings AS
  SELECT dpu_id, timestamp, id_tail, direction, ${PASSED_BY_READING}, doorway_id, space_id, sign, shard, block
  FROM space_events AS e WHERE is_reading = 1`,
  // The same events in event order, for lists across all spaces and DPUs.
  `CREATE TABLE IF NOT EXISTS events_by_time (
    timestamp DateTime64(3, 'UTC') ${RISING},
    ${READING_ID_COLUMNS},
    dpu_id String,
    direction Int8 ${SMALL},
    entrances UInt32 ${SMALL},
    exits UInt32 ${SMALL},
    doorway_id UInt32 ${SMALL},
    space_id UInt32 ${SMALL},
    sign Int8,
    is_reading UInt8,
    shard UInt16 CODEC(ZSTD),
    block UInt64 CODEC(Delta, ZSTD)
  ) ENGINE = MergeTree
  PARTITION BY ${byTime('timestamp')}
  ORDER BY (timestamp, ${READING_ID})
  SETTINGS`,
  `CREATE MATERIALIZED VIEW IF NOT EXISTS events_by_time_view TO events_by_time AS
  SELECT timestamp, id_tail, dpu_id, direction, ${PASSED_BY_READING}, doorway_id, space_id, sign, is_reading, shard, block FROM space_events AS e`,
];

/** What a materialized view fills, with its columns in the order of its SELECT: those of an upgraded table are in another. */
export function viewTarget(view: 'readings_view' | 'events_by_time_view'): string {
  return view === 'readings_view'
    ? 'readings (dpu_id, timestamp, id_tail, direction, entrances, exits, doorway_id, space_id, sign, shard, block)'
    : 'events_by_time (timestamp, id_tail, dpu_id, direction, entrances, exits, doorway_id, space_id, sign, is_reading, shard, block)';
}

/**
 * A view, or its query, for a table of events of an earlier version, which stores whole reading ids. It can read the
 * current one as well, at the cost of computing each id and its tail.
 */
export function readingWholeIds(statement: string): string {
  return statement.replace(' id_tail,', ` ${ID_TAIL} AS id_tail,`);
}

/** The SELECT of a materialized view. */
export function viewQuery(view: string): string {
  const statement = STATEMENTS.find((some) => some.startsWith(`CREATE MATERIALIZED VIEW IF NOT EXISTS ${view} `)) ?? '';
  return statement.slice(statement.indexOf('SELECT'));
}

export const TABLE_NAMES = STATEMENTS.flatMap(
  (statement) => /CREATE TABLE IF NOT EXISTS (\w+)/.exec(statement)?.slice(1) ?? [],
);

export const VIEW_NAMES = STATEMENTS.flatMap(
  (statement) => /CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+)/.exec(statement)?.slice(1) ?? [],
);

/** The tables of a single server. */
export const TABLES = tablesFor(PLAIN);
