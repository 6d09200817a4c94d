import type { ClickHouseClient } from '@clickhouse/client';
import { Failure } from '../domain/failure.ts';

/** The rows of a query, its values bound as parameters. @throws Failure unavailable when ClickHouse does not answer */
export async function queryRows<Row>(
  client: ClickHouseClient,
  query: string,
  params: Record<string, unknown>,
): Promise<Row[]> {
  try {
    const result = await client.query({ query, query_params: params, format: 'JSONCompactEachRow' });
    return await result.json<Row>();
  } catch (error) {
    throw new Failure('unavailable', 'history cannot be read now', { cause: error, retryAfterSeconds: 5 });
  }
}
