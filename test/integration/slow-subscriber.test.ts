// A subscriber whose socket is really full: the real route, stream and outbox, over a connection that is not read.
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import { createApp } from '../../src/http/app.ts';
import { listen, type HttpServer } from '../../src/http/server.ts';
import { Subscriber } from '../../src/live/subscriber.ts';
import { Metrics } from '../../src/metrics.ts';
import type { Service } from '../../src/service.ts';
import { eventually } from '../support/eventually.ts';
import { fakeOf } from '../support/fake-of.ts';

const [SPACES, ROUNDS] = [50, 1_200];
const HEARTBEAT_MS = 600_000;

let server: HttpServer;
let response: ServerResponse;
let place = 0;
const subscriber = new Subscriber(null, () => `at.${place}`);
const subscription = {
  open: subscriber.open.bind(subscriber),
  place: () => subscriber.place,
  drained: () => subscriber.drained(),
  close: () => undefined,
};

beforeAll(async () => {
  const service = fakeOf<Service>('Service', {
    metrics: new Metrics(),
    options: { skewMs: 0, heartbeatMs: HEARTBEAT_MS },
    live: { subscribe: async () => subscription },
  });
  const handle = createApp(service, pino({ level: 'silent' })).callback();
  server = await listen(
    (request, answer) => {
      response = answer;
      void handle(request, answer);
    },
    '127.0.0.1',
    0,
    pino({ level: 'silent' }),
  );
});
afterAll(async () => {
  response?.destroy();
  await server.stop();
});

it('costs bounded memory while it reads nothing, then is told how much it missed, and gets the newest count of each space', async () => {
  const client = await new Promise<IncomingMessage>((resolve, reject) =>
    get(`${server.url}/api/v1/counts/stream`, { agent: false }, resolve).on('error', reject),
  );
  client.pause();
  let [waitingMost, bytesMost] = [0, 0];
  for (let round = 1; round <= ROUNDS; round++) {
    for (let space = 1; space <= SPACES; space++) {
      place += 1;
      const item = {
        kind: 'count',
        spaceId: space as SpaceId,
        seq: place,
        timestampMs: place,
        count: round,
        net: round,
        lastReadingMs: 0,
        watermarkMs: 0,
        isSettled: true,
        isStale: false,
      } as const;
      subscriber.offer({ kind: 'change', item });
    }
    waitingMost = Math.max(waitingMost, subscriber.waiting);
    bytesMost = Math.max(bytesMost, response.writableLength);
    await yieldToEventLoop();
  }
  expect(response.writableNeedDrain).toBe(true);
  expect(waitingMost).toBeGreaterThan(900);
  expect(waitingMost).toBeLessThanOrEqual(1_001);
  expect(bytesMost).toBeLessThan(100_000);

  const [newest, lagged] = [new Map<number, number>(), [] as number[]];
  let [changes, lastId]: [number, string | undefined] = [0, undefined];
  const parser = createParser({
    onEvent: ({ event, id, data }) => {
      const item = JSON.parse(data) as { space_id: number; count: number; skipped: number };
      lastId = id ?? lastId;
      if (event === 'lagged') return void lagged.push(item.skipped);
      changes += 1;
      // No event is older than its predecessor.
      expect(item.count).toBeGreaterThan(newest.get(item.space_id) ?? 0);
      newest.set(item.space_id, item.count);
    },
  });
  client
    .setEncoding('utf8')
    .on('data', (chunk: string) => parser.feed(chunk))
    .resume();
  await eventually(() => expect(lastId).toBe(`at.${SPACES * ROUNDS}`));
  expect([...newest.values()]).toEqual(Array(SPACES).fill(ROUNDS));
  expect(lagged).toHaveLength(1);
  expect(changes + (lagged[0] ?? 0)).toBe(SPACES * ROUNDS);
});
