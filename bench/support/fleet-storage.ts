// What a fleet's readings take on disk, in ClickHouse and in the streams.
import type { ClickHouseClient } from '@clickhouse/client';
import type { NatsHandles } from '../../src/nats/connect.ts';
import { CHECKPOINTS, READINGS, SPACE_EVENTS, TOPOLOGY } from '../../src/nats/streams.ts';
import { grouped, printLine } from './output.ts';

/** Prints the bytes of all streams and tables. @param readings how many are stored */
export async function printStorage(
  { jsm }: NatsHandles,
  clickhouse: ClickHouseClient,
  readings: number,
  title: string,
): Promise<void> {
  printLine(`${title}, ${grouped(readings)} readings stored:`);
  for (const name of [READINGS, SPACE_EVENTS, TOPOLOGY, CHECKPOINTS]) {
    const { state } = await jsm.streams.info(name);
    printLine(
      `  ${name}: ${grouped(state.messages)} messages of ${(state.bytes / Math.max(1, state.messages)).toFixed(1)} bytes, ${(state.bytes / 1e6).toFixed(1)} MB now; ${grouped(state.last_seq)} ever`,
    );
  }
  const result = await clickhouse.query({
    query: `SELECT table, sum(bytes_on_disk), sum(rows), count() FROM system.parts
      WHERE active AND database = currentDatabase() GROUP BY table HAVING sum(rows) > 0 ORDER BY 2 DESC`,
    format: 'JSONCompactEachRow',
  });
  const rows = await result.json<[string, string, string, string]>();
  for (const [table, bytes, count, parts] of rows)
    printLine(
      `  ClickHouse ${table}: ${(Number(bytes) / 1e6).toFixed(1)} MB, ${(Number(bytes) / readings).toFixed(1)} bytes a reading; ${grouped(Number(count))} rows in ${parts} parts`,
    );
  const total = rows.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  printLine(`  ClickHouse together: ${(total / readings).toFixed(1)} bytes a reading`);
}
