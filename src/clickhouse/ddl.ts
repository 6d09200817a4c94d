// What statements that create, alter and drop tables have in common.
import type { ClickHouseClient } from '@clickhouse/client';
import { queryRows } from './query-rows.ts';

/** Where a statement takes effect. */
export interface Where {
  /** The ClickHouse cluster whose replicas hold the tables; undefined for a single server. */
  readonly cluster: string | undefined;
}

export function onCluster({ cluster }: Where): string {
  return cluster === undefined ? '' : ` ON CLUSTER '${cluster}'`;
}

/** Whether a table or view exists. */
export async function hasTable(client: ClickHouseClient, name: string): Promise<boolean> {
  const rows = await queryRows(
    client,
    'SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = {name:String}',
    { name },
  );
  return rows.length > 0;
}
