// Readings of devices in each of the three forms, on real engines: the counts of the space, and the lists.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

const START_MS = Date.now() - 3_600_000;
const at = (seconds: number): string => new Date(START_MS + seconds * 1_000).toISOString();

let service: LocalService;
let nats: NatsHandles;
let doorways = 0;

beforeAll(async () => {
  service = await startLocalService({
    PARTITIONS: '2',
    OUT_OF_ORDERNESS_MS: '0',
    IDLE_TIMEOUT_MS: '100',
    BLOCK_AGE_MAX_MS: '100',
  });
  nats = await connectNats(service.natsUrl, 'measures');
});
afterAll(async () => {
  await nats?.nc.close();
  await service?.dispose();
});

/** A space with one door from outside, and the DPU above it. @returns the id of the space */
async function spaceWith(dpuId: string, more: object = {}): Promise<number> {
  doorways += 1;
  const space = (await service.send('POST', '/spaces', { name: `Hall ${doorways}` })).body as { id: number };
  const doorway = (await service.send('POST', '/doorways', { name: `Door ${doorways}`, ingress_space_id: space.id }))
    .body as { id: number };
  expect((await service.send('POST', '/dpus', { id: dpuId, doorway_id: doorway.id, ...more })).status).toBe(201);
  return space.id;
}

async function send(...readings: object[]): Promise<void> {
  for (const reading of readings)
    expect(await service.send('POST', '/readings', reading)).toMatchObject({ status: 202 });
}

async function expectCount(space: number, count: object): Promise<void> {
  await eventually(async () => expect((await service.get(`/counts/${space}/current`)).body).toMatchObject(count));
}

const listOf = async (path: string): Promise<object[]> => (await service.get(path)).body as object[];

describe('readings as devices report them', () => {
  it('T15 counts all who passed in an interval as one change, at its end', async () => {
    const space = await spaceWith('i1');
    await send(
      { dpu_id: 'i1', timestamp: at(60), entrances: 5, exits: 3, start: at(0) },
      { dpu_id: 'i1', timestamp: at(120), entrances: 0, exits: 1 },
    );
    // Sending it again changes nothing.
    await send({ dpu_id: 'i1', timestamp: at(120), entrances: 0, exits: 1 });
    await expectCount(space, { count: 1, net: 1, drift: 0 });
    await eventually(async () => {
      expect(await listOf(`/counts/${space}`)).toMatchObject([
        { timestamp: at(60), delta: 2, entrances: 5, exits: 3, count: 2 },
        { timestamp: at(120), delta: -1, entrances: 0, exits: 1, count: 1 },
      ]);
      expect(await listOf("/readings?filter=dpu_id = 'i1'")).toMatchObject([
        { timestamp: at(60), entrances: 5, exits: 3, start: at(0) },
        { timestamp: at(120), entrances: 0, exits: 1 },
      ]);
    });
    const intervals = `/counts/${space}/intervals?interval=15m&start=${new Date(Math.floor(START_MS / 900_000) * 900_000).toISOString()}&end=${new Date(Math.ceil(Date.now() / 900_000) * 900_000).toISOString()}`;
    const found = (await listOf(intervals)) as { entrances: number; exits: number }[];
    expect(found.reduce((sum, { entrances }) => sum + entrances, 0)).toBe(5);
    expect(found.reduce((sum, { exits }) => sum + exits, 0)).toBe(4);
  });

  it('T16 counts standings by their differences, in any order of arrival', async () => {
    const space = await spaceWith('s1');
    const standing = (seconds: number, total_entrances: number, total_exits: number): object => ({
      dpu_id: 's1',
      timestamp: at(seconds),
      total_entrances,
      total_exits,
    });
    await send(standing(0, 100, 50), standing(120, 110, 52));
    await expectCount(space, { count: 8 });
    // Both are stored by now, and one arrives that belongs between them.
    await eventually(async () => expect(await listOf("/readings?filter=dpu_id = 's1'")).toHaveLength(2));
    await send(standing(60, 103, 50));
    await expectCount(space, { count: 8 });
    await eventually(async () =>
      expect(await listOf("/readings?filter=dpu_id = 's1'")).toMatchObject([
        { total_entrances: 100, total_exits: 50, entrances: 0, exits: 0 },
        { total_entrances: 103, total_exits: 50, entrances: 3, exits: 0 },
        { total_entrances: 110, total_exits: 52, entrances: 7, exits: 2 },
      ]),
    );
    // A restart that only becomes visible now: 2 after it, and 110 more.
    await send(standing(90, 2, 0));
    await expectCount(space, { net: 3 + 2 + 108 - 52 });
  });

  it('T16 treats a lower standing as a wrap as soon as the modulus is known', async () => {
    const space = await spaceWith('w1');
    await send(
      { dpu_id: 'w1', timestamp: at(0), total_entrances: 65_530, total_exits: 0 },
      { dpu_id: 'w1', timestamp: at(60), total_entrances: 4, total_exits: 0 },
    );
    await expectCount(space, { count: 4 });
    expect((await service.send('PATCH', '/dpus/w1', { counter_modulus: 65_536 })).body).toMatchObject({
      counter_modulus: 65_536,
    });
    await expectCount(space, { count: 10 });
    await service.send('PATCH', '/dpus/w1', { counter_modulus: null });
    await expectCount(space, { count: 4 });
  });

  it('reports how many items of a batch repeat another item of it', async () => {
    const space = await spaceWith('b1');
    const one = { dpu_id: 'b1', timestamp: at(0), direction: 1 };
    const batch = await service.send('POST', '/readings/batch', [
      one,
      one,
      one,
      { ...one, id: 17 },
      { ...one, id: '17' },
      { ...one, count: 5 },
    ]);
    expect(batch.body).toMatchObject({
      accepted: 5,
      repeated: 3,
      rejected_count: 1,
      rejected: [{ index: 5, path: 'count' }],
    });
    await expectCount(space, { count: 2 });
  });

  it('counts a reading without a timestamp at its arrival, each time it arrives', async () => {
    const space = await spaceWith('AA:BB:CC:00:11:22');
    const sent = await service.send('POST', '/readings', { dpu_id: 'AA:BB:CC:00:11:22', direction: 1 });
    expect(sent.body).toEqual({ id: null, held: false });
    // Over NATS, with the trailing NUL of a C string.
    await nats.js.publish('dpu.AA:BB:CC:00:11:22.readings', '{"direction":1}\0');
    await expectCount(space, { count: 2 });
  });

  it('dead-letters unusable items, and counts the rest', async () => {
    await spaceWith('x1');
    const before = (await service.get('/account')).body as { dead_letters: Record<string, number> };
    await nats.js.publish(
      'dpu.x1.readings',
      JSON.stringify([
        { timestamp: '1970-01-01T00:02:10Z', direction: 1 },
        { timestamp: at(0), direction: 1, count: 5 },
        { timestamp: at(0), entrances: 5, exits: 3, direction: 1 },
        { timestamp: at(0), total_entrances: 5 },
      ]),
    );
    await eventually(async () => {
      const { dead_letters: letters, remainder } = (await service.get('/account')).body as {
        dead_letters: Record<string, number>;
        remainder: number;
      };
      const more = (reason: string): number => (letters[reason] ?? 0) - (before.dead_letters[reason] ?? 0);
      expect([more('clock_unset'), more('bad_count'), more('bad_reading'), remainder]).toEqual([1, 2, 1, 0]);
    });
  });
});
