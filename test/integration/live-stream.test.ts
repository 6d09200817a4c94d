import { get, type IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { openEvents, type SseClient } from '../support/event-source.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
const clients: SseClient[] = [];
const dpus = new Map<number, string>();
let lastMs = Date.now() - 100_000;

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '4', STREAM_HEARTBEAT_MS: '2000' });
});
afterAll(async () => service?.dispose());
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

async function open(query: string, headers: Record<string, string> = {}): Promise<SseClient> {
  const client = await openEvents(`${service.api}/counts/stream${query}`, headers);
  clients.push(client);
  return client;
}

async function newSpace(name: string): Promise<number> {
  const { id } = (await service.send('POST', '/spaces', { name })).body as { id: number };
  const doorway = (await service.send('POST', '/doorways', { name: `door of ${name}`, ingress_space_id: id })).body as {
    id: number;
  };
  const dpu = `dpu-${id}`;
  await service.send('POST', '/dpus', { id: dpu, doorway_id: doorway.id });
  dpus.set(id, dpu);
  return id;
}

async function pass(spaceId: number, direction: 1 | -1, timestampMs = ++lastMs): Promise<void> {
  const timestamp = new Date(timestampMs).toISOString();
  expect((await service.send('POST', '/readings', { dpu_id: dpus.get(spaceId), timestamp, direction })).status).toBe(
    202,
  );
}

const counts = ({ events }: SseClient, spaceId: number): unknown[] =>
  events
    .filter(({ event, data }) => (event === 'snapshot' || event === 'change') && data['space_id'] === spaceId)
    .map(({ event, data }) => [event, data['count']]);
const lastId = ({ events }: SseClient): string => events.findLast(({ id }) => id !== undefined)?.id ?? '';

describe('the live stream', () => {
  it('sends a snapshot of each space, then each change', async () => {
    const space = await newSpace('A');
    await pass(space, 1);
    await eventually(async () =>
      expect((await service.get(`/counts/${space}/current`)).body).toMatchObject({ count: 1 }),
    );
    const client = await open(`?space_id=${space}`);
    expect(client.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await eventually(() => expect(counts(client, space)).toEqual([['snapshot', 1]]));
    for (const count of [2, 3]) {
      await pass(space, 1);
      await eventually(() => expect(counts(client, space).at(-1)).toEqual(['change', count]));
    }
    expect(counts(client, space)).toEqual([
      ['snapshot', 1],
      ['change', 2],
      ['change', 3],
    ]);
    const { sequence, last_reading_at } = client.events.at(-1)?.data ?? {};
    expect(sequence).toBeGreaterThan(Number(client.events[0]?.data['sequence']));
    expect(last_reading_at).toBe(new Date(lastMs).toISOString());
    await eventually(() => expect(client.comments.length).toBeGreaterThan(1));
  });

  it('resumes where a client stopped, without a gap or a repetition', async () => {
    const [a, b] = [await newSpace('B1'), await newSpace('B2')];
    const query = `?space_id=${a},${b}`;
    const first = await open(query);
    await eventually(() => expect(first.events).toHaveLength(2));
    await pass(a, 1);
    await eventually(() => expect(counts(first, a).at(-1)).toEqual(['change', 1]));
    const id = lastId(first);
    first.close();
    for (const count of [2, 3]) {
      await pass(a, 1);
      await eventually(async () => expect((await service.get(`/counts/${a}/current`)).body).toMatchObject({ count }));
    }
    await pass(b, 1);
    await eventually(async () => expect((await service.get(`/counts/${b}/current`)).body).toMatchObject({ count: 1 }));
    const second = await open(query, { 'last-event-id': id });
    await eventually(() => {
      expect(counts(second, a).at(-1)).toEqual(['change', 3]);
      expect(counts(second, b)).toEqual([['change', 1]]);
    });
    expect(counts(second, a).at(0)).toEqual(['change', 2]);
    // Resuming at the end sends nothing.
    const third = await open(query, { 'last-event-id': lastId(second) });
    await eventually(() => expect(third.comments.length).toBeGreaterThan(0));
    expect(third.events).toEqual([]);
  });

  it('starts again with a snapshot for an unknown event id', async () => {
    const space = await newSpace('C');
    for (const id of ['nonsense', '0.1.1_1.1.1_2.1.1_3.1.1']) {
      const client = await open(`?space_id=${space}`, { 'last-event-id': id });
      await eventually(() => expect(counts(client, space)).toEqual([['snapshot', 0]]));
    }
  });

  it('covers all spaces, including future ones', async () => {
    const client = await open('');
    const space = await newSpace('D');
    await pass(space, 1);
    await eventually(() => expect(counts(client, space).at(-1)).toEqual(['change', 1]));
  });

  it('sends corrections of history: a late reading, a reset in the past, a move', async () => {
    const [space, other] = [await newSpace('E1'), await newSpace('E2')];
    const client = await open(`?space_id=${space},${other}`);
    const corrections = (spaceId: number): unknown[] =>
      client.events
        .filter(({ event, data }) => event === 'correction' && data['space_id'] === spaceId)
        .map(({ data }) => data);
    const lateMs = Date.now() - 3_600_000;
    await eventually(async () =>
      expect((await service.get(`/counts/${space}/current`)).body).toMatchObject({
        watermark: expect.stringMatching(/^20/) as string,
      }),
    );
    await pass(space, 1, lateMs);
    await eventually(() =>
      expect(corrections(space)).toMatchObject([{ from: new Date(lateMs).toISOString(), cause: 'late' }]),
    );
    await eventually(() => expect(counts(client, space).at(-1)).toEqual(['change', 1]));
    const resetMs = lateMs - 60_000;
    await service.send('POST', `/spaces/${space}/resets`, { timestamp: new Date(resetMs).toISOString(), count: 5 });
    await eventually(() =>
      expect(corrections(space).at(-1)).toMatchObject({
        ...{ from: new Date(resetMs).toISOString(), cause: 'reset' },
        change: { kind: 'reset' },
      }),
    );
    await eventually(() => expect(counts(client, space).at(-1)).toEqual(['change', 6]));
    const doorways = (await service.get('/doorways?limit=1000')).body as { id: number; ingress_space_id: number }[];
    const doorway = doorways.find(({ ingress_space_id: id }) => id === other)?.id;
    await service.send('PATCH', `/dpus/${dpus.get(space)}`, {
      doorway_id: doorway,
      effective_at: new Date(lateMs - 1_000).toISOString(),
    });
    for (const [spaceId, count] of [
      [space, 5],
      [other, 1],
    ] as const) {
      await eventually(() =>
        expect(corrections(spaceId).at(-1)).toMatchObject({
          ...{ from: new Date(lateMs).toISOString(), cause: 'move' },
          change: { kind: 'dpu' },
        }),
      );
      const { change } = corrections(spaceId).at(-1) as { change: { sequence: number; url: string } };
      const made = await fetch(`${service.url}${change.url}`);
      expect(await made.json()).toMatchObject([
        { sequence: change.sequence, kind: 'dpu', dpu_id: dpus.get(space), by: 'loopback' },
      ]);
      await eventually(() => expect(counts(client, spaceId).at(-1)).toEqual(['change', count]));
    }
  });

  it('refuses spaces that do not exist', async () => {
    expect((await open('?space_id=9999')).status).toBe(404);
    expect((await open('?space_id=1,x')).status).toBe(422);
    const { status, body } = await service.send('HEAD', '/counts/stream');
    expect({ status, body }).toEqual({ status: 200, body: undefined });
  });

  it('serves 1,000 idle subscribers and one that does not read', async () => {
    const [space, quiet] = [await newSpace('F1'), await newSpace('F2')];
    const idle: IncomingMessage[] = [];
    while (idle.length < 1_000)
      idle.push(...(await Promise.all(Array.from({ length: 50 }, () => raw(`?space_id=${quiet}`)))));
    const stuck = await raw(`?space_id=${space}`);
    stuck.pause();
    const brisk = await eventually(async () => {
      const client = await open(`?space_id=${space}`);
      expect(client.status).toBe(200);
      return client;
    });
    await pass(space, 1);
    await eventually(() => expect(counts(brisk, space).at(-1)).toEqual(['change', 1]));
    expect(service.service.live.subscribers).toBeGreaterThanOrEqual(1_002);
    for (const response of [...idle, stuck]) response.destroy();
    await eventually(() => expect(service.service.live.subscribers).toBeLessThanOrEqual(1));
  });
});

async function raw(query: string): Promise<IncomingMessage> {
  const url = `${service.api}/counts/stream${query}`;
  // With so many at once, some may be told to retry.
  return eventually(async () => {
    const response = await new Promise<IncomingMessage>((resolve, reject) =>
      get(url, { agent: false }, resolve).on('error', reject),
    );
    if (response.statusCode !== 200) response.destroy();
    expect(response.statusCode).toBe(200);
    return response;
  });
}
