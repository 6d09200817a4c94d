// The topology as it was known, on the real service: every list and single answer by the place in its header, and by a time.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
let [hall, doorway, reset] = [0, 0, 0];
const READING = 'door~1772438400000~+';

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '2' });
  hall = await service.create('/spaces', { name: 'hall', capacity: 10 });
  doorway = await service.create('/doorways', { name: 'door', ingress_space_id: hall });
  await done(service.send('POST', '/dpus', { id: 'door', doorway_id: doorway }));
  await done(service.send('PUT', '/devices/camera', { adapter: 'xovis', options: { reversed: ['2'] } }));
  reset = await service.create(`/spaces/${hall}/resets`, { timestamp: '2026-03-02T08:00:00Z', count: 3 });
  await service.create('/dpus/door/exclusions', { ...span('20'), reason: 'cleaning' });
  await done(service.send('DELETE', `/readings/${encodeURIComponent(READING)}?reason=wrong`));
});
afterAll(async () => service?.dispose());

const span = (hour: string): object => ({ from: `2026-03-02T${hour}:00:00Z`, to: `2026-03-02T${hour}:45:00Z` });

async function done(answer: ReturnType<LocalService['send']>): Promise<void> {
  const { status, body } = await answer;
  expect([status, body]).toEqual([expect.toBeOneOf([200, 201, 204]), body]);
}

const paths = (): string[] => [
  ...['/spaces', '/doorways', '/dpus', '/devices', '/deleted-readings', '/topology/export'],
  ...[`/spaces/${hall}`, `/spaces/${hall}/resets`, `/spaces/${hall}/resets/${reset}`, `/doorways/${doorway}`],
  ...['/dpus/door', '/dpus/door/placements', '/dpus/door/exclusions', '/devices/camera'],
];

interface Read {
  readonly path: string;
  readonly body: unknown;
  readonly place: string;
  readonly total: string | null;
}

const read = async (path: string, knownAt?: string): Promise<Read> => {
  const known = knownAt === undefined ? '' : `?known_at=${encodeURIComponent(knownAt)}`;
  const { status, body, headers } = await service.get(`${path}${known}`);
  expect([path, status]).toEqual([path, 200]);
  return { path, body, place: headers.get('as-of') ?? '', total: headers.get('x-total-count') };
};

async function changeEverything(): Promise<void> {
  const attic = await service.create('/spaces', { name: 'attic' });
  const other = await service.create('/doorways', { name: 'other', ingress_space_id: attic });
  await done(service.send('PATCH', `/spaces/${hall}`, { name: 'lobby' }));
  await done(service.send('PATCH', `/doorways/${doorway}`, { egress_space_id: attic }));
  await done(service.send('PATCH', '/dpus/door', { doorway_id: other, effective_at: '2026-03-02T09:00:00Z' }));
  await done(service.send('PATCH', `/spaces/${hall}/resets/${reset}`, { count: 4 }));
  await service.create('/dpus/door/exclusions', { ...span('21'), reason: 'cleaning' });
  await done(service.send('POST', `/readings/${encodeURIComponent(READING)}/restore`));
  await done(service.send('PUT', '/devices/camera', { adapter: 'xovis', options: { reversed: ['3'] } }));
}

it('T26 every answer is given again by its place, by the place of another one, and by a time', async () => {
  const before = await Promise.all(paths().map((path) => read(path)));
  const { body: count } = await service.get(`/counts/${hall}/current`);
  const { as_of: countedAt } = count as { as_of: string };
  const time = new Date().toISOString();
  // The time of an entry is that of the log.
  await eventually(async () => expect(Date.now()).toBeGreaterThan(Date.parse(time) + 1));
  await changeEverything();
  const after = await Promise.all(paths().map((path) => read(path)));

  for (const [n, one] of before.entries()) {
    expect(one.place).toMatch(/^topology-\d+-[0-9a-z]+-[0-9a-z]+$/);
    expect(after[n]?.body).not.toEqual(one.body);
    expect(await read(one.path, one.place)).toEqual(one);
    const { body, total } = one;
    expect(await read(one.path, before[0]?.place)).toMatchObject({ body, total });
    expect(await read(one.path, countedAt)).toMatchObject({ body, total });
    expect(await read(one.path, time)).toMatchObject({ body, total });
  }
});

it('T26 pages of an earlier list keep its moment', async () => {
  const { place } = await read('/spaces');
  await service.create('/spaces', { name: 'cellar' });
  const first = await service.get(`/spaces?limit=1&known_at=${place}`);
  expect(first.headers.get('x-total-count')).toBe('2');
  const next = /<\/api\/v1([^>]*)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
  const second = await service.get(next);
  expect(second.body).toMatchObject([{ name: 'attic' }]);
  expect(second.headers.get('link')).not.toMatch(/next/);
});

it('T26 a place is also one for if-match, and CSV has it, too', async () => {
  const { place } = await read('/dpus/door');
  const csv = await fetch(`${service.api}/topology/export?known_at=${place}`, { headers: { accept: 'text/csv' } });
  expect(csv.headers.get('as-of')).toBe(place);
  expect(await csv.text()).toMatch(/^kind,/);
  const move = (ifMatch: string): Promise<Response> =>
    fetch(`${service.api}/dpus/door`, {
      method: 'PATCH',
      headers: { 'if-match': ifMatch, 'content-type': 'application/json' },
      body: JSON.stringify({ doorway_id: doorway }),
    });
  expect((await move(place)).status).toBe(200);
  expect((await move(place)).status).toBe(412);
});

it('T26 what was not there then is not found, and a moment that cannot be answered is refused', async () => {
  const empty = await read('/spaces', '2020-01-01T00:00:00Z');
  expect(empty).toMatchObject({ body: [], place: expect.stringMatching(/^topology-0-0-/) as string });
  const gone = await service.get(`/spaces/${hall}?known_at=2020-01-01T00:00:00Z`);
  expect([gone.status, gone.headers.get('as-of')]).toEqual([404, null]);
  for (const [text, detail] of [
    ['2199-01-01T00:00:00Z', /is in the future/],
    ['topology-1-zz', /a place that the topology log does not have/],
    ['yesterday', /must be the as_of of an answer, or an ISO 8601 instant/],
  ] as const) {
    const { status, body } = await service.get(`/spaces?known_at=${text}`);
    expect([status, body]).toEqual([
      422,
      expect.objectContaining({ errors: [{ path: 'known_at', detail: expect.stringMatching(detail) as string }] }),
    ]);
  }
  expect((await service.get('/spaces?known_at=topology-99999-1')).status).toBe(503);
});
