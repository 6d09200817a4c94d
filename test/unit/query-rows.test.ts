// Reading the rows of an answer of ClickHouse.
import type { ClickHouseClient } from '@clickhouse/client';
import { expect, test } from 'vitest';
import { queryRows } from '../../src/clickhouse/query-rows.ts';
import { Failure } from '../../src/domain/failure.ts';
import { fakeOf } from '../support/fake-of.ts';

const client = (answer: string): ClickHouseClient =>
  fakeOf<Pick<ClickHouseClient, 'query'>>('ClickHouseClient', {
    query: async () => Promise.resolve({ text: async () => Promise.resolve(answer) }),
  }) as ClickHouseClient;
const rowsOf = async (answer: string): Promise<unknown[]> => queryRows(client(answer), 'SELECT 1', {});
const linesOf = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

test('an answer is its rows, whatever their texts hold', async () => {
  const rows = [
    ['a\nb', 1],
    ['],[', null],
    [[1, 2], '"'],
  ];
  expect(await rowsOf(linesOf(rows))).toEqual(rows);
  expect(await rowsOf('')).toEqual([]);
  expect(await rowsOf('[7]\n')).toEqual([[7]]);
});

test('a large answer is whole, and other work runs while it is parsed', async () => {
  const rows = Array.from({ length: 30_000 }, (_, n) => [n, `${'x'.repeat(n % 30)}\n`]);
  let turns = 0;
  const count = (): void => {
    turns += 1;
    running = setImmediate(count);
  };
  let running = setImmediate(count);
  const found = await rowsOf(linesOf(rows));
  clearImmediate(running);
  expect(found).toEqual(rows);
  expect(turns).toBeGreaterThan(4);
});

test('an answer that ends in an error is a failure that says so', async () => {
  const error: unknown = await rowsOf('[1]\n[2]\nCode: 241. DB::Exception: memory limit exceeded').catch(
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(Failure);
  expect((error as Failure).kind).toBe('unavailable');
  expect((error as Failure).cause).toMatchObject({
    message: expect.stringContaining('memory limit exceeded') as string,
  });
});
