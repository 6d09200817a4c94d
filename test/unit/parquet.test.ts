// Parquet files from ClickHouse are complete, or the export fails.
import { Readable } from 'node:stream';
import type { ClickHouseClient } from '@clickhouse/client';
import { expect, it } from 'vitest';
import { parquetOfReadings } from '../../src/clickhouse/parquet.ts';
import { fakeOf } from '../support/fake-of.ts';

async function read(...chunks: string[]): Promise<string> {
  let closed: AbortSignal | undefined;
  const stream = Readable.from(chunks.map((text) => Buffer.from(text)));
  const exec: ClickHouseClient['exec'] = async ({ abort_signal: signal }) => {
    closed = signal;
    return { stream, query_id: '', response_headers: {} };
  };
  let text = '';
  try {
    const client = fakeOf<ClickHouseClient>('client', { exec });
    for await (const chunk of parquetOfReadings(client, { sql: '1', params: {} }))
      text += Buffer.from(chunk).toString();
  } finally {
    expect(closed?.aborted).toBe(true);
  }
  return text;
}

it('of a file that ends as Parquet files do', async () => {
  expect(await read('PAR1 rows and footer PAR1')).toBe('PAR1 rows and footer PAR1');
  expect(await read('PAR1', ' rows', ' PA', 'R', '1')).toBe('PAR1 rows PAR1');
});

it.each([[['PAR1 rows', 'Code: 241. DB::Exception: Memory limit exceeded']], [['PAR1 rows PAR1', 'x']], [[]]])(
  'of one that does not: %j',
  async (chunks) => {
    await expect(read(...chunks)).rejects.toMatchObject({ kind: 'unavailable' });
  },
);
