// The tables. Every table that a block reaches, directly or through a view, has a deduplication window:
// with it on the source alone, a repeated block would be counted twice in the view's target.
import type { ClickHouseClient } from '@clickhouse/client';
import { queryRows } from './query-rows.ts';

export interface TableOptions {
  /** Name of the ClickHouse cluster whose replicas hold the tables; undefined for one server. */
  readonly cluster: string | undefined;
  /** How many parts, of all shards together, a table remembers in order to drop one that comes again. */
  readonly windowBlocks: number;
  /** Parts are on disk before a block is acknowledged: the log lets go of what was. */
  readonly isSynced: boolean;
  /** Where rows go that are older; undefined leaves them. None is ever removed (docs/adr/0042). */
  readonly cold: { readonly volume: string; readonly afterDays: number } | undefined;
}

/** A process may be suspended, or a shard without an owner, for so long, with a block under way, while other shards go on. */
const STUCK_MAX_MS = 3_600_000;
/** A block with late rows has a part, and so a place in the window, in each month it touches, and each decade before 2026. */
const PARTS_PER_BLOCK = 4;
/** Each place is memory of the server, or of Keeper, in each table: some 200 bytes. */
const [WINDOW_MIN, WINDOW_MAX] = [10_000, 500_000];
const WINDOW_SECONDS = 604_800;

/** Shards x blocks in the longest time before one is sent again x parts. */
export function windowBlocksFor(shards: number, blockAgeMaxMs: number): number {
  const blocks = shards * Math.ceil(STUCK_MAX_MS / Math.max(1, blockAgeMaxMs)) * PARTS_PER_BLOCK;
  return Math.min(WINDOW_MAX, Math.max(WINDOW_MIN, blocks));
}

/** Of one server and with the least window: what tests and simulations have. */
const PLAIN: TableOptions = { cluster: undefined, windowBlocks: WINDOW_MIN, isSynced: false, cold: undefined };

/** The statements that create what is missing, for one server or for the replicas of a cluster. */
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
        // The place in Keeper comes first; {shard} and {replica} are the server's macros.
        .replace(
          /ENGINE = (\w*)MergeTree(\(?)/,
          (_, kind: string, open: string) =>
            `ENGINE = Replicated${kind}MergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}'${open ? ', ' : ')'}`,
        )
    );
  });
}

/** The statements that give tables which are there already the settings of today. */
export function alterationsFor(options: TableOptions): string[] {
  return TABLE_NAMES.map((name) => `ALTER TABLE ${name}${onCluster(options)} MODIFY SETTING ${settingsOf(options)}`);
}

function settingsOf({ cluster, windowBlocks, isSynced }: TableOptions): string {
  const window =
    cluster === undefined
      ? [`non_replicated_deduplication_window = ${windowBlocks}`]
      : [
          `replicated_deduplication_window = ${windowBlocks}`,
          `replicated_deduplication_window_seconds = ${WINDOW_SECONDS}`,
        ];
  const flag = isSynced ? 1 : 0;
  // A merge replaces parts that were synced by one that has to be, too.
  return [
    ...window,
    `fsync_after_insert = ${flag}`,
    `fsync_part_directory = ${flag}`,
    `min_rows_to_fsync_after_merge = ${flag}`,
    "lightweight_mutation_projection_mode = 'rebuild'",
  ].join(', ');
}

function ttlOf({ cold }: TableOptions, timeColumn: string | undefined): string {
  return cold && timeColumn ? `\n  TTL ${coldAfter(cold, timeColumn)}` : '';
}

function coldAfter({ volume, afterDays }: NonNullable<TableOptions['cold']>, timeColumn: string): string {
  return `toDateTime(${timeColumn}) + toIntervalDay(${afterDays}) TO VOLUME '${volume}'`;
}

/** Of a table that grows with the readings. Minutes are few, and asked for at all times. */
function timeColumnOf(statement: string): string | undefined {
  return /PARTITION BY (?:(?!ORDER BY)[^])*?\btimestamp\b/.test(statement) ? 'timestamp' : undefined;
}

function onCluster({ cluster }: Pick<TableOptions, 'cluster'>): string {
  return cluster === undefined ? '' : ` ON CLUSTER '${cluster}'`;
}

/** The last block of a shard, and one of its marks. A block has one in every part of it; others of its rows have none. */
export const LAST_BLOCK = 'max((block, epoch, log_seq, log_commit))';
/** What each shard has stored, without reading its rows: a part of the table's parts, so that it follows deletions, and no block reaches it by itself. */
const TOTALS_PROJECTION = `PROJECTION totals_by_shard (SELECT shard, is_reading, sum(sign), max(block), ${LAST_BLOCK} GROUP BY shard, is_reading)`;

/**
 * Months, and what is older than the service in decades: a block makes a part in each partition that its rows are in, and a DPU whose
 * clock is wrong may send readings from every month since 1970. Tables of earlier versions have months alone (docs/adr/0076).
 */
function byTime(column: string): string {
  return `if(${column} < toDateTime('2026-01-01 00:00:00', 'UTC'), intDiv(toYear(${column}), 10) * 10, toYYYYMM(${column}))`;
}

/** As the device sees it: in the space that a doorway leads out of, its entrances are exits. */
const PASSED_BY_READING =
  'if(is_egress = 1, exits, entrances) AS entrances, if(is_egress = 1, entrances, exits) AS exits';

const STATEMENTS: readonly string[] = [
  // One row for each assertion (sign 1) or retraction (sign -1) of a reading in a space. `direction` is that of one person, 0 for
  // other measures; entrances and exits are those of the space.
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
    ${TOTALS_PROJECTION}
  ) ENGINE = MergeTree
  PARTITION BY ${byTime('timestamp')}
  ORDER BY (space_id, timestamp, reading_id)
  SETTINGS`,
  // Epochs of the logs: one begins when a log that went back is repaired. A few rows in the life of an installation.
  `CREATE TABLE IF NOT EXISTS log_epochs (
    epoch UInt32,
    state LowCardinality(String),
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    report String
  ) ENGINE = MergeTree
  ORDER BY epoch
  SETTINGS`,
  // What TOPOLOGY holds, to put back what that may lose.
  `CREATE TABLE IF NOT EXISTS topology_copy (
    seq UInt64,
    epoch UInt32,
    digest UInt32,
    fact String
  ) ENGINE = ReplacingMergeTree(epoch)
  ORDER BY seq
  SETTINGS`,
  // Readings by DPU. A reading is here when the sum of its signs is 1.
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
  FROM space_events WHERE is_reading = 1`,
  // Additive, so that late rows and retractions correct it by themselves.
  `CREATE TABLE IF NOT EXISTS counts_by_minute (
    space_id UInt32,
    minute DateTime('UTC'),
    net Int64,
    entrances Int64,
    exits Int64
  ) ENGINE = SummingMergeTree((net, entrances, exits))
  PARTITION BY ${byTime('minute')}
  ORDER BY (space_id, minute)
  SETTINGS`,
  `CREATE MATERIALIZED VIEW IF NOT EXISTS counts_by_minute_view TO counts_by_minute AS
  SELECT space_id, toStartOfMinute(timestamp) AS minute,
    sum((toInt64(entrances) - exits) * sign) AS net, sum(toInt64(entrances) * sign) AS entrances, sum(toInt64(exits) * sign) AS exits
  FROM space_events GROUP BY space_id, minute`,
  // The same events in the order of time, for lists over all spaces and sensors.
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
  SELECT timestamp, reading_id, dpu_id, direction, ${PASSED_BY_READING}, doorway_id, space_id, sign, is_reading FROM space_events`,
];

/** What a view selects from the table of events. */
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

/** On one server, with the least window. */
export const TABLES = tablesFor(PLAIN);

/** Creates what is missing; every process may do it. @throws Error when tables are there that are not replicated, and shall be */
export async function createTables(client: ClickHouseClient, options: TableOptions = PLAIN): Promise<void> {
  for (const query of tablesFor(options)) {
    if (query.includes(` ${LATER_VIEW} `) && !(await hasTable(client, LATER_VIEW))) await fillEventsByTime(client);
    await client.command({ query });
  }
  await addColumns(client, options);
  for (const { name, engine } of await tablesThere(client)) {
    if (engine.startsWith('Replicated') === (options.cluster !== undefined)) continue;
    throw new Error(
      `table ${name} is there as ${engine}: CLICKHOUSE_CLUSTER is decided when the tables are created (docs/operations.md)`,
    );
  }
}

/** What tables of earlier versions do not have. In those each row was of one person, and `delta` 1 or -1. */
const LATER_COLUMNS: readonly (readonly [table: string, column: string, type: string])[] = [
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
];

async function addColumns(client: ClickHouseClient, options: TableOptions): Promise<void> {
  const rows = await queryRows<[string, string]>(
    client,
    'SELECT table, name FROM system.columns WHERE database = currentDatabase() AND table IN {tables:Array(String)}',
    { tables: TABLE_NAMES },
  );
  const there = new Set(rows.map(([table, name]) => `${table}.${name}`));
  const missing = LATER_COLUMNS.filter(([table, name]) => !there.has(`${table}.${name}`));
  for (const [table, name, type] of missing) {
    await client.command({
      query: `ALTER TABLE ${table}${onCluster(options)} ADD COLUMN IF NOT EXISTS ${name} ${type}`,
    });
  }
  if (!missing.some(([, name]) => name === 'entrances')) return;
  for (const view of VIEW_NAMES) {
    await client.command({ query: `ALTER TABLE ${view}${onCluster(options)} MODIFY QUERY ${viewQuery(view)}` });
  }
}

/** Gives tables that are there already the settings of today. For `density migrate`: it takes the right to alter. */
export async function alterTables(client: ClickHouseClient, options: TableOptions): Promise<void> {
  for (const query of alterationsFor(options)) await client.command({ query });
  await addTotals(client, options);
  for (const { name, definition } of await tablesThere(client)) {
    const timeColumn = timeColumnOf(definition);
    const wanted = options.cold && timeColumn ? coldAfter(options.cold, timeColumn) : undefined;
    const isThere = wanted === undefined ? !definition.includes(' TO VOLUME ') : definition.includes(wanted);
    if (isThere) continue;
    await client.command({
      query: `ALTER TABLE ${name}${onCluster(options)} ${wanted === undefined ? 'REMOVE TTL' : `MODIFY TTL ${wanted}`}`,
    });
  }
}

/** To a table of an earlier version. Parts that are there get theirs in the background; until then their rows are read. */
async function addTotals(client: ClickHouseClient, options: TableOptions): Promise<void> {
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

interface TableThere {
  readonly name: string;
  readonly engine: string;
  readonly definition: string;
}

async function tablesThere(client: ClickHouseClient): Promise<TableThere[]> {
  const rows = await queryRows<[string, string, string]>(
    client,
    'SELECT name, engine, engine_full FROM system.tables WHERE database = currentDatabase() AND name IN {names:Array(String)}',
    { names: TABLE_NAMES },
  );
  return rows.map(([name, engine, definition]) => ({ name, engine, definition }));
}

/** Came after its source had rows in the data of earlier versions; it is created when its target has them. */
const LATER_VIEW = 'events_by_time_view';

async function hasTable(client: ClickHouseClient, name: string): Promise<boolean> {
  const rows = await queryRows(
    client,
    'SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = {name:String}',
    { name },
  );
  return rows.length > 0;
}

/** By tokens as blocks are, and in blocks that are the same each time: whoever does it again, or at the same time, adds nothing. */
async function fillEventsByTime(client: ClickHouseClient): Promise<void> {
  const months = await queryRows<[number]>(client, 'SELECT DISTINCT toYYYYMM(timestamp) FROM space_events', {});
  for (const [month] of months) {
    await client.command({
      query: `INSERT INTO events_by_time (timestamp, reading_id, dpu_id, direction, entrances, exits, doorway_id, space_id, sign, is_reading)
        ${viewQuery(LATER_VIEW)}
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

/** Deletes the tables with all that is in them; views before what they write to. */
export async function dropTables(client: ClickHouseClient, cluster?: string): Promise<void> {
  const where = onCluster({ cluster });
  for (const statement of [...STATEMENTS].reverse()) {
    const [, kind, name] = /^CREATE (?:MATERIALIZED )?(TABLE|VIEW) IF NOT EXISTS (\w+)/.exec(statement) ?? [];
    await client.command({ query: `DROP ${kind} IF EXISTS ${name}${where} SYNC` });
  }
}
