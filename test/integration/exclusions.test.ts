// Exclusions on the real service: over HTTP, on the command line, in an exported document, in the readings and in the account.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { densityLines } from '../support/density-lines.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
let space: number;
let doorway: number;
const START_MS = Date.UTC(2024, 2, 29, 8);
const at = (seconds: number): string => new Date(START_MS + seconds * 1_000).toISOString();
const EXCLUSIONS = '/dpus/a%2Fb/exclusions';
const CREW = { from: at(20), to: at(40), reason: 'the cleaning crew' };

const countAt = async (seconds: number): Promise<unknown> =>
  (await service.get(`/counts/${space}/current?at=${at(seconds)}`)).body;
const account = async (): Promise<unknown> => (await service.get('/account')).body;
const filter = (text: string): string => `?filter=${encodeURIComponent(text)}`;

const density = async (...args: string[]): Promise<string[]> => densityLines(service.url, ...args);

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '3', LATE_BLOCK_AGE_MAX_MS: '50' });
  space = await service.create('/spaces', { name: 'Hall' });
  doorway = await service.create('/doorways', { name: 'door', ingress_space_id: space });
  expect((await service.send('POST', '/dpus', { id: 'a/b', doorway_id: doorway })).status).toBe(201);
  const readings = [10, 20, 30, 40].map((seconds) => ({ dpu_id: 'a/b', timestamp: at(seconds), direction: 1 }));
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
  await eventually(async () => expect((await service.get('/readings')).body).toHaveLength(4));
});
afterAll(async () => service?.dispose());

describe('T20 an exclusion', () => {
  it('T20 leaves out stored readings and later ones, is listed, and is a term of the account', async () => {
    const { status, body } = await service.send('POST', EXCLUSIONS, CREW);
    expect([status, body]).toEqual([201, { id: 1, ...CREW, recorded_at: expect.any(String) as string }]);
    await eventually(async () => expect(await countAt(60)).toMatchObject({ count: 2, net: 2, final: true }));
    await service.send('POST', '/readings', { dpu_id: 'a/b', timestamp: at(25), direction: 1 });
    await eventually(async () =>
      expect(await account()).toMatchObject({
        ...{ accepted: 5, applied: 2, excluded: 3, held: 0, remainder: 0 },
        stored: { readings: 5, findings: [] },
      }),
    );
    expect(await countAt(60)).toMatchObject({ count: 2 });
    expect((await service.get(EXCLUSIONS)).body).toEqual([body]);
    expect((await service.get(`${EXCLUSIONS}${filter("reason='the cleaning crew'")}`)).body).toEqual([body]);
    expect((await service.get('/unplaced-dpus')).body).toEqual([]);
    expect(await density('account')).toContain(
      'accepted 5 = applied 2 + duplicate 0 + held 0 + excluded 3 + deleted 0 + dead-lettered 0',
    );
  });

  it('T20 marks its readings in every list, and an explanation links only to those that count', async () => {
    const listed = (query: string): Promise<unknown> => service.get(`/readings${query}`).then(({ body }) => body);
    const expected = [10, 20, 25, 30, 40].map((seconds) => {
      const excluded = seconds >= 20 && seconds < 40;
      return { timestamp: at(seconds), excluded, doorway_id: excluded ? null : doorway };
    });
    expect(await listed('')).toMatchObject(expected);
    expect(await listed('?sort=dpu_id')).toMatchObject(expected);
    expect(await listed(filter('doorway_id=null'))).toHaveLength(3);
    expect((await service.get(`/readings/a=2Fb~${START_MS + 20_000}~+`)).body).toMatchObject({ excluded: true });
    const { body } = await service.get(`/counts/${space}/explain?at=${at(60)}`);
    const [term] = (body as { doorways: { entrances: number; readings_url: string }[] }).doorways;
    expect(term?.entrances).toBe(2);
    expect(await (await fetch(`${service.url}${term?.readings_url}`)).json()).toHaveLength(2);
  });

  it('E3 is exported and imported', async () => {
    const { body } = await service.get('/topology/export');
    const exclusions = [{ dpu_id: 'a/b', ...CREW }];
    expect(body).toMatchObject({ exclusions });
    const more = { ...CREW, reason: 'the door was propped open' };
    const document = { exclusions: [...exclusions, { dpu_id: 'a/b', ...more }] };
    expect((await service.send('POST', '/topology/import', document)).body).toMatchObject({
      exclusions: { created: 1, updated: 0, unchanged: 1 },
      changes: [{ kind: 'exclusion', name: 'a/b', action: 'create' }],
    });
    expect((await service.get(EXCLUSIONS)).body).toMatchObject([CREW, { id: 2, ...more }]);
    const unknown = { exclusions: [{ dpu_id: 'nobody', ...CREW }] };
    expect((await service.send('POST', '/topology/import', unknown)).body).toMatchObject({
      status: 422,
      errors: [{ path: 'exclusions.0.dpu_id', detail: 'there is no DPU nobody' }],
    });
  });

  it('T20 is deleted, and its readings count again unless another one covers them', async () => {
    expect((await service.send('DELETE', `${EXCLUSIONS}/1`)).status).toBe(204);
    expect((await service.send('DELETE', `${EXCLUSIONS}/1`)).status).toBe(404);
    await eventually(async () => expect(await account()).toMatchObject({ applied: 2, excluded: 3 }));
    expect(await density('dpus', 'exclusions', 'a/b')).toMatchObject([
      expect.stringMatching(/^id/),
      expect.stringContaining('propped open'),
    ]);
    expect(await density('dpus', 'include', 'a/b', '2')).toEqual(['exclusion 2 of DPU a/b is deleted']);
    await eventually(async () => expect(await account()).toMatchObject({ applied: 5, excluded: 0, remainder: 0 }));
    await eventually(async () => expect(await countAt(60)).toMatchObject({ count: 5, net: 5, final: true }));
    const [line] = await density('dpus', 'exclude', 'a/b', '--from', at(30), '--to', at(31), '--reason', 'x');
    expect(line).toBe(`exclusion 3: readings of DPU a/b from ${at(30)} to ${at(31)} count in no space`);
    await eventually(async () => expect(await countAt(60)).toMatchObject({ count: 4, final: true }));
  });

  it('T20 is refused for an unknown sensor, without a reason, and if it ends before it begins', async () => {
    const post = (path: string, body: object): Promise<unknown> =>
      service.send('POST', path, body).then(({ status, body: problem }) => [status, problem]);
    expect(await post('/dpus/nobody/exclusions', CREW)).toMatchObject([404, {}]);
    expect(await post(EXCLUSIONS, { ...CREW, reason: ' ' })).toMatchObject([422, { errors: [{ path: 'reason' }] }]);
    expect(await post(EXCLUSIONS, { ...CREW, to: CREW.from })).toMatchObject([422, { errors: [{ path: 'to' }] }]);
    expect((await service.get('/dpus/nobody/exclusions')).status).toBe(404);
  });
});
