import type { ClickHouseClient } from '@clickhouse/client';
import { Failure } from '../domain/failure.ts';

/**
 * Runs a query and returns all of its rows as arrays of columns. Values are bound as parameters. 64-bit integers may
 * arrive as strings.
 * @throws Failure unavailable when the query fails for any reason
 */
export async function queryRows<Row>(
  client: ClickHouseClient,
  query: string,
  params: Record<string, unknown>,
): Promise<Row[]> {
  try {
    const result = await client.query({ query, query_params: params, format: 'JSONCompactEachRow' });
    return await result.json<Row>();
  } catch (error) {
    throw new Failure('unavailable', 'history cannot be read at the moment', { cause: error, retryAfterSeconds: 5 });
  }
}
