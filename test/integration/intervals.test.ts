// Intervals by the clock of a space, on the real service: half days in New York, hours in Kathmandu, months.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

interface Interval {
  readonly start: string;
  readonly end: string;
  readonly entrances: number;
  readonly exits: number;
  readonly count: number;
}

let service: LocalService;
const DPUS = ['new-york', 'kathmandu'] as const;

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '2' });
  for (const [n, zone] of ['America/New_York', 'Asia/Kathmandu'].entries()) {
    await service.send('POST', '/spaces', { name: zone, time_zone: zone });
    await service.send('POST', '/doorways', { name: zone, ingress_space_id: n + 1 });
    await service.send('POST', '/dpus', { id: DPUS[n], doorway_id: n + 1 });
  }
  const readings = [
    // Noon in New York is 17:00 UTC in winter, and 16:00 in summer.
    ['new-york', '2026-03-07T16:59:59.999Z', 1],
    ['new-york', '2026-03-07T17:00:00.000Z', 1],
    ['new-york', '2026-03-08T15:59:59.999Z', 1],
    ['new-york', '2026-03-08T16:00:00.000Z', -1],
    // The last of March and the first of April there.
    ['new-york', '2026-04-01T03:59:59.999Z', 1],
    ['new-york', '2026-04-01T04:00:00.000Z', 1],
    // 14:00 in Kathmandu.
    ['kathmandu', '2026-03-07T08:14:59.999Z', 1],
    ['kathmandu', '2026-03-07T08:15:00.000Z', 1],
  ].map(([dpu_id, timestamp, direction]) => ({ dpu_id, timestamp, direction }));
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
  await eventually(async () =>
    expect((await service.get('/account')).body).toMatchObject({ applied: readings.length }),
  );
});
afterAll(async () => service?.dispose());

const intervals = async (space: number, start: string, end: string, interval: string): Promise<unknown[]> => {
  const { status, body } = await service.get(
    `/counts/${space}/intervals?start=${start}&end=${end}&interval=${interval}`,
  );
  expect(status).toBe(200);
  return (body as Interval[]).map(({ start: from, entrances, exits, count }) => [from, entrances, exits, count]);
};

it('of half a day begin at midnight and noon, on both sides of a change of clocks', async () => {
  expect(await intervals(1, '2026-03-07T12:00:00Z', '2026-03-09T04:00:00Z', '12h')).toEqual([
    ['2026-03-07T05:00:00.000Z', 1, 0, 1],
    ['2026-03-07T17:00:00.000Z', 1, 0, 2],
    ['2026-03-08T05:00:00.000Z', 1, 0, 3],
    ['2026-03-08T16:00:00.000Z', 0, 1, 2],
  ]);
});

it('of an hour begin on the hour where the offset is 5:45', async () => {
  expect(await intervals(2, '2026-03-07T08:00:00Z', '2026-03-07T08:30:00Z', '1h')).toEqual([
    ['2026-03-07T07:15:00.000Z', 1, 0, 1],
    ['2026-03-07T08:15:00.000Z', 1, 0, 2],
  ]);
});

it('of a month begin on the first, and add up to what the days add up to', async () => {
  const months = await intervals(1, '2026-03-20T00:00:00Z', '2026-04-02T00:00:00Z', '1M');
  expect(months).toEqual([
    ['2026-03-01T05:00:00.000Z', 4, 1, 3],
    ['2026-04-01T04:00:00.000Z', 1, 0, 4],
  ]);
  const days = await intervals(1, '2026-03-01T05:00:00Z', '2026-05-01T04:00:00Z', '1d');
  expect(days).toHaveLength(61);
  const sum = (at: 1 | 2): number => days.reduce<number>((total, day) => total + Number((day as number[])[at]), 0);
  expect([sum(1), sum(2)]).toEqual([5, 1]);
});

it('of several spaces are each by its own clock, as CSV too', async () => {
  const query = 'space_id=1,2&start=2026-03-07T08:15:00Z&end=2026-03-07T08:16:00Z&interval=12h';
  const csv = await (
    await fetch(`${service.api}/counts/intervals?${query}`, { headers: { accept: 'text/csv' } })
  ).text();
  const rows = csv.trimEnd().split(/\r?\n/);
  expect(rows[0]).toMatch(/^space_id,start,end,/);
  expect(rows.slice(1).map((row) => row.split(',').slice(0, 4))).toEqual([
    ['1', '2026-03-07T05:00:00.000Z', '2026-03-07T17:00:00.000Z', '1'],
    ['2', '2026-03-07T06:15:00.000Z', '2026-03-07T18:15:00.000Z', '2'],
  ]);
});

it('have another etag as CSV than as JSON, so that no cache takes one for the other', async () => {
  const url = `${service.api}/counts/1/intervals?start=2026-03-07T05:00:00Z&end=2026-03-08T05:00:00Z&interval=12h`;
  const json = await fetch(url);
  const etag = json.headers.get('etag') ?? '';
  expect(etag).not.toBe('');
  const csv = await fetch(url, { headers: { accept: 'text/csv', 'if-none-match': etag } });
  expect([csv.status, (await csv.text()).split(',')[0]]).toEqual([200, 'start']);
  expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
});

it('are answered from the beginning of time, and refused where they would be too many', async () => {
  expect(await intervals(2, '1970-01-01T00:00:00Z', '1970-01-01T02:00:00Z', '1h')).toEqual([
    ['1969-12-31T23:30:00.000Z', 0, 0, 0],
    ['1970-01-01T00:30:00.000Z', 0, 0, 0],
    ['1970-01-01T01:30:00.000Z', 0, 0, 0],
  ]);
  expect((await intervals(1, '1970-01-01T00:00:00Z', '2026-05-01T00:00:00Z', '1M')).length).toBe(677);
  const many = await service.get(
    '/counts/1/intervals?start=1970-01-01T00:00:00Z&end=2026-05-01T00:00:00Z&interval=12h',
  );
  expect(many.body).toMatchObject({ status: 422, errors: [{ path: 'interval' }] });
  const unknown = await service.get('/counts/1/intervals?interval=2M');
  expect(unknown.body).toMatchObject({ status: 422, errors: [{ path: 'interval' }] });
});
