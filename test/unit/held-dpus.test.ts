// How often the held readings are read for a page of the DPUs that they are of.
import type { ClickHouseClient } from '@clickhouse/client';
import { expect, it } from 'vitest';
import { heldDpus } from '../../src/clickhouse/held-dpus.ts';
import { fakeOf } from '../support/fake-of.ts';

const QUERY = { filter: undefined, sort: 'id', desc: false, limit: 25 };

/** @param rows what each query is answered with */
function clientWith(rows: readonly (readonly unknown[][])[]): { client: ClickHouseClient; scans: () => number } {
  let asked = 0;
  let scans = 0;
  const client = fakeOf<Pick<ClickHouseClient, 'query'>>('ClickHouseClient', {
    query: async ({ query }: { query: string }) => {
      scans += query.split('FROM space_events').length - 1;
      const lines = (rows[asked++] ?? []).map((row) => `${JSON.stringify(row)}\n`);
      return { text: async () => lines.join('') };
    },
  });
  return { client: client as ClickHouseClient, scans: () => scans };
}

it('reads the held readings once for a page and its total', async () => {
  const { client, scans } = clientWith([[['423', '3', '1000', '2000', '77']]]);
  expect(await heldDpus(client, { ...QUERY, offset: 50 })).toEqual({
    dpus: [{ dpuId: '423', held: 3, firstMs: 1_000, lastMs: 2_000 }],
    total: 77,
  });
  expect(scans()).toBe(1);
});

it('reads them once where there are none, and again only for the total of a page beyond the last one', async () => {
  const none = clientWith([[]]);
  expect(await heldDpus(none.client, { ...QUERY, offset: 0 })).toEqual({ dpus: [], total: 0 });
  expect(none.scans()).toBe(1);
  const beyond = clientWith([[], [['77']]]);
  expect(await heldDpus(beyond.client, { ...QUERY, offset: 100 })).toEqual({ dpus: [], total: 77 });
  expect(beyond.scans()).toBe(2);
});
