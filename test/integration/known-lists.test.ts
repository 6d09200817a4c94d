// `known_at` in the lists over all spaces and sensors, on the real service: by the place of an answer, by a time, and what is
// refused.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseStoredPlace, formatStoredPlace } from '../../src/domain/stored-place.ts';
import { eventually } from '../support/eventually.ts';
import { readPlacedPages } from '../support/pages.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

interface List {
  readonly body: unknown;
  readonly total: string | null;
}

let service: LocalService;
let [hall, office] = [0, 0];
const DAY = '2026-03-02T';
const LISTS = ['/readings?limit=1000', '/readings?sort=dpu_id&limit=1000', '/counts?limit=1000', '/counts?sort=count'];

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '3' });
  hall = await service.create('/spaces', { name: 'hall' });
  office = await service.create('/spaces', { name: 'office' });
  const street = await service.create('/doorways', { name: 'street', ingress_space_id: hall });
  const inner = await service.create('/doorways', {
    ...{ name: 'inner', ingress_space_id: office, egress_space_id: hall },
  });
  await service.send('POST', '/dpus', { id: 'main', doorway_id: street });
  await service.send('POST', '/dpus', { id: 'inside', doorway_id: inner });
});
afterAll(async () => service?.dispose());

async function list(path: string, knownAt?: string): Promise<List & { place: string }> {
  const query = knownAt === undefined ? '' : `${path.includes('?') ? '&' : '?'}known_at=${encodeURIComponent(knownAt)}`;
  const { status, body, headers } = await service.get(`${path}${query}`);
  expect([path, status, body]).toEqual([path, 200, body]);
  return { body, total: headers.get('x-total-count'), place: headers.get('as-of') ?? '' };
}

const reading = (dpuId: string, time: string, direction: 1 | -1 = 1): object => ({
  ...{ dpu_id: dpuId, timestamp: `${DAY}${time}Z`, direction },
});

/** Sends readings, and waits until all are stored. */
async function store(...readings: object[]): Promise<void> {
  const { total } = await list('/readings');
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
  await eventually(async () => expect((await list('/readings')).total).toBe(String(Number(total) + readings.length)));
}

it('T28 every list is given again by its place and by a time, after late readings, a deletion, an exclusion, a move and a reset', async () => {
  await store(
    ...[reading('main', '08:10:00'), reading('main', '08:20:00'), reading('main', '08:40:00', -1)],
    ...[reading('inside', '08:30:00'), reading('nowhere', '08:35:00')],
  );
  const before = await Promise.all(LISTS.map(async (path) => list(path)));
  expect(before.map(({ total }) => total)).toEqual(['5', '5', '5', '5']);
  const [first] = before[0]?.body as { id: string }[];
  const one = await list(`/readings/${encodeURIComponent(first?.id ?? '')}`);
  const place = one.place;
  expect(place).toMatch(/^stored-/);
  // A place is recorded with the block that contains it.
  const time = await eventually(async () => {
    const now = new Date().toISOString();
    expect((await list('/readings', now)).total).toBe('5');
    expect((await list('/counts', now)).total).toBe('5');
    return now;
  });

  await store(reading('main', '08:05:00'), reading('inside', '08:25:00', -1));
  expect((await service.send('DELETE', `/readings/${encodeURIComponent(first?.id ?? '')}?reason=x`)).status).toBe(200);
  await service.create('/dpus/main/exclusions', { from: `${DAY}08:15:00Z`, to: `${DAY}08:21:00Z`, reason: 'cleaning' });
  await service.send('PATCH', '/dpus/inside', { doorway_id: null, effective_at: `${DAY}08:29:00Z` });
  await service.create(`/spaces/${hall}/resets`, { timestamp: `${DAY}08:12:00Z`, count: 40 });
  await eventually(async () => {
    const { body } = await list(LISTS[0] ?? '');
    const flags = (body as { deleted: boolean; excluded: boolean; doorway_id: number | null }[]).map(
      ({ deleted, excluded, doorway_id: doorway }) => [deleted, excluded, doorway === null],
    );
    // Held, not deleted and not excluded: "nowhere", and one of the two that came through the inner door.
    expect([flags.filter(([is]) => is).length, flags.filter(([, is]) => is).length]).toEqual([1, 1]);
    expect(flags.filter(([, , isHeld]) => isHeld)).toHaveLength(4);
  });

  for (const [n, path] of LISTS.entries()) {
    const was = before[n];
    expect((await list(path)).body).not.toEqual(was?.body);
    expect(await list(path, was?.place)).toEqual(was);
    expect(await list(path, place)).toMatchObject({ body: was?.body, total: was?.total });
    const byTime = await list(path, time);
    expect(byTime).toMatchObject({ body: was?.body, total: was?.total });
    expect(await list(path, byTime.place)).toEqual(byTime);
  }
  expect(await list(`/readings/${encodeURIComponent(first?.id ?? '')}`, place)).toEqual(one);
  for (const desc of [false, true])
    for (const path of ['/readings', '/counts']) {
      const whole = (await list(`${path}?limit=1000&desc=${desc}`, place)).body;
      const { items, places } = await readPlacedPages(
        service,
        `${path}?limit=2&desc=${desc}&known_at=${encodeURIComponent(time)}`,
      );
      expect(items).toEqual(whole);
      expect(places.size).toBe(1);
    }
});

it('T28 a reading is not there before it was stored', async () => {
  const { place } = await list('/readings');
  await store(reading('main', '09:00:00'));
  const filter = `/readings?filter=${encodeURIComponent(`timestamp = '${DAY}09:00:00Z'`)}`;
  const [{ id }] = (await list(filter)).body as [{ id: string }];
  expect(await list(filter, place)).toMatchObject({ body: [], total: '0' });
  const path = `/readings/${encodeURIComponent(id)}`;
  expect((await service.get(path)).status).toBe(200);
  expect((await service.get(`${path}?known_at=${place}`)).status).toBe(404);
});

it('T28 or is refused, with the reason', async () => {
  const { place } = await list('/counts');
  const refusal = async (knownAt: string): Promise<unknown> => {
    const { status, body } = await service.get(`/counts?known_at=${encodeURIComponent(knownAt)}`);
    const { errors } = body as { errors?: { path: string; detail: string }[] };
    return [status, ...(errors ?? []).flatMap(({ path, detail }) => [path, detail])];
  };
  expect(await refusal('2026-01-01T00:00:00Z')).toEqual([
    ...[422, 'known_at', expect.stringMatching(/^is too early: what was known can be told from 20\d\d-/) as string],
  ]);
  expect(await refusal('2199-01-01T00:00:00Z')).toEqual([422, 'known_at', 'is in the future']);
  const { headers } = await service.get(`/counts/${hall}/intervals?start=${DAY}08:00:00Z&end=${DAY}09:00:00Z`);
  const malformed = [422, 'known_at', expect.stringMatching(/must be the as-of of a list/) as string];
  for (const text of ['yesterday', `${place}x`, headers.get('as-of') ?? ''])
    expect(await refusal(text)).toEqual(malformed);
  const known = parseStoredPlace(place);
  if (!known) throw new Error(place);
  const { topology, blocks } = known;
  expect(await refusal(formatStoredPlace({ topology, blocks: blocks.slice(1) }))).toEqual([
    ...[422, 'known_at', expect.stringMatching(/another number of partitions/) as string],
  ]);
  const other = { seq: topology.seq, digest: topology.digest + 1 };
  expect(await refusal(formatStoredPlace({ topology: other, blocks }))).toEqual([
    ...[422, 'known_at', expect.stringMatching(/does not have/) as string],
  ]);
  expect(await refusal(formatStoredPlace({ topology: { ...other, seq: 9_999 }, blocks }))).toEqual([503]);
});
