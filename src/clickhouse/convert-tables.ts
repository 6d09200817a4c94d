// Converts tables of earlier versions, which are partitioned by month alone (docs/adr/0076) or store whole reading ids
// (docs/adr/0125). Each is copied into a table with the current definition, compared with it, and exchanged with it in
// one step. So a crash leaves either the old table or the new one.
//
// No process may write meanwhile. The new tables have no deduplication tokens, so the caller must make sure that no
// block is sent again.
import type { ClickHouseClient } from '@clickhouse/client';
import { ID_TAIL } from './id-tail.ts';
import { queryRows } from './query-rows.ts';
import { tablesFor, type TableOptions } from './schema.ts';
import { updateViews } from './tables.ts';

const COPY_SUFFIX = '_converted';
/** Of the copies that earlier versions made. */
const FORMER_SUFFIX = '_by_decade';
/** The beginning of the partition expression in current definitions. */
const BY_DECADE = 'if(';
/** The connection is idle while a month is copied; progress headers keep it alive. */
const LONG = { send_progress_in_http_headers: 1, http_headers_progress_interval_ms: '10000' } as const;

interface Table {
  readonly name: string;
  /** The statement that creates the table with its current definition. */
  readonly definition: string;
  readonly timeColumn: string;
}

/** The existing tables whose definition `density migrate` can replace by the current one. */
export async function tablesToConvert(client: ClickHouseClient, options: TableOptions): Promise<string[]> {
  const earlier = await queryRows<[string]>(
    client,
    `SELECT name FROM system.tables WHERE database = currentDatabase()
      AND (NOT startsWith(partition_key, '${BY_DECADE}') OR position(sorting_key, 'reading_id') > 0)`,
    {},
  );
  const names = new Set(earlier.flat());
  return partitionedTables(options)
    .map(({ name }) => name)
    .filter((name) => names.has(name));
}

/**
 * @param printLine is called with a line for each table
 * @throws Error if a copy differs from its source, which is then unchanged
 */
export async function convertTables(
  client: ClickHouseClient,
  options: TableOptions,
  printLine: (line: string) => void,
): Promise<void> {
  const earlier = new Set(await tablesToConvert(client, options));
  for (const table of partitionedTables(options)) {
    const copy = `${table.name}${COPY_SUFFIX}`;
    // Remains of an interrupted attempt: an incomplete copy, or the old table.
    await drop(client, copy);
    await drop(client, `${table.name}${FORMER_SUFFIX}`);
    if (!earlier.has(table.name)) continue;
    const rows = await convert(client, table, copy);
    printLine(`table ${table.name}: ${rows} rows converted`);
  }
  // The views of the earlier tables work, so a run that is killed before this leaves nothing broken.
  await updateViews(client, options);
}

function partitionedTables(options: TableOptions): Table[] {
  return tablesFor(options).flatMap((definition) => {
    const name = /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(definition)?.[1];
    const timeColumn = /PARTITION BY if\((\w+)/.exec(definition)?.[1];
    return name === undefined || timeColumn === undefined ? [] : [{ name, definition, timeColumn }];
  });
}

/** @returns its number of rows */
async function convert(
  client: ClickHouseClient,
  { name, definition, timeColumn }: Table,
  copy: string,
): Promise<number> {
  await client.command({ query: definition.replace(`EXISTS ${name} (`, `EXISTS ${copy} (`) });
  const columns = (
    await queryRows<[string]>(
      client,
      `SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {name:String}
        AND default_kind NOT IN ('EPHEMERAL', 'ALIAS', 'MATERIALIZED') ORDER BY position`,
      // Only the current columns; a table of an earlier version may have another one, which is no longer written.
      { name: copy },
    )
  ).flat();
  const values = columns.map((column) => (column === 'id_tail' ? `${ID_TAIL} AS id_tail` : column));
  const month = `toYYYYMM(${timeColumn})`;
  for (const [each] of await queryRows<[number]>(client, `SELECT DISTINCT ${month} FROM ${name} ORDER BY 1`, {})) {
    await client.command({
      query: `INSERT INTO ${copy} (${columns.join()}) SELECT ${values.join()} FROM ${name} WHERE ${month} = {month:UInt32}`,
      query_params: { month: Number(each) },
      // Equal rows are not duplicates here.
      clickhouse_settings: { ...LONG, insert_deduplicate: 0, async_insert: 0 },
    });
  }
  for (const constraint of await constraintsOf(client, name))
    await client.command({ query: `ALTER TABLE ${copy} ADD ${constraint}` });
  // An earlier table has no tail that could be read; both have the reading id.
  const compared = columns.map((column) => (column === 'id_tail' ? 'reading_id' : column));
  const [was, is] = [await digestOf(client, name, compared), await digestOf(client, copy, compared)];
  if (String(was) !== String(is))
    throw new Error(
      `the copy of table ${name} differs from it (${is.join()} instead of ${was.join()}); it is unchanged`,
    );
  await exchange(client, name, copy);
  await drop(client, copy);
  return was[0];
}

/** Drops a table of any size, because another one has its rows. */
async function drop(client: ClickHouseClient, table: string): Promise<void> {
  await client.command({
    query: `DROP TABLE IF EXISTS ${table} SYNC`,
    clickhouse_settings: { max_table_size_to_drop: '0' },
  });
}

/**
 * The constraints that refuse rows of an earlier epoch. They are added after copying, because the table contains such
 * rows.
 */
async function constraintsOf(client: ClickHouseClient, name: string): Promise<string[]> {
  const [row] = await queryRows<[string]>(
    client,
    'SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = {name:String}',
    { name },
  );
  return [...(row?.[0] ?? '').matchAll(/CONSTRAINT `?\w+`? CHECK epoch >= \d+/g)].map(([constraint]) => constraint);
}

/** The number of rows, and an order-independent checksum. */
async function digestOf(
  client: ClickHouseClient,
  table: string,
  columns: readonly string[],
): Promise<[rows: number, checksum: string]> {
  const [row] = await queryRows<[string, string]>(
    client,
    `SELECT toString(count()), toString(sum(cityHash64(${columns.join()}))) FROM ${table}`,
    {},
  );
  return [Number(row?.[0]), row?.[1] ?? ''];
}

/** Views must remain attached to the table's name. @throws Error if they do not; the table is then unchanged */
async function exchange(client: ClickHouseClient, name: string, copy: string): Promise<void> {
  const views = async (): Promise<string> => {
    const [row] = await queryRows<[string[]]>(
      client,
      'SELECT arraySort(dependencies_table) FROM system.tables WHERE database = currentDatabase() AND name = {name:String}',
      { name },
    );
    return JSON.stringify(row?.[0]);
  };
  const before = await views();
  const query = `EXCHANGE TABLES ${name} AND ${copy}`;
  await client.command({ query });
  if ((await views()) === before) return;
  await client.command({ query });
  throw new Error(
    `this ClickHouse does not keep the views of table ${name} when it is exchanged; the table is unchanged`,
  );
}
