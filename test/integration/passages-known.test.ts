// Who passed a doorway and a DPU as it was known, on the real service: by the place of an answer, and by a time.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

interface Answer {
  readonly path: string;
  readonly body: unknown;
  readonly place: string;
}

let service: LocalService;
let [hall, office, front, inner]: number[] = [];
const at = (minutes: number): string => new Date(Date.UTC(2026, 2, 7, 8, minutes)).toISOString();
const SPAN = `start=${at(0)}&end=${at(60)}&interval=30m`;

const ask = async (path: string): Promise<Answer> => {
  const { status, body, headers } = await service.get(path);
  expect(status, JSON.stringify(body)).toBe(200);
  return { path, body, place: headers.get('as-of') ?? '' };
};
const again = (path: string, moment: string): Promise<Answer> =>
  ask(`${path}${path.includes('?') ? '&' : '?'}known_at=${moment}`);
const people = ({ body }: Answer): number[][] =>
  (body as { entrances: number; exits: number }[]).map(({ entrances, exits }) => [entrances, exits]);
const isFinal = ({ body }: Answer): boolean => (body as { final: boolean }[]).every(({ final }) => final);
const done = async (asked: Promise<{ readonly status: number; readonly body: unknown }>): Promise<void> => {
  const { status, body } = await asked;
  expect(status, JSON.stringify(body)).toBeLessThan(300);
};
const refusal = async (path: string): Promise<string> => {
  const { status, body } = await service.get(path);
  const { errors, detail } = body as { errors: readonly { path: string }[]; detail: string };
  expect([status, errors.map(({ path: field }) => field)]).toEqual([422, ['known_at']]);
  return detail;
};

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '4' });
  hall = await service.create('/spaces', { name: 'Hall', time_zone: 'Asia/Kolkata' });
  office = await service.create('/spaces', { name: 'Office' });
  front = await service.create('/doorways', { name: 'front', ingress_space_id: hall });
  inner = await service.create('/doorways', { name: 'inner', ingress_space_id: office, egress_space_id: hall });
  await done(service.send('POST', '/dpus', { id: 'a', doorway_id: front }));
  await done(service.send('POST', '/dpus', { id: 'b', doorway_id: inner }));
  await done(service.send('POST', '/dpus', { id: 'spare', doorway_id: null }));
  await done(
    service.send('POST', '/readings/batch', [
      { dpu_id: 'a', timestamp: at(1), entrances: 5, exits: 1 },
      { dpu_id: 'a', timestamp: at(40), direction: 1 },
      { dpu_id: 'b', timestamp: at(16), entrances: 3, exits: 2 },
      { dpu_id: 'b', timestamp: at(44), direction: -1 },
      { dpu_id: 'a', timestamp: at(70), direction: 1 },
      { dpu_id: 'b', timestamp: at(70), direction: 1 },
      // Held: it is at no doorway.
      { dpu_id: 'spare', timestamp: at(3), direction: 1 },
    ]),
  );
});
afterAll(async () => service?.dispose());

describe('an answer about who passed is given again', () => {
  it('T26 by its place and by a time, after late readings, a move, a deletion, an exclusion and other sides of a doorway', async () => {
    const paths = [`/doorways/${front}`, `/doorways/${inner}`, '/dpus/a', '/dpus/b'].map(
      (of) => `${of}/intervals?${SPAN}`,
    );
    const [ofFront = '', , ofA = ''] = paths;
    const time = await eventually(async () => {
      const now = new Date().toISOString();
      for (const path of paths) {
        expect(isFinal(await ask(path))).toBe(true);
        expect(people(await again(path, now))).toEqual(people(await ask(path)));
      }
      return now;
    });
    const spare = await ask(`/dpus/spare/intervals?${SPAN}`);
    expect(spare.place).toMatch(/^topology-/);
    const before = await Promise.all([
      ...[...paths, `${ofFront}&tz=space`, `/dpus/a/intervals?interval=1h`, `/doorways/${inner}/intervals`].map(ask),
    ]);
    for (const { place } of before) expect(place).toMatch(/^counts-[\da-z-]+$/);
    expect(before.slice(0, 4).map(people)).toEqual([
      [
        [5, 1],
        [1, 0],
      ],
      [
        [3, 2],
        [0, 1],
      ],
      [
        [5, 1],
        [1, 0],
      ],
      [
        [3, 2],
        [0, 1],
      ],
    ]);
    const csv = async (path: string): Promise<[string, string | null]> => {
      const answer = await fetch(`${service.api}${path}`, { headers: { accept: 'text/csv' } });
      return [await answer.text(), answer.headers.get('as-of')];
    };
    const [lines, placeOfLines] = await csv(ofA);

    // While all of this is under way, every answer has a place, too.
    const during: Answer[] = [];
    const look = async (): Promise<void> => void during.push(...(await Promise.all(paths.map(ask))));
    await done(service.send('POST', '/readings', { dpu_id: 'a', timestamp: at(2), direction: 1 }));
    await look();
    const filter = encodeURIComponent(`dpu_id = 'b' and timestamp = '${at(44)}'`);
    const [reading] = (await service.get(`/readings?filter=${filter}`)).body as { id: string }[];
    await done(service.send('DELETE', `/readings/${encodeURIComponent(reading?.id ?? '')}?reason=a%20ghost`));
    await look();
    await done(service.send('POST', '/dpus/a/exclusions', { from: at(0), to: at(2), reason: 'cleaning' }));
    await done(service.send('PATCH', '/dpus/b', { doorway_id: front, effective_at: at(-10) }));
    await look();
    const sides = { ingress_space_id: hall, egress_space_id: office };
    await done(service.send('PATCH', `/doorways/${inner}`, sides));
    await done(service.send('PATCH', '/dpus/a', { doorway_id: inner, effective_at: at(30) }));
    await look();
    await done(service.send('PATCH', `/spaces/${hall}`, { time_zone: 'America/New_York' }));
    await done(service.send('PATCH', '/dpus/spare', { doorway_id: inner, effective_at: at(-10) }));
    await eventually(async () => {
      const now = await Promise.all(paths.map(ask));
      expect(now.map(people)).toEqual([
        [
          [4, 2],
          [0, 0],
        ],
        [
          [1, 0],
          [1, 0],
        ],
        [
          [1, 0],
          [1, 0],
        ],
        [
          [3, 2],
          [0, 0],
        ],
      ]);
      during.push(...now);
    });

    for (const { path, body, place } of [...before, spare, ...during])
      expect(await again(path, place)).toMatchObject({ body, place });
    expect(await csv(`${ofA}&known_at=${placeOfLines}`)).toEqual([lines, placeOfLines]);
    for (const [n, path] of paths.entries()) {
      const known = await again(path, time);
      // Only what was stored then is final.
      expect(people(known)).toEqual(people(before[n] ?? known));
      expect(await again(path, known.place)).toMatchObject({ body: known.body, place: known.place });
    }
    expect((await again(`/dpus/spare/intervals?${SPAN}`, time)).body).toEqual(spare.body);
  });

  it('T26 of a doorway and a DPU that have been deleted since', async () => {
    const door = await service.create('/doorways', { name: 'temporary', ingress_space_id: office });
    await done(service.send('POST', '/dpus', { id: 'c', doorway_id: front }));
    await done(service.send('PATCH', '/dpus/c', { doorway_id: door, effective_at: at(30) }));
    await done(service.send('POST', '/readings', { dpu_id: 'c', timestamp: at(35), direction: 1 }));
    const paths = [`/doorways/${door}/intervals?${SPAN}`, `/dpus/c/intervals?${SPAN}`];
    const before = await eventually(async () => {
      const found = await Promise.all(paths.map(ask));
      for (const answer of found)
        expect(people(answer)).toEqual([
          [0, 0],
          [1, 0],
        ]);
      return found;
    });
    expect(before.map(({ place }) => place.split(',').length)).toEqual([1, 2]);
    const time = await eventually(async () => {
      const now = new Date().toISOString();
      for (const path of paths)
        expect(people(await again(path, now))).toEqual([
          [0, 0],
          [1, 0],
        ]);
      return now;
    });
    await done(service.send('DELETE', '/dpus/c'));
    await done(service.send('DELETE', `/doorways/${door}`));
    for (const [n, path] of paths.entries()) {
      expect((await service.get(path)).status).toBe(404);
      const known = await again(path, before[n]?.place ?? '');
      expect([known.body, known.place]).toEqual([before[n]?.body, before[n]?.place]);
      expect(people(await again(path, time))).toEqual([
        [0, 0],
        [1, 0],
      ]);
    }
  });

  it('T26 or it is refused, with the reason', async () => {
    const path = `/doorways/${front}/intervals?${SPAN}`;
    expect(await refusal(`${path}&known_at=2026-01-01T00:00:00Z`)).toMatch(/too early.* from 20\d\d-.* on/);
    expect(await refusal(`${path}&known_at=2199-01-01T00:00:00Z`)).toMatch(/in the future/);
    expect(await refusal(`${path}&known_at=yesterday`)).toMatch(/must be the as-of of an answer about entrances/);
    const { place } = await ask(`/counts/${office}/intervals?${SPAN}`);
    expect(await refusal(`${path}&known_at=${place}`)).toMatch(/about space 2, and this question is about space 1/);
    const { place: ofSpaces } = await ask(`/spaces`);
    expect(await refusal(`${path}&known_at=${ofSpaces}`)).toMatch(/in the topology log alone/);
    // The place of a count of the space is one for its doorway.
    const count = (await ask(`/counts/${hall}/current`)).body as { as_of: string };
    expect((await again(path, count.as_of)).place).toBe(count.as_of);
  });
});
