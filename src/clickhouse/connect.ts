// Opens the connection to ClickHouse that all stored data goes through.
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';

const REQUEST_MAX_MS = 60_000;

/**
 * @throws Error naming the URL if no server answers
 */
export async function connectClickHouse(url: string, requestMaxMs = REQUEST_MAX_MS): Promise<ClickHouseClient> {
  const client = createClient({
    url,
    application: 'density-api',
    max_open_connections: 20,
    request_timeout: requestMaxMs,
    // Blocks are retried by the service: their token makes a repetition harmless.
    keep_alive: { enabled: true },
    // Errors are thrown and logged by the caller, which knows the purpose of the request.
    log: { level: ClickHouseLogLevel.OFF },
  });
  const answer = await client.ping();
  if (!answer.success) {
    await client.close();
    throw new Error(`no ClickHouse answers at ${new URL(url).origin} (CLICKHOUSE_URL)`, { cause: answer.error });
  }
  return client;
}
