// The tables of earlier versions that nothing reads any more: counts by minute (docs/adr/0093).
import type { ClickHouseClient } from '@clickhouse/client';
import { hasTable, onCluster, type Where } from './ddl.ts';

const VIEW = 'counts_by_minute_view';
/** The second one is left over if `density migrate` of an earlier version was interrupted. */
const TABLES = ['counts_by_minute', 'counts_by_minute_by_decade'];

/**
 * Drops the view, so that inserts no longer pay for it. The service may lack the right to drop: it then works with the
 * view, until `density migrate` has run. Its table stays, because processes of the earlier version may be running.
 */
export async function dropRetiredView(client: ClickHouseClient, where: Where): Promise<void> {
  if (!(await hasTable(client, VIEW))) return;
  await drop(client, `VIEW IF EXISTS ${VIEW}`, where).catch((error: unknown) => {
    // By its message: a server of a cluster reports it in the text of another error.
    if (!(error instanceof Error && error.message.includes('Not enough privileges'))) throw error;
  });
}

/** Drops the view before its table, so that no insert finds a view without its table. */
export async function dropRetiredTables(client: ClickHouseClient, where: Where): Promise<void> {
  await drop(client, `VIEW IF EXISTS ${VIEW}`, where);
  for (const table of TABLES) await drop(client, `TABLE IF EXISTS ${table}`, where);
}

async function drop(client: ClickHouseClient, what: string, where: Where): Promise<void> {
  await client.command({
    query: `DROP ${what}${onCluster(where)} SYNC`,
    // A table of any size.
    clickhouse_settings: { max_table_size_to_drop: '0' },
  });
}
