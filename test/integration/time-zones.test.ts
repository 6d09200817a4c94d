// `tz`: the zone in which answers write their times, on the real service.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
const SPAN = 'start=2026-03-29T00:00:00Z&end=2026-03-29T02:00:00Z&interval=1h';
const HOUR = { start: '2026-03-29T00:00:00Z', end: '2026-03-29T01:00:00Z' };

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '2' });
  await service.create('/spaces', { name: 'Hall', time_zone: 'Europe/Vienna' });
  await service.create('/doorways', { name: 'front', ingress_space_id: 1 });
  await service.send('POST', '/dpus', { id: 'a', doorway_id: 1 });
  await service.send('POST', '/readings/batch', [
    { dpu_id: 'a', timestamp: '2026-03-29T00:30:00.000Z', entrances: 2, exits: 0, start: '2026-03-29T00:15:00.000Z' },
    { dpu_id: 'a', timestamp: '2026-03-29T01:30:00.000Z', direction: 1 },
  ]);
  await eventually(async () => expect((await service.get('/readings')).body).toHaveLength(2));
});
afterAll(async () => service?.dispose());

const get = async (path: string): Promise<unknown> => {
  const { status, body } = await service.get(path);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
};

it('the zone may be that of the space, across a clock change', async () => {
  expect(await get(`/counts/1/intervals?${SPAN}&tz=space`)).toMatchObject([
    { start: '2026-03-29T01:00:00.000+01:00', end: '2026-03-29T03:00:00.000+02:00', entrances: 2 },
    { start: '2026-03-29T03:00:00.000+02:00', end: '2026-03-29T04:00:00.000+02:00', entrances: 1 },
  ]);
  for (const of of ['doorways/1', 'dpus/a'])
    expect(await get(`/${of}/intervals?${SPAN}&tz=space`)).toMatchObject([
      { start: '2026-03-29T01:00:00.000+01:00', entrances: 2 },
      { end: '2026-03-29T04:00:00.000+02:00', entrances: 1 },
    ]);
  expect(await get('/counts/1/current?at=2026-03-29T01:30:00Z&tz=space')).toMatchObject({
    timestamp: '2026-03-29T03:30:00.000+02:00',
    last_reading_at: '2026-03-29T03:30:00.000+02:00',
    watermark: expect.stringMatching(/\+0[12]:00$/) as string,
  });
  expect(await get('/counts/1?tz=space')).toMatchObject([
    { timestamp: '2026-03-29T01:30:00.000+01:00' },
    { timestamp: '2026-03-29T03:30:00.000+02:00' },
  ]);
  expect(await get(`/counts/1/profile?start=${HOUR.start}&end=${HOUR.end}&tz=space`)).toMatchObject({
    start: '2026-03-29T01:00:00.000+01:00',
    end: '2026-03-29T03:00:00.000+02:00',
    peak_hour: '2026-03-29T01:00:00.000+01:00',
    watermark: expect.stringMatching(/\+0[12]:00$/) as string,
  });
});

it('the zone may be any, written in any case, also for CSV', async () => {
  const csv = await fetch(`${service.api}/counts/1/intervals?${SPAN}&tz=america/new_york`, {
    headers: { accept: 'text/csv' },
  });
  expect((await csv.text()).split('\n')[1]).toMatch(
    /^2026-03-28T20:00:00\.000-04:00,2026-03-28T21:00:00\.000-04:00,2,/,
  );
  expect(await get(`/counts/intervals?space_id=1&${SPAN}&tz=Asia/Kathmandu`)).toMatchObject([
    { start: '2026-03-29T05:45:00.000+05:45' },
    {},
  ]);
  expect(await get('/counts?tz=UTC&limit=1')).toMatchObject([{ timestamp: '2026-03-29T00:30:00.000+00:00' }]);
  expect(await get('/readings?tz=Asia/Tokyo&limit=1')).toMatchObject([
    { timestamp: '2026-03-29T09:30:00.000+09:00', start: '2026-03-29T09:15:00.000+09:00' },
  ]);
});

it('the zone defaults to UTC', async () => {
  expect(await get(`/counts/1/intervals?${SPAN}`)).toMatchObject([{ start: '2026-03-29T00:00:00.000Z' }, {}]);
  expect(await get('/readings?limit=1')).toMatchObject([{ timestamp: '2026-03-29T00:30:00.000Z' }]);
});

it('each zone has an etag of its own', async () => {
  const url = `${service.api}/counts/1/current?at=2026-03-29T00:45:00Z`;
  const etag = (await fetch(url)).headers.get('etag') ?? '';
  expect(etag).not.toBe('');
  const status = async (more: string): Promise<number> =>
    (await fetch(`${url}${more}`, { headers: { 'if-none-match': etag } })).status;
  expect([await status(''), await status('&tz=space')]).toEqual([304, 200]);
});

it.each([
  '/counts/1/current?tz=Vienna',
  '/counts/1?tz=',
  `/counts/1/intervals?${SPAN}&tz=%2B01:00`,
  `/counts/1/profile?tz=a&tz=b`,
  `/dpus/a/intervals?tz=Europe/Nowhere`,
  // There is no one space.
  `/counts/intervals?space_id=1&${SPAN}&tz=space`,
  '/counts?tz=space',
  '/readings?tz=space',
])('no such zone: %s', async (path) => {
  expect((await service.get(path)).body).toMatchObject({ status: 422, errors: [{ path: 'tz' }] });
});
