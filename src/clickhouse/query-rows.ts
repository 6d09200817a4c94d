// Runs queries against ClickHouse with bound parameters.
import { setImmediate } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { Failure } from '../domain/failure.ts';

/** Parameters are sent in the URL, which ClickHouse limits to 1 MB. */
const KEYS_PER_QUERY = 2_000;

/** In characters, of an answer. Other work runs before the next part. */
const PARSED_AT_ONCE = 100_000;
/** Characters of an answer that is not complete. */
const END_SHOWN = 2_000;

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
    return await parsedRows<Row>(await result.text());
  } catch (error) {
    throw new Failure('unavailable', 'history cannot be read at the moment', { cause: error, retryAfterSeconds: 5 });
  }
}

/**
 * Parses lines of JSON. ResultSet.json() parses each line on its own, behind a pipeline of streams, which takes twice as
 * long for the few rows of most answers.
 * @throws Error if the answer is not complete
 */
async function parsedRows<Row>(lines: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (let from = 0; from < lines.length;) {
    // The last character ends the last line.
    const to = lines.indexOf('\n', Math.min(from + PARSED_AT_ONCE, lines.length - 1));
    const part = to < 0 ? lines.slice(from) : lines.slice(from, to);
    rows.push(...rowsIn<Row>(part));
    from += part.length + 1;
    if (from < lines.length) await setImmediate();
  }
  return rows;
}

function rowsIn<Row>(lines: string): Row[] {
  try {
    return JSON.parse(`[${lines.replaceAll('\n', ',')}]`) as Row[];
  } catch (cause) {
    // If a query fails when the first rows have been sent, ClickHouse says so behind them.
    throw new Error(`the answer of ClickHouse ends with: ${lines.slice(-END_SHOWN)}`, { cause });
  }
}
