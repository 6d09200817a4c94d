// `last_reading_at` over HTTP and in the live stream: a DPU that was moved, with readings from before and after the move.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { openEvents } from '../support/event-source.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
const movedMs = Date.now() - 3_600_000;
const at = (seconds: number): string => new Date(movedMs + seconds * 1_000).toISOString();

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '2', LATE_BLOCK_AGE_MAX_MS: '50' });
});
afterAll(async () => service?.dispose());

/** A DPU above a doorway into one space, and a second doorway into another. */
async function building(
  name: string,
): Promise<{ readonly dpu: string; readonly from: number; readonly to: number; readonly away: () => Promise<void> }> {
  const ids: number[] = [];
  const doorways: number[] = [];
  for (const side of ['from', 'to']) {
    ids.push(((await service.send('POST', '/spaces', { name: `${name} ${side}` })).body as { id: number }).id);
    const door = { name: `${name} ${side}`, ingress_space_id: ids.at(-1) };
    doorways.push(((await service.send('POST', '/doorways', door)).body as { id: number }).id);
  }
  await service.send('POST', '/dpus', { id: name, doorway_id: doorways[0] });
  const [from = 0, to = 0] = ids;
  const away = async (): Promise<void> => {
    const move = { doorway_id: doorways[1], effective_at: at(0) };
    expect((await service.send('PATCH', `/dpus/${name}`, move)).status).toBe(200);
  };
  return { dpu: name, from, to, away };
}

const pass = async (dpu: string, ...seconds: readonly number[]): Promise<void> => {
  const readings = seconds.map((n) => ({ dpu_id: dpu, timestamp: at(n), direction: 1 }));
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
};
const lastReading = async (space: number, query = ''): Promise<unknown> => {
  const { count, last_reading_at } = (await service.get(`/counts/${space}/current${query}`)).body as Record<
    string,
    unknown
  >;
  return { count, last_reading_at };
};

it.each([
  [
    'the readings',
    'first',
    async (dpu: string, away: () => Promise<void>) => {
      await pass(dpu, -60, -50, 10, 20);
      await eventually(async () =>
        expect((await service.get('/readings?filter=' + encodeURIComponent(`dpu_id = '${dpu}'`))).body).toHaveLength(4),
      );
      await away();
    },
  ],
  [
    'the move',
    'second',
    async (dpu: string, away: () => Promise<void>) => {
      await away();
      await pass(dpu, 20, 10, -50, -60);
    },
  ],
] as const)('T17 is the same if %s came first, in every answer', async (_, name, act) => {
  const { dpu, from, to, away } = await building(name);
  const stream = await openEvents(`${service.api}/counts/stream?space_id=${from},${to}`);
  await act(dpu, away);
  await eventually(async () => expect(await lastReading(from)).toEqual({ count: 2, last_reading_at: at(-50) }));
  await eventually(async () => expect(await lastReading(to)).toEqual({ count: 2, last_reading_at: at(20) }));
  expect(await lastReading(from, `?at=${at(0)}`)).toEqual({ count: 2, last_reading_at: at(-50) });
  expect(await lastReading(from, `?at=${at(-51)}`)).toEqual({ count: 1, last_reading_at: at(-60) });
  expect(await lastReading(from, `?at=${at(-61)}`)).toEqual({ count: 0, last_reading_at: null });
  expect(await lastReading(to, `?at=${at(19)}`)).toEqual({ count: 1, last_reading_at: at(10) });
  expect(await lastReading(to, `?at=${at(9)}`)).toEqual({ count: 0, last_reading_at: null });
  for (const [space, expected] of [
    [from, at(-50)],
    [to, at(20)],
  ] as const) {
    await eventually(() => {
      const last = stream.events.findLast(({ data }) => data['space_id'] === space && 'count' in data);
      expect(last?.data).toMatchObject({ count: 2, last_reading_at: expected, settled: true });
    });
  }
  stream.close();
});

it('T17 is a part of the etag of an instant: a client learns of two late readings that leave the count as it was', async () => {
  const { dpu, from } = await building('third');
  const path = `/counts/${from}/current?at=${at(0)}`;
  await pass(dpu, -60);
  await eventually(async () => expect((await service.get(path)).body).toMatchObject({ count: 1, final: true }));
  const etag = (await service.get(path)).headers.get('etag') ?? '';
  const again = async (): Promise<number> =>
    (await fetch(`${service.api}${path}`, { headers: { 'if-none-match': etag } })).status;
  expect(await again()).toBe(304);
  await service.send('POST', '/readings', { dpu_id: dpu, timestamp: at(-30), entrances: 1, exits: 1 });
  await eventually(async () => expect(await again()).toBe(200));
  expect(await lastReading(from, `?at=${at(0)}`)).toEqual({ count: 1, last_reading_at: at(-30) });
});
