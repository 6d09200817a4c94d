// Deletions of single readings on the real service: over HTTP, on the command line, in the readings and in the account.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { densityLines } from '../support/density-lines.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type Answer, type LocalService } from '../support/local-service.ts';

let service: LocalService;
let space: number;
let doorway: number;
const START_MS = Date.UTC(2024, 2, 29, 8);
const at = (seconds: number): string => new Date(START_MS + seconds * 1_000).toISOString();
const person = (seconds: number, id?: string): object => ({
  ...{ dpu_id: 'a/b', timestamp: at(seconds), direction: 1 },
  ...(id === undefined ? {} : { id }),
});
const standing = (seconds: number, total: number): object => ({
  ...{ dpu_id: 'c', timestamp: at(seconds), total_entrances: total, total_exits: 0 },
});
/** The id of a named reading must survive the path of a URL, whatever is in it. */
const NAME = 'n/1?a=%2F&b#c';
const idAt = (seconds: number, name?: string): string =>
  `a=2Fb~${START_MS + seconds * 1_000}~+${name === undefined ? '' : `.${name}`}`;
const standingAt = (seconds: number, total: number): string => `c~${START_MS + seconds * 1_000}~t${total}-0`;
const pathOf = (id: string): string => `/readings/${encodeURIComponent(id)}`;
const deleteReading = (id: string, reason = 'a test of the sensor'): Promise<Answer> =>
  service.send('DELETE', `${pathOf(id)}?reason=${encodeURIComponent(reason)}`);
const restoreReading = (id: string): Promise<Answer> => service.send('POST', `${pathOf(id)}/restore`);

async function expectCount(seconds: number, count: number): Promise<void> {
  await eventually(async () =>
    expect((await service.get(`/counts/${space}/current?at=${at(seconds)}`)).body).toMatchObject({
      ...{ count, net: count, final: true },
    }),
  );
}

async function expectAccount(terms: object): Promise<void> {
  await eventually(async () =>
    expect((await service.get('/account')).body).toMatchObject({ ...terms, remainder: 0, stored: { findings: [] } }),
  );
}

const density = async (...args: string[]): Promise<string[]> => densityLines(service.url, ...args);

async function send(readings: readonly object[]): Promise<void> {
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
}

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '3', LATE_BLOCK_AGE_MAX_MS: '50' });
  space = await service.create('/spaces', { name: 'Hall' });
  doorway = await service.create('/doorways', { name: 'door', ingress_space_id: space });
  for (const id of ['a/b', 'c'])
    expect((await service.send('POST', '/dpus', { id, doorway_id: doorway })).status).toBe(201);
  await send([person(10), person(20), person(20, NAME), standing(30, 5), standing(40, 25), standing(50, 12)]);
  await eventually(async () => expect((await service.get('/readings')).body).toHaveLength(6));
});
afterAll(async () => service?.dispose());

describe('T21 a deleted reading', () => {
  it('T21 does not count, is listed with its reason, is marked, and is a term of the account', async () => {
    const { status, body } = await deleteReading(idAt(20, NAME));
    expect([status, body]).toEqual([
      200,
      {
        ...{ id: idAt(20, NAME), dpu_id: 'a/b', timestamp: at(20), reason: 'a test of the sensor' },
        deleted_at: expect.any(String) as string,
      },
    ]);
    await expectCount(29, 2);
    await expectAccount({ accepted: 6, applied: 5, deleted: 1, excluded: 0, held: 0 });
    expect((await service.get('/deleted-readings')).body).toEqual([body]);
    const filter = encodeURIComponent("dpu_id='a/b'");
    expect((await service.get(`/deleted-readings?filter=${filter}`)).body).toEqual([body]);
    const marks = { deleted: true, excluded: false, doorway_id: null, entrances: 1 };
    await eventually(async () => expect((await service.get(pathOf(idAt(20, NAME)))).body).toMatchObject(marks));
    for (const query of ['', '?sort=dpu_id']) {
      const listed = (await service.get(`/readings${query}`)).body as { id: string; deleted: boolean }[];
      expect(listed.filter(({ deleted }) => deleted)).toEqual([expect.objectContaining({ id: idAt(20, NAME) })]);
    }
    expect((await service.get('/unplaced-dpus')).body).toEqual([]);
  });

  it('T21 stays deleted when it is sent again, and counts when it is restored', async () => {
    await send([person(20, NAME)]);
    await expectAccount({ accepted: 7, applied: 5, duplicate: 1, deleted: 1 });
    await expectCount(29, 2);
    expect((await restoreReading(idAt(20, NAME))).status).toBe(204);
    await expectCount(29, 3);
    await expectAccount({ accepted: 7, applied: 6, duplicate: 1, deleted: 0 });
    expect((await service.get('/deleted-readings')).body).toEqual([]);
  });

  it('T21 may be deleted before it is sent, and be of a sensor that nobody has registered', async () => {
    expect((await deleteReading(idAt(15))).status).toBe(200);
    expect((await deleteReading(`new~${START_MS}~-`)).status).toBe(200);
    await send([person(15), { dpu_id: 'new', timestamp: START_MS, direction: -1 }]);
    await expectAccount({ accepted: 9, applied: 6, deleted: 2, held: 0 });
    await expectCount(29, 3);
    expect((await restoreReading(`new~${START_MS}~-`)).status).toBe(204);
    await expectAccount({ deleted: 1, held: 1 });
    expect((await restoreReading(idAt(15))).status).toBe(204);
    await expectCount(29, 4);
  });

  it('T21 is as if it had never been sent: the standing after a deleted one counts from the one before', async () => {
    // 5, 25, 12: the counter has restarted.
    await expectCount(60, 4 + 20 + 12);
    expect((await deleteReading(standingAt(40, 25))).status).toBe(200);
    await expectCount(45, 4);
    await expectCount(60, 4 + 7);
    await send([standing(45, 9), standing(55, 14)]);
    await expectCount(60, 4 + 9);
    expect((await restoreReading(standingAt(40, 25))).status).toBe(204);
    await expectCount(60, 4 + 20 + 9 + 3 + 2);
  });

  it('T21 T22 can be tried first, and so can its restoration', async () => {
    const path = pathOf(standingAt(40, 25));
    const tries = async (method: string, tried: string): Promise<{ as_of: string }> =>
      eventually(async () => {
        const { status, body } = await service.send(method, tried);
        expect(status).toBe(200);
        return body as { as_of: string };
      });
    const deletion = `${path}?reason=a%20test`;
    const found = await tries('DELETE', `${deletion}&dry_run=true`);
    const counted = { state: 'counted', doorway_id: doorway };
    expect(found).toMatchObject({
      dry_run: true,
      readings: 2,
      corrections: [
        { readings: 1, from: { ...counted, entrances: 20 }, to: { state: 'deleted', doorway_id: null, entrances: 0 } },
        { readings: 1, from: { ...counted, entrances: 9 }, to: { ...counted, entrances: 4 } },
      ],
      spaces: [{ space_id: space, before: { count: 38 }, after: { count: 13 } }],
    });
    await expectCount(60, 38);
    expect((await service.get('/deleted-readings')).body).toEqual([]);
    const make = async (asOf: string): Promise<number> =>
      (await fetch(`${service.api}${deletion}`, { method: 'DELETE', headers: { 'if-match': asOf } })).status;
    expect(await make('"another"')).toBe(412);
    expect(await make(found.as_of)).toBe(200);
    await expectCount(60, 13);
    const restored = { spaces: [{ space_id: space, before: { count: 13 }, after: { count: 38 } }] };
    expect(await tries('POST', `${path}/restore?dry_run=true`)).toMatchObject(restored);
    await expectCount(60, 13);
    expect(await density('readings', 'restore', standingAt(40, 25), '--dry-run')).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^nothing was changed; as of .*, this would correct 2 readings$/),
        expect.stringMatching(/^c .* deleted +doorway \d+, outside to space \d+$/),
      ]),
    );
    expect((await restoreReading(standingAt(40, 25))).status).toBe(204);
    await expectCount(60, 38);
  });

  it('T21 without a timestamp of its own is deleted by the id in the list of readings', async () => {
    expect((await service.send('POST', '/readings', { dpu_id: 'a/b', direction: 1 })).status).toBe(202);
    const filter = encodeURIComponent(`timestamp>'${at(3_600)}'`);
    const found = await eventually(async () => {
      const listed = (await service.get(`/readings?filter=${filter}`)).body as { id: string }[];
      expect(listed).toHaveLength(1);
      return listed[0]?.id ?? '';
    });
    expect((await deleteReading(found)).status).toBe(200);
    await expectAccount({ deleted: 1 });
    expect((await restoreReading(found)).status).toBe(204);
    await expectAccount({ deleted: 0 });
  });

  it('T21 is deleted, listed and restored on the command line', async () => {
    expect(await density('readings', 'delete', idAt(10), '--reason', 'the fitter')).toEqual([
      `reading ${idAt(10)} is deleted`,
    ]);
    expect(await density('readings', 'deleted')).toEqual([
      expect.stringMatching(/^id +deleted at +reason$/),
      expect.stringMatching(/^a=2Fb~\d+~\+ .*the fitter$/),
    ]);
    await eventually(async () => expect(await density('account')).toContainEqual(expect.stringContaining('deleted 1')));
    expect(await density('readings', 'restore', idAt(10))).toEqual([`reading ${idAt(10)} is restored`]);
    await expectAccount({ deleted: 0 });
  });

  it('T21 is refused without a reason, a second time, for what is no reading, and restored only if it is deleted', async () => {
    const problem = async (answer: Promise<Answer>): Promise<unknown[]> => {
      const { status, body } = await answer;
      return [status, body];
    };
    expect(await problem(service.send('DELETE', pathOf(idAt(10))))).toMatchObject([
      422,
      { errors: [{ path: 'reason' }] },
    ]);
    expect(await problem(deleteReading(idAt(10), ' '))).toMatchObject([422, { errors: [{ path: 'reason' }] }]);
    expect(await problem(deleteReading('a=2Fb~999999999999999~+'))).toMatchObject([422, { errors: [{ path: 'id' }] }]);
    expect((await deleteReading('nothing')).status).toBe(404);
    expect((await restoreReading(idAt(10))).status).toBe(404);
    expect((await deleteReading(idAt(10))).status).toBe(200);
    expect((await deleteReading(idAt(10))).status).toBe(409);
    expect((await restoreReading(idAt(10))).status).toBe(204);
  });
});
