// Which readings are the same, on real engines: those with equal fields, whatever form their stored ids have.
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve, type Running } from '../../src/cli/serve.ts';
import { readConfig } from '../../src/config.ts';
import { eventually } from '../support/eventually.ts';
import { QUICK, request, type Answer } from '../support/local-service.ts';

interface Sent {
  readonly dpu_id: string;
  readonly timestamp: string;
  readonly direction: 1 | -1;
  readonly id?: string;
}

let dataDir: string;
let running: Running | undefined;
let clickhouse: ClickHouseClient;

async function start(): Promise<void> {
  running = await serve(
    readConfig({
      ...QUICK,
      PARTITIONS: '2',
      NATS_SERVER_BIN: process.env['NATS_SERVER_BIN'],
      DENSITY_DATA_DIR: dataDir,
    }),
    { printLine: () => undefined, onFailure: () => undefined, logLevel: 'silent' },
  );
  clickhouse = createClient({ url: running.clickhouseUrl });
}

async function stop(): Promise<void> {
  await clickhouse?.close();
  await running?.stop();
}

const send = (method: string, path: string, body?: unknown): Promise<Answer> =>
  request(`${running?.url}/api/v1${path}`, method, body);
const at = (clock: string): string => `2024-01-01T${clock}.000Z`;
const count = async (space: number, instant?: string): Promise<unknown> =>
  (await send('GET', `/counts/${space}/current${instant ? `?at=${instant}` : ''}`)).body;
const account = async (): Promise<Record<'accepted' | 'applied' | 'duplicate', number>> =>
  (await send('GET', '/account')).body as Record<'accepted' | 'applied' | 'duplicate', number>;

/** Space n with doorway n and a DPU above it. */
async function space(n: number, dpuId: string): Promise<void> {
  await send('POST', '/spaces', { name: `space ${n}` });
  await send('POST', '/doorways', { name: `doorway ${n}`, ingress_space_id: n });
  await send('POST', '/dpus', { id: dpuId, doorway_id: n });
}

/** Sends a batch, and waits until it is routed. */
async function batch(items: readonly Sent[], fresh: number): Promise<void> {
  const before = await account();
  expect((await send('POST', '/readings/batch', items)).body).toMatchObject({ accepted: items.length });
  await eventually(async () =>
    expect(await account()).toMatchObject({
      accepted: before.accepted + items.length,
      applied: before.applied + fresh,
      duplicate: before.duplicate + items.length - fresh,
      remainder: 0,
    }),
  );
}

const stored = async (dpuId: string): Promise<{ id: string }[]> =>
  (await send('GET', `/readings?limit=100&filter=${encodeURIComponent(`dpu_id = '${dpuId}'`)}`)).body as {
    id: string;
  }[];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'density-identity-'));
  await start();
  for (const [index, dpuId] of ['rebooted', 'clockless', 'tracker', 'before', 'other'].entries())
    await space(index + 1, dpuId);
});
afterAll(async () => {
  await stop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('an id that is used again', () => {
  it('T13 by a sensor that numbers its readings from 0 after a reboot: every person counts', async () => {
    const times = ['08:00:00', '08:00:01', '08:00:02', '09:00:00', '09:00:01', '09:00:02'];
    const items = times.map((clock, n): Sent => ({
      dpu_id: 'rebooted',
      timestamp: at(clock),
      direction: 1,
      id: String(n % 3),
    }));
    await batch(items, 6);
    await batch([...items].reverse(), 0);
    await eventually(async () => expect(await count(1)).toMatchObject({ count: 6, net: 6 }));
    expect((await send('POST', '/readings', items[3])).body).toMatchObject({
      id: `rebooted~${Date.parse(at('09:00:00'))}~+.0`,
    });
    await eventually(async () => expect(await account()).toMatchObject({ accepted: 13, duplicate: 7 }));
  });

  it('T13 by a sensor whose clock shows 1970 after a reboot: its earlier readings stay in final history', async () => {
    const noon = at('12:00:00');
    await batch([{ dpu_id: 'clockless', timestamp: noon, direction: 1, id: '1' }], 1);
    await eventually(async () => expect(await count(2, noon)).toMatchObject({ count: 1, final: true }));
    const unset = { dpu_id: 'clockless', timestamp: '1970-01-01T00:00:05.000Z', direction: 1, id: '1' };
    expect((await send('POST', '/readings', unset)).status).toBe(422);
    await eventually(async () =>
      expect((await stored('clockless')).map(({ id }) => id)).toEqual([`clockless~${Date.parse(noon)}~+.1`]),
    );
    expect((await send('GET', `/readings/clockless~${Date.parse(noon)}~+.1`)).body).toMatchObject({
      timestamp: noon,
      direction: 1,
      doorway_id: 2,
    });
  });

  it('T13 by two recordings of one tracker, each with ids from 1', async () => {
    const recording = (hour: string): Sent[] =>
      [1, 2, 3, 4].map((n) => ({ dpu_id: 'tracker', timestamp: at(`${hour}:00:0${n}`), direction: 1, id: String(n) }));
    await batch(recording('10'), 4);
    await batch(recording('09'), 4);
    await batch(recording('10'), 0);
    await eventually(async () => expect(await count(3)).toMatchObject({ count: 8, net: 8 }));
    await eventually(async () => expect(await stored('tracker')).toHaveLength(8));
  });
});

describe('a reading that was stored under an id of the previous form', () => {
  const items = [1, 2, 3].map((n): Sent => ({
    dpu_id: 'before',
    timestamp: at(`08:00:0${n}`),
    direction: 1,
    id: `n${n}`,
  }));
  const presentId = (n: number): string => `before~${Date.parse(at(`08:00:0${n}`))}~+.n${n}`;
  const previousIds = items.map(({ id }) => `before.${id}`);
  /** The rows in ClickHouse by reading id and space. */
  const standing = async (): Promise<object[]> =>
    (
      await clickhouse.query({
        query:
          "SELECT reading_id AS id, space_id AS space, toInt32(sum(sign)) AS signs, toInt32(count()) AS rows FROM space_events WHERE dpu_id = 'before' GROUP BY id, space ORDER BY id, space",
        format: 'JSONEachRow',
      })
    ).json();

  /** Recreates the data of the previous version. Ids are part of sorting keys, so rows are removed and stored again. */
  async function giveThemPreviousIds(): Promise<void> {
    const rows = await (
      await clickhouse.query({
        query: "SELECT *, reading_id FROM space_events WHERE dpu_id = 'before'",
        format: 'JSONEachRow',
      })
    ).json<{ reading_id: string }>();
    expect(rows).toHaveLength(3);
    for (const table of ['space_events', 'readings', 'events_by_time'])
      await clickhouse.command({ query: `DELETE FROM ${table} WHERE dpu_id = 'before'` });
    await clickhouse.insert({
      table: 'space_events',
      format: 'JSONEachRow',
      values: rows.map(({ reading_id: id, ...row }) => ({ ...row, id_tail: id.replace(/~.*\./, '.') })),
    });
    expect((await stored('before')).map(({ id }) => id)).toEqual(previousIds);
  }

  it('is a duplicate when it is sent again, and is found under the id that sending it returns', async () => {
    await batch(items, 3);
    await eventually(async () => expect(await stored('before')).toHaveLength(3));
    await eventually(async () => expect(await count(4, at('09:00:00'))).toMatchObject({ count: 3, final: true }));
    await giveThemPreviousIds();
    await stop();
    await start();
    await batch(items, 0);
    expect((await send('GET', `/readings/${presentId(2)}`)).body).toMatchObject({
      id: 'before.n2',
      timestamp: at('08:00:02'),
    });
    expect((await send('GET', '/readings/before.n2')).body).toMatchObject({
      id: 'before.n2',
      timestamp: at('08:00:02'),
    });
    expect((await send('GET', `/readings/${presentId(2).replace('+', '-')}`)).status).toBe(404);
  });

  it('is moved under its old id, whether the router remembers it or not', async () => {
    await send('PATCH', '/dpus/before', { doorway_id: 5, effective_at: at('08:00:02') });
    await eventually(async () =>
      expect(await standing()).toEqual([
        { id: 'before.n1', space: 4, signs: 1, rows: 1 },
        ...['before.n2', 'before.n3'].flatMap((id) => [
          { id, space: 4, signs: 0, rows: 2 },
          { id, space: 5, signs: 1, rows: 1 },
        ]),
      ]),
    );
    await stop();
    await start();
    await send('PATCH', '/dpus/before', { doorway_id: 4, effective_at: at('08:00:03') });
    await eventually(async () =>
      expect(await standing()).toEqual([
        { id: 'before.n1', space: 4, signs: 1, rows: 1 },
        { id: 'before.n2', space: 4, signs: 0, rows: 2 },
        { id: 'before.n2', space: 5, signs: 1, rows: 1 },
        { id: 'before.n3', space: 4, signs: 1, rows: 3 },
        { id: 'before.n3', space: 5, signs: 0, rows: 2 },
      ]),
    );
    await eventually(async () => expect(await count(4)).toMatchObject({ count: 2, net: 2 }));
    expect(await count(5)).toMatchObject({ count: 1, net: 1 });
  });

  it('differs from a reading that uses its id again', async () => {
    await batch(
      [
        ...items,
        { dpu_id: 'before', timestamp: at('07:00:00'), direction: 1, id: 'n1' },
        { dpu_id: 'before', timestamp: at('08:00:01'), direction: -1, id: 'n1' },
      ],
      2,
    );
    await eventually(async () => expect(await stored('before')).toHaveLength(5));
    expect(await count(4, at('07:30:00'))).toMatchObject({ count: 1, net: 1 });
  });
});
