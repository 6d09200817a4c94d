// Dry runs on the real service: over HTTP and on the command line. Each change is tried, then made as of the place that the dry
// run gave, and then the answers are those that it gave.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { densityLines } from '../support/density-lines.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
let [hall, cafe, entrance, between] = [0, 0, 0, 0];
const START_MS = Date.UTC(2024, 2, 29, 8);
const HOUR_S = 3_600;
const at = (seconds: number): string => new Date(START_MS + seconds * 1_000).toISOString();

interface People {
  readonly count: number;
}
interface TriedSpace {
  readonly space_id: number;
  readonly timestamp: string;
  readonly before: People;
  readonly after: People;
  readonly from: string | null;
  readonly to: string;
  readonly interval: string;
  readonly intervals: readonly { start: string; end: string; before: object; after: object; final: boolean }[];
}
interface Tried {
  readonly as_of: string;
  readonly readings: number;
  readonly corrections: readonly object[];
  readonly spaces: readonly TriedSpace[];
}
interface Change {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly status: number;
}

async function send(
  { method, path, body }: Pick<Change, 'method' | 'path' | 'body'>,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${service.api}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

/** Repeated while an earlier change is being applied. */
async function tryOut(change: Pick<Change, 'method' | 'path' | 'body'>): Promise<Tried> {
  return eventually(async () => {
    const path = `${change.path}${change.path.includes('?') ? '&' : '?'}dry_run=true`;
    const { status, body } = await send({ ...change, path });
    expect([status, body]).toMatchObject([200, { dry_run: true }]);
    return body as Tried;
  });
}

async function topology(): Promise<unknown> {
  const paths = ['/topology/export', '/dpus/a/placements', `/spaces/${hall}/resets`, '/dpus/a/exclusions'];
  return Promise.all(paths.map(async (path) => (await service.get(path)).body));
}

/** The answers for the intervals that a dry run lists. */
async function intervalsOf({ space_id: id, interval, intervals }: TriedSpace): Promise<unknown> {
  const [start, end] = [intervals[0]?.start ?? at(0), intervals.at(-1)?.end ?? at(1)];
  const { body } = await service.get(`/counts/${id}/intervals?start=${start}&end=${end}&interval=${interval}`);
  return (body as { start: string }[]).filter((each) => intervals.some((listed) => listed.start === each.start));
}

/** Tries a change, makes it, and compares. */
async function check(change: Change, expected: object): Promise<Tried> {
  const before = await topology();
  const tried = await tryOut(change);
  expect(tried).toMatchObject(expected);
  expect(await topology()).toEqual(before);
  for (const space of tried.spaces)
    expect(await intervalsOf(space)).toMatchObject(space.intervals.map((each) => each.before));
  expect((await send(change, { 'if-match': `"${tried.as_of}"` })).status).toBe(change.status);
  await eventually(async () => {
    for (const space of tried.spaces) {
      expect(await intervalsOf(space)).toMatchObject(space.intervals.map((each) => each.after));
      expect((await service.get(`/counts/${space.space_id}/current?at=${space.timestamp}`)).body).toMatchObject(
        space.after,
      );
    }
  });
  // The change itself has made its as_of outdated.
  const again = await send(change, { 'if-match': tried.as_of });
  expect(again.status).toBe(change.method === 'DELETE' ? 404 : change.path === '/dpus' ? 409 : 412);
  return tried;
}

const density = async (...args: string[]): Promise<string[]> => densityLines(service.url, ...args);

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '3', LATE_BLOCK_AGE_MAX_MS: '50' });
  hall = await service.create('/spaces', { name: 'Hall' });
  cafe = await service.create('/spaces', { name: 'Cafe' });
  entrance = await service.create('/doorways', { name: 'entrance', ingress_space_id: hall });
  between = await service.create('/doorways', { name: 'between', ingress_space_id: cafe, egress_space_id: hall });
  expect((await service.send('POST', '/dpus', { id: 'a', doorway_id: entrance })).status).toBe(201);
  // An exit from an empty hall comes first, so that sums of differences would be wrong.
  const readings = [-1, 1, 1, -1, 1].map((direction, hour) => ({
    ...{ dpu_id: 'a', timestamp: at(hour * HOUR_S + 60), direction },
  }));
  readings.push({ dpu_id: 'new', timestamp: at(HOUR_S), direction: 1 });
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
  await eventually(async () => expect((await service.get('/readings')).body).toHaveLength(6));
});
afterAll(async () => service?.dispose());

describe('T22 a dry run', () => {
  it('T22 of an exclusion, and of its deletion', async () => {
    const body = { from: at(0), to: at(2 * HOUR_S), reason: 'the cleaning crew' };
    const place = { doorway_id: entrance, entrances: 1, exits: 1 };
    const counted = { ...place, state: 'counted', ingress_space_id: hall, egress_space_id: null };
    const excluded = { ...place, state: 'excluded', ingress_space_id: null, egress_space_id: null };
    const tried = await check(
      { method: 'POST', path: '/dpus/a/exclusions', body, status: 201 },
      {
        readings: 2,
        corrections: [
          {
            ...{ dpu_id: 'a', readings: 2, first_reading_at: at(60), last_reading_at: at(HOUR_S + 60) },
            ...{ from: counted, to: excluded },
          },
        ],
        spaces: [{ space_id: hall, before: { count: 2 }, after: { count: 1 }, from: at(60), interval: '1d' }],
      },
    );
    expect(tried.spaces[0]?.intervals.map(({ final }) => final)).toContain(true);
    await check(
      { method: 'DELETE', path: '/dpus/a/exclusions/1', status: 204 },
      { readings: 2, spaces: [{ space_id: hall, before: { count: 1 }, after: { count: 2 } }] },
    );
  });

  it('T22 of a reset, of its change, and of its deletion; by the hour up to the next one', async () => {
    const path = `/spaces/${hall}/resets`;
    const later = { timestamp: at(10 * HOUR_S), count: 0 };
    await check(
      { method: 'POST', path, body: later, status: 201 },
      { readings: 0, corrections: [], spaces: [{ space_id: hall, before: { count: 2 }, after: { count: 0 } }] },
    );
    await check(
      { method: 'POST', path, body: { timestamp: at(HOUR_S), count: 7 }, status: 201 },
      {
        spaces: [
          {
            ...{ space_id: hall, before: { count: 0 }, after: { count: 0 }, interval: '1h', final: true },
            ...{ from: at(HOUR_S), to: later.timestamp },
          },
        ],
      },
    );
    await check(
      { method: 'PATCH', path: `${path}/2`, body: { count: 3 }, status: 200 },
      { readings: 0, spaces: [{ space_id: hall, from: at(HOUR_S), to: later.timestamp }] },
    );
    await check({ method: 'DELETE', path: `${path}/2`, status: 204 }, { spaces: [{ space_id: hall }] });
    expect((await send({ method: 'DELETE', path: `${path}/1` })).status).toBe(204);
  });

  it('T22 of a placement of held readings, of a move, and of a deletion of the sensor', async () => {
    await check(
      { method: 'POST', path: '/dpus', body: { id: 'new', doorway_id: between }, status: 201 },
      {
        readings: 1,
        corrections: [
          { from: { state: 'held', doorway_id: null }, to: { ingress_space_id: cafe, egress_space_id: hall } },
        ],
        spaces: [{ space_id: hall }, { space_id: cafe, before: { count: 0 }, after: { count: 1 } }],
      },
    );
    const body = { doorway_id: between, effective_at: at(2 * HOUR_S) };
    await check(
      { method: 'PATCH', path: '/dpus/a', body, status: 200 },
      { readings: 3, spaces: [{ space_id: hall }, { space_id: cafe, before: { count: 1 }, after: { count: 2 } }] },
    );
    await check({ method: 'DELETE', path: `/dpus/a?effective_at=${at(4 * HOUR_S)}`, status: 204 }, { readings: 1 });
    expect((await service.send('POST', '/dpus', { id: 'a', doorway_id: entrance })).status).toBe(201);
  });

  it('T22 of a doorway whose spaces are swapped', async () => {
    const body = { ingress_space_id: hall, egress_space_id: cafe };
    await check(
      { method: 'PATCH', path: `/doorways/${between}`, body, status: 200 },
      {
        spaces: [{ space_id: hall }, { space_id: cafe }],
      },
    );
  });

  it('T22 of an import, which is checked even if its effect is not known', async () => {
    const document = { dpus: [{ id: 'new', placements: [{ doorway: 'entrance', from: at(0) }] }] };
    const path = '/topology/import';
    const before = await topology();
    const tried = await eventually(async () => {
      const { body } = await send({ method: 'POST', path: `${path}?dry_run=true`, body: document });
      expect(body).toMatchObject({
        ...{ dry_run: true, dpus: { updated: 1 }, changes_count: 1 },
        // Through either doorway it enters the hall.
        effect: { readings: 1, spaces: [{ space_id: cafe }] },
      });
      return (body as { effect: Tried }).effect;
    });
    expect(await topology()).toEqual(before);
    const made = await send({ method: 'POST', path, body: document }, { 'if-match': tried.as_of });
    expect([made.status, made.body]).toMatchObject([200, { dry_run: false, changes_count: 1 }]);
    await eventually(async () => {
      for (const space of tried.spaces)
        expect(await intervalsOf(space)).toMatchObject(space.intervals.map((each) => each.after));
    });
    const again = await send({ method: 'POST', path, body: document }, { 'if-match': tried.as_of });
    const triedAgain = { method: 'POST', path: `${path}?dry_run=true`, body: document };
    expect((await send(triedAgain, { 'if-match': tried.as_of })).status).toBe(412);
    expect([again.status, again.body]).toMatchObject([412, { type: 'urn:density:problem:changed' }]);
    const many = Array.from({ length: 2_001 }, (_, n) => ({ id: `many-${n}`, placements: [{ doorway: 'entrance' }] }));
    const large = await send({ method: 'POST', path: `${path}?dry_run=true`, body: { dpus: many } });
    expect(large.body).toMatchObject({
      ...{ dpus: { created: 2_001 }, effect: null, as_of: expect.stringMatching(/^topology-\d+-\w+$/) as string },
      effect_unknown: 'the change is about more than 2,000 sensors, and a dry run looks at no more',
    });
  });

  it('T22 is refused where the change would be, and for changes without a dry run', async () => {
    const tries = async (method: string, path: string, body?: object): Promise<unknown> => {
      const { status, body: problem } = await send({ method, path: `${path}?dry_run=true`, ...(body ? { body } : {}) });
      return [status, problem];
    };
    const crew = { from: at(5), to: at(5), reason: 'x' };
    expect(await tries('POST', '/dpus/nobody/exclusions', { ...crew, to: at(6) })).toMatchObject([404, {}]);
    expect(await tries('POST', '/dpus/a/exclusions', crew)).toMatchObject([422, { errors: [{ path: 'to' }] }]);
    expect(await tries('POST', '/dpus', { id: 'a' })).toMatchObject([409, {}]);
    expect(await tries('PATCH', '/dpus/a', { doorway_id: 99 })).toMatchObject([
      422,
      { errors: [{ path: 'doorway_id' }] },
    ]);
    expect(await tries('DELETE', `/spaces/${hall}/resets/77`)).toMatchObject([404, {}]);
    for (const [method, path, body] of [
      ['PATCH', `/spaces/${hall}`, { capacity: 3 }],
      ['POST', '/spaces', { name: 'another' }],
      ['POST', '/doorways', { name: 'another', ingress_space_id: hall }],
      ['DELETE', `/doorways/${between}`, undefined],
      ['PUT', '/devices/a', { adapter: 'xovis' }],
    ] as const)
      expect(await tries(method, path, body)).toMatchObject([422, { errors: [{ path: 'dry_run' }] }]);
  });

  it('T22 is outdated only by changes that concern the same spaces or sensors', async () => {
    const change = { method: 'POST', path: '/dpus/a/exclusions', body: { from: at(0), to: at(1), reason: 'x' } };
    const { as_of: asOf } = await tryOut(change);
    await service.create('/spaces', { name: 'elsewhere' });
    expect((await send(change, { 'if-match': asOf })).status).toBe(201);
    const { as_of: later } = await tryOut(change);
    expect((await service.send('POST', `/spaces/${hall}/resets`, { timestamp: at(1), count: 1 })).status).toBe(201);
    const refused = await send(change, { 'if-match': later });
    expect(refused).toMatchObject({ status: 412, body: { detail: expect.stringContaining(later) as string } });
    expect(await send(change, { 'if-match': 'topology-1-zz' })).toMatchObject({ status: 412 });
    expect(await send(change, { 'if-match': '"another"' })).toMatchObject({ status: 412 });
  });

  it('T22 is made by the commands with --dry-run', async () => {
    const before = await topology();
    const print = async (...args: string[]): Promise<string[]> => eventually(async () => density(...args, '--dry-run'));
    const moved = await print('dpus', 'move', 'a', '--doorway', 'none', '--at', at(0));
    expect(moved[0]).toMatch(/^nothing was changed; as of topology-\d+-\w+, this would correct 2 readings$/);
    expect(moved.join('\n')).toContain('held, above no doorway');
    expect(moved.join('\n')).toMatch(new RegExp(`^space ${hall}: \\d+ now, would be \\d+; affected from `, 'm'));
    const excluded = await print('dpus', 'exclude', 'a', '--from', at(0), '--to', at(2), '--reason', 'x');
    expect(excluded.slice(1)).toEqual(['no count would change']);
    expect((await print('dpus', 'include', 'a', '2'))[0]).toMatch(/^nothing was changed/);
    expect((await print('dpus', 'add', 'another', '--doorway', String(entrance)))[0]).toMatch(/^nothing was changed/);
    expect(JSON.parse((await print('dpus', 'add', 'another', '--json')).join(''))).toMatchObject({ readings: 0 });
    expect(await topology()).toEqual(before);
  });
});
