// Runs queries against ClickHouse with bound parameters.
import type { ClickHouseClient } from '@clickhouse/client';
import { Failure } from '../domain/failure.ts';

/** Parameters are sent in the URL, which ClickHouse limits to 1 MB. */
const KEYS_PER_QUERY = 2_000;

/** Divides keys into lists that fit into the parameters of one query. */
export function* chunksOf<T>(keys: readonly T[]): Generator<T[]> {
  for (let at = 0; at < keys.length; at += KEYS_PER_QUERY) yield keys.slice(at, at + KEYS_PER_QUERY);
}

/**
 * Runs a query and returns all of its rows as arrays of columns. Values are bound as parameters. 64-bit integers may
 * arrive as strings.
 * @throws Failure unavailable if the query fails for any reason
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
