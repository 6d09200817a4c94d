// Resets on the real service: they are recorded, changed and deleted, and a daily reset is to a number of people.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
let space: number;
const START_MS = Date.UTC(2024, 2, 29, 8);
const at = (seconds: number): string => new Date(START_MS + seconds * 1_000).toISOString();
const TEXT = expect.any(String) as string;
const countAt = async (seconds: number): Promise<unknown> =>
  (await service.get(`/counts/${space}/current?at=${at(seconds)}`)).body;
const path = (id?: number): string => `/spaces/${space}/resets${id === undefined ? '' : `/${id}`}`;

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '3', LATE_BLOCK_AGE_MAX_MS: '50' });
  space = await service.create('/spaces', { name: 'Hall' });
  const doorway = await service.create('/doorways', { name: 'door', ingress_space_id: space });
  expect((await service.send('POST', '/dpus', { id: 'd', doorway_id: doorway })).status).toBe(201);
  const readings = [10, 20, 30].map((seconds) => ({ dpu_id: 'd', timestamp: at(seconds), direction: 1 }));
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
  await eventually(async () => expect((await service.get('/readings')).body).toHaveLength(3));
});
afterAll(async () => service?.dispose());

describe('a reset', () => {
  it('T3 has an id, and changes and deletions of it correct all counts after it', async () => {
    const first = { timestamp: at(15), count: 5 };
    expect((await service.send('POST', path(), first)).body).toEqual({
      id: 1,
      ...first,
      recorded_at: TEXT,
      updated_at: TEXT,
    });
    expect(await service.create(path(), { timestamp: at(25), count: 50 })).toBe(2);
    await eventually(async () => expect(await countAt(40)).toMatchObject({ count: 51, final: true }));
    expect((await service.send('PATCH', path(2), { count: 60 })).body).toMatchObject({ id: 2, count: 60 });
    await eventually(async () => expect(await countAt(40)).toMatchObject({ count: 61, final: true }));
    expect((await service.send('PUT', path(2), { timestamp: at(5), count: 1 })).status).toBe(200);
    await eventually(async () => expect(await countAt(40)).toMatchObject({ count: 7, final: true }));
    expect(await countAt(12)).toMatchObject({ count: 2 });
    const { body } = await service.get(`/counts/${space}/explain?at=${at(40)}`);
    expect(body).toMatchObject({ reset: { id: 1, timestamp: at(15), count: 5, kind: 'manual' } });
    expect((await service.get(`${path()}?sort=id`)).body).toMatchObject([{ id: 1 }, { id: 2, timestamp: at(5) }]);
    expect((await service.send('DELETE', path(1))).status).toBe(204);
    await eventually(async () => expect(await countAt(40)).toMatchObject({ count: 4, final: true }));
    expect((await service.get(path())).body).toMatchObject([{ id: 2 }]);
    expect(await service.create(path(), { timestamp: at(35), count: 9 })).toBe(3);
  });

  it('is changed only as the client knows it, and is gone once it is deleted', async () => {
    const { headers, body } = await service.get(path(2));
    expect(body).toMatchObject({ id: 2, timestamp: at(5), count: 1 });
    const write = (method: string, etag: string, change?: object): Promise<number> =>
      fetch(`${service.api}${path(2)}`, {
        method,
        headers: { 'content-type': 'application/json', 'if-match': etag },
        ...(change ? { body: JSON.stringify(change) } : {}),
      }).then(({ status }) => status);
    expect(await write('PATCH', '"another"', { count: 2 })).toBe(412);
    expect(await write('PATCH', headers.get('etag') ?? '', { count: 2 })).toBe(200);
    expect(await write('DELETE', headers.get('etag') ?? '')).toBe(412);
    expect((await service.send('DELETE', path(2))).status).toBe(204);
    for (const [method, change] of [['GET'], ['PATCH', { count: 2 }], ['DELETE']] as const)
      expect((await service.send(method, path(2), change)).status).toBe(404);
    expect((await service.send('PUT', path(3), { count: 2 })).status).toBe(422);
    expect((await service.get('/spaces/99/resets/1')).status).toBe(404);
  });

  it('T5 is to daily_reset_count every day, if the space has a daily reset', async () => {
    expect((await service.send('DELETE', path(3))).status).toBe(204);
    expect((await service.get(`/spaces/${space}`)).body).toMatchObject({ daily_reset: null, daily_reset_count: 0 });
    const daily = { daily_reset: '08:00', daily_reset_count: 7 };
    expect((await service.send('PATCH', `/spaces/${space}`, daily)).body).toMatchObject(daily);
    await eventually(async () => expect(await countAt(40)).toMatchObject({ count: 10, final: true }));
    const { body } = await service.get(`/counts/${space}/explain?at=${at(40)}`);
    expect(body).toMatchObject({ reset: { id: null, kind: 'daily', count: 7, recorded_at: null } });
    expect((await service.get('/topology/export')).body).toMatchObject({ spaces: [daily] });
    expect((await service.send('PATCH', `/spaces/${space}`, { daily_reset_count: -1 })).status).toBe(422);
    expect((await service.send('PUT', `/spaces/${space}`, { name: 'Hall' })).body).toMatchObject({
      daily_reset: null,
      daily_reset_count: 0,
    });
    await eventually(async () => expect(await countAt(40)).toMatchObject({ count: 3, final: true }));
  });
});
