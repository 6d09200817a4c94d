// Who passed a doorway and a DPU, per interval, on the real service.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

interface Interval {
  readonly start: string;
  readonly end: string;
  readonly entrances: number;
  readonly exits: number;
  readonly final: boolean;
}

let service: LocalService;
const at = (minutes: number): string => new Date(Date.UTC(2026, 2, 7, 8, minutes)).toISOString();
const SPAN = `start=${at(0)}&end=${at(60)}`;

const send = async (...readings: object[]): Promise<void> => {
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
};
const intervals = async (of: string, query = `${SPAN}&interval=15m`): Promise<Interval[]> => {
  const { status, body } = await service.get(`/${of}/intervals?${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body as Interval[];
};
const people = async (of: string, query?: string): Promise<number[][]> =>
  (await intervals(of, query)).map(({ entrances, exits }) => [entrances, exits]);

let [hall, office, front, inner, exit]: number[] = [];

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '4' });
  hall = await service.create('/spaces', { name: 'Hall', time_zone: 'Asia/Kathmandu' });
  office = await service.create('/spaces', { name: 'Office', time_zone: 'Asia/Kolkata' });
  front = await service.create('/doorways', { name: 'front', ingress_space_id: hall });
  inner = await service.create('/doorways', { name: 'inner', ingress_space_id: office, egress_space_id: hall });
  exit = await service.create('/doorways', { name: 'exit', egress_space_id: office });
  for (const [id, doorway_id] of [
    ['a', front],
    ['b', inner],
    ['c', exit],
  ] as const)
    expect((await service.send('POST', '/dpus', { id, doorway_id })).status).toBe(201);
  await send(
    { dpu_id: 'a', timestamp: at(1), entrances: 5, exits: 1 },
    { dpu_id: 'a', timestamp: at(20), direction: 1 },
    { dpu_id: 'b', timestamp: at(16), entrances: 3, exits: 2 },
    { dpu_id: 'b', timestamp: at(44), direction: -1 },
    { dpu_id: 'c', timestamp: at(45), entrances: 4, exits: 1 },
    // Held: nobody has placed it.
    { dpu_id: 'nowhere', timestamp: at(3), direction: 1 },
  );
  await eventually(async () => expect((await intervals(`dpus/c`)).every(({ final }) => final)).toBe(true));
});
afterAll(async () => service?.dispose());

describe('T25 entrances and exits', () => {
  it('of a doorway are in its direction, even where that leads outside', async () => {
    expect(await people(`doorways/${front}`)).toEqual([
      [5, 1],
      [1, 0],
      [0, 0],
      [0, 0],
    ]);
    expect(await people(`doorways/${inner}`)).toEqual([
      [0, 0],
      [3, 2],
      [0, 1],
      [0, 0],
    ]);
    expect(await people(`doorways/${exit}`)).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [4, 1],
    ]);
    expect(await people('dpus/b')).toEqual([
      [0, 0],
      [3, 2],
      [0, 1],
      [0, 0],
    ]);
    // The space that the doorway leads out of has them the other way round.
    expect(await people(`counts/${hall}`)).toEqual([
      [5, 1],
      [3, 3],
      [1, 0],
      [0, 0],
    ]);
  });

  it('are by the clock of the ingress space, or else of the egress space', async () => {
    const first = async (of: string): Promise<string | undefined> =>
      (await intervals(of, `${SPAN}&interval=1h`))[0]?.start;
    expect(await first(`doorways/${front}`)).toBe('2026-03-07T07:15:00.000Z');
    expect(await first(`doorways/${inner}`)).toBe('2026-03-07T07:30:00.000Z');
    expect(await first(`doorways/${exit}`)).toBe('2026-03-07T07:30:00.000Z');
    expect(await first('dpus/a')).toBe('2026-03-07T07:15:00.000Z');
  });

  it('may be CSV, and are cached once they are final', async () => {
    const url = `${service.api}/dpus/c/intervals?${SPAN}&interval=15m`;
    const json = await fetch(url);
    expect(json.headers.get('cache-control')).toBe('private, max-age=300');
    const etag = json.headers.get('etag') ?? '';
    expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
    const csv = await fetch(url, { headers: { accept: 'text/csv', 'if-none-match': etag } });
    expect((await csv.text()).trimEnd().split('\n')).toEqual([
      'start,end,entrances,exits,final',
      `${at(0)},${at(15)},0,0,true`,
      `${at(15)},${at(30)},0,0,true`,
      `${at(30)},${at(45)},0,0,true`,
      `${at(45)},${at(60)},4,1,true`,
    ]);
  });

  it('leave out excluded and deleted readings', async () => {
    const excluded = await service.send('POST', '/dpus/b/exclusions', { from: at(15), to: at(17), reason: 'cleaning' });
    expect(excluded.status).toBe(201);
    // The list has what is stored.
    let reading: { id: string } | undefined;
    await eventually(async () => {
      const filter = encodeURIComponent(`dpu_id = 'a' and direction = 1`);
      [reading] = (await service.get(`/readings?filter=${filter}`)).body as { id: string }[];
      expect(reading).toBeDefined();
    });
    expect(
      (await service.send('DELETE', `/readings/${encodeURIComponent(reading?.id ?? '')}?reason=a%20ghost`)).status,
    ).toBe(200);
    await eventually(async () => {
      expect(await people(`doorways/${inner}`)).toEqual([
        [0, 0],
        [0, 0],
        [0, 1],
        [0, 0],
      ]);
      expect(await people('dpus/b')).toEqual([
        [0, 0],
        [0, 0],
        [0, 1],
        [0, 0],
      ]);
      expect(await people('dpus/a')).toEqual([
        [5, 1],
        [0, 0],
        [0, 0],
        [0, 0],
      ]);
    });
  });

  it('of a DPU that was moved are at the doorway where it was then, and those of the DPU are of both', async () => {
    const moved = await service.send('PATCH', '/dpus/c', { doorway_id: front, effective_at: at(50) });
    expect(moved.status).toBe(200);
    await send({ dpu_id: 'c', timestamp: at(55), entrances: 0, exits: 8 });
    await eventually(async () => {
      expect(await people('dpus/c')).toEqual([
        [0, 0],
        [0, 0],
        [0, 0],
        [4, 9],
      ]);
      expect(await people(`doorways/${exit}`)).toEqual([
        [0, 0],
        [0, 0],
        [0, 0],
        [4, 1],
      ]);
      expect((await people(`doorways/${front}`))[3]).toEqual([0, 8]);
    });
    // Moved from the beginning.
    await service.send('PATCH', '/dpus/c', { doorway_id: inner, effective_at: at(-1_000) });
    await eventually(async () => {
      expect((await people(`doorways/${inner}`))[3]).toEqual([4, 1]);
      expect(await people('dpus/c')).toEqual([
        [0, 0],
        [0, 0],
        [0, 0],
        [4, 9],
      ]);
    });
  });

  it('of a doorway do not change with its spaces', async () => {
    const before = await people(`doorways/${inner}`);
    expect(
      (await service.send('PATCH', `/doorways/${inner}`, { ingress_space_id: hall, egress_space_id: null })).status,
    ).toBe(200);
    await eventually(async () =>
      expect((await service.get(`/counts/${hall}/explain?at=${at(60)}`)).body).toMatchObject({
        doorways: [
          { doorway_id: front },
          { doorway_id: front },
          { dpu_id: 'b', entrances: 0, exits: 1 },
          { dpu_id: 'c', entrances: 4, exits: 1 },
        ],
      }),
    );
    expect(await people(`doorways/${inner}`)).toEqual(before);
  });

  it('of a DPU that was never placed are 0, and not final', async () => {
    expect((await service.send('POST', '/dpus', { id: 'nowhere', doorway_id: null })).status).toBe(201);
    expect(await intervals('dpus/nowhere', `${SPAN}&interval=1h`)).toEqual([
      { start: at(0), end: at(60), entrances: 0, exits: 0, final: false },
    ]);
  });

  it('are refused for unknown doorways and DPUs, and for an empty or too long range', async () => {
    expect((await service.get('/doorways/99/intervals')).status).toBe(404);
    expect((await service.get('/dpus/ghost/intervals')).body).toMatchObject({
      status: 404,
      detail: 'there is no DPU ghost',
    });
    expect((await service.get(`/dpus/a/intervals?start=${at(1)}&end=${at(1)}`)).body).toMatchObject({
      status: 422,
      errors: [{ path: 'start' }],
    });
    expect((await service.get('/dpus/a/intervals?start=1970-01-01T00:00:00Z')).body).toMatchObject({
      status: 422,
      errors: [{ path: 'interval' }],
    });
  });
});
