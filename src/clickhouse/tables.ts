// Creates the tables, updates those of earlier versions, and drops them.
import type { ClickHouseClient } from '@clickhouse/client';
import { hasTable, onCluster } from './ddl.ts';
import { READING_ID } from './id-tail.ts';
import { queryRows } from './query-rows.ts';
import { dropRetiredTables, dropRetiredView } from './retired-tables.ts';
import {
  alterationsFor,
  BLOCK_INDEX,
  coldAfter,
  KNOWN_INDEX,
  LAST_BLOCK,
  PLACES,
  PLAIN,
  readingWholeIds,
  STATEMENTS,
  TABLE_NAMES,
  tablesFor,
  timeColumnOf,
  TOTALS_PROJECTION,
  VIEW_NAMES,
  viewQuery,
  viewTarget,
  type TableOptions,
} from './schema.ts';

/**
 * Creates missing tables, views and columns, and changes views that do not fit them. Any number of processes may do so at the
 * same time.
 * @throws Error if existing tables are replicated and should not be, or the reverse
 */
export async function createTables(client: ClickHouseClient, options: TableOptions = PLAIN): Promise<void> {
  await dropRetiredView(client, options);
  const hasNewColumns = await addColumns(client, options);
  const isWhole = await hasWholeIds(client);
  for (const query of tablesFor(options)) {
    if (query.includes(` ${ADDED_VIEW} `) && !(await hasTable(client, ADDED_VIEW))) await fillEventsByTime(client);
    const isView = VIEW_NAMES.some((view) => query.includes(` ${view} `));
    await client.command({ query: isView && isWhole ? readingWholeIds(query) : query });
  }
  await updateViews(client, options, (...view) => !hasNewColumns && works(...view));
  await recordBlocksFrom(client);
  for (const { name, engine } of await existingTables(client)) {
    if (engine.startsWith('Replicated') === (options.cluster !== undefined)) continue;
    throw new Error(
      `table ${name} exists with engine ${engine}: CLICKHOUSE_CLUSTER cannot be changed once the tables are created (docs/operations.md)`,
    );
  }
}

const COMMIT_COLUMN = 'commit_seq';
const TAIL_COLUMN = 'id_tail';

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
  ['readings', 'shard', 'UInt16 DEFAULT 0 CODEC(ZSTD)'],
  ['readings', 'block', 'UInt64 DEFAULT 0 CODEC(Delta, ZSTD)'],
  ['events_by_time', 'shard', 'UInt16 DEFAULT 0 CODEC(ZSTD)'],
  ['events_by_time', 'block', 'UInt64 DEFAULT 0 CODEC(Delta, ZSTD)'],
  ['space_events', COMMIT_COLUMN, 'UInt64 DEFAULT 0 CODEC(Delta, ZSTD)'],
  ['space_events', TAIL_COLUMN, "String EPHEMERAL ''"],
  ['readings', TAIL_COLUMN, "String EPHEMERAL ''"],
  ['events_by_time', TAIL_COLUMN, "String EPHEMERAL ''"],
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
    // These tables are sorted by whole ids, so they have to compute them from the tails that are inserted now. In one
    // statement, so that no start is interrupted in between.
    const computed = name === TAIL_COLUMN ? `, MODIFY COLUMN reading_id String DEFAULT ${READING_ID}` : '';
    await client.command({
      query: `ALTER TABLE ${table}${onCluster(options)} ADD COLUMN IF NOT EXISTS ${name} ${type}${computed}`,
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

/** Whether the table of events stores whole reading ids, as earlier versions did, rather than their tails. */
async function hasWholeIds(client: ClickHouseClient): Promise<boolean> {
  const rows = await queryRows(
    client,
    `SELECT 1 FROM system.columns WHERE database = currentDatabase() AND table = 'space_events'
      AND name = 'reading_id' AND default_kind != 'ALIAS'`,
    {},
  );
  return rows.length > 0;
}

/**
 * Whether rows of `space_events` get into both tables through a view with this query. One that computes tails from whole ids
 * does its work for a table of tails, too.
 */
function works(query: string, isWhole: boolean): boolean {
  return /\bid_tail\b[^]*\bblock\b/.test(query) && (!isWhole || query.includes('reading_id'));
}

/** Whether the view also does no more than it has to. */
function isCurrent(query: string, isWhole: boolean): boolean {
  return works(query, isWhole) && query.includes('reading_id') === isWhole;
}

/** Changes views of an earlier version. @param isFine whether a view with a query may stay */
export async function updateViews(client: ClickHouseClient, options: TableOptions, isFine = isCurrent): Promise<void> {
  const isWhole = await hasWholeIds(client);
  const queries = await queryRows<[string]>(
    client,
    "SELECT as_select FROM system.tables WHERE database = currentDatabase() AND name IN ('readings_view', 'events_by_time_view')",
    {},
  );
  if (queries.every(([query]) => isFine(query, isWhole))) return;
  for (const view of VIEW_NAMES) {
    const query = isWhole ? readingWholeIds(viewQuery(view)) : viewQuery(view);
    await client.command({ query: `ALTER TABLE ${view}${onCluster(options)} MODIFY QUERY ${query}` });
  }
}

/**
 * Records from when on all rows have their block, which is once the views fill it. Lists of an earlier moment cannot be
 * answered.
 */
async function recordBlocksFrom(client: ClickHouseClient): Promise<void> {
  const recorded = await queryRows(client, `SELECT 1 FROM ${PLACES} WHERE is_floor = 2 LIMIT 1`, {});
  if (recorded.length > 0) return;
  await client.command({
    query: `INSERT INTO ${PLACES} (cut_ms, epoch, seq, shard, block, complete_seq, is_floor)
      SELECT toUnixTimestamp64Milli(now64(3)), 0, 0, 0, 0, 0, 2`,
  });
}

/**
 * Applies the current settings to existing tables, and drops those that are no longer used. Run only by
 * `density migrate`, because it needs the privileges ALTER and DROP.
 */
export async function alterTables(client: ClickHouseClient, options: TableOptions): Promise<void> {
  await dropRetiredTables(client, options);
  for (const query of alterationsFor(options)) await client.command({ query });
  await updateViews(client, options);
  await addToEvents(client, options, TOTALS_PROJECTION);
  await addToEvents(client, options, BLOCK_INDEX);
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
 * Adds a projection or an index to a table of an earlier version. ClickHouse builds it for existing parts in the background,
 * and reads their rows until then.
 * @param definition begins with its kind and name
 */
async function addToEvents(client: ClickHouseClient, options: TableOptions, definition: string): Promise<void> {
  const name = definition.split(' ', 2).join(' ');
  const [row] = await queryRows<[string]>(
    client,
    "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'space_events'",
    {},
  );
  if (!row || row[0].includes(`${name} `)) return;
  await client.command({ query: `ALTER TABLE space_events${onCluster(options)} ADD ${definition}` });
  await client.command({ query: `ALTER TABLE space_events${onCluster(options)} MATERIALIZE ${name}` });
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
      query: `INSERT INTO ${viewTarget(ADDED_VIEW)}
        ${readingWholeIds(viewQuery(ADDED_VIEW))}
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
