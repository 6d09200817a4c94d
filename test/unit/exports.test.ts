// Exports as answers: how fast rows are read, and what happens when the client or the history goes away.
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import Koa from 'koa';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { requireScope } from '../../src/http/auth/auth.ts';
import type { TokenVerifier } from '../../src/http/auth/principal.ts';
import { Exports } from '../../src/http/exports.ts';
import { stateOf } from '../../src/http/request-state.ts';
import { listen, type HttpServer } from '../../src/http/server.ts';
import type { DpuId } from '../../src/domain/ids.ts';
import { Metrics } from '../../src/metrics.ts';
import type { ReadingsQuery, StoredReading } from '../../src/ports/event-pages.ts';
import type { Service } from '../../src/service.ts';
import { eventually } from '../support/eventually.ts';
import { fakeOf } from '../support/fake-of.ts';

const PAGE_ROWS = 5_000;
let server: HttpServer;
/** How many pages have been read, and how many of the exports have ended. */
let [read, pagesMax] = [0, Infinity];
let failsAt = Infinity;

let firstDpuId: DpuId;

const reading = (n: number): StoredReading => ({
  readingId: `a~${n}~+`,
  dpuId: n === 1 ? firstDpuId : ('a' as DpuId),
  timestampMs: n,
  direction: 1,
  entrances: 1,
  exits: 0,
  doorwayId: 1,
  isExcluded: false,
  isDeleted: false,
});

async function readings({ after }: ReadingsQuery): Promise<StoredReading[]> {
  if (read >= failsAt) throw new Error('history has gone');
  read += 1;
  const first = (after?.timestampMs ?? 0) + 1;
  return Array.from({ length: read < pagesMax ? PAGE_ROWS : 1 }, (_, n) => reading(first + n));
}

beforeEach(async () => {
  [read, pagesMax, failsAt, firstDpuId] = [0, Infinity, Infinity, 'a' as DpuId];
  const log = pino({ level: 'silent' });
  const verifier: TokenVerifier = {
    version: 1,
    verify: async (token) => ({ name: token, scopes: ['read'], expiresAtMs: undefined }),
    refresh: async () => undefined,
  };
  const pages = fakeOf<Service['stores']['eventPages']>('pages', { readings });
  const service = fakeOf<Service>('Service', {
    metrics: new Metrics(),
    options: { skewMs: 0, heartbeatMs: 1_000 },
    stores: fakeOf('stores', { eventPages: pages }),
  });
  const guard = requireScope(verifier, fakeOf('devices', {}), fakeOf('displays', {}));
  const handle = createApp(service, log, { guards: [guard] }).callback();
  server = await listen((incoming, response) => void handle(incoming, response), '127.0.0.1', 0, log);
});
afterEach(async () => server.stop());

async function ask(token: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const asked = request(`${server.url}/api/v1/exports/readings`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    agent: false,
  }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

it('has all pages, with one header line', async () => {
  pagesMax = 3;
  const response = await ask('a');
  expect(response.headers).toMatchObject({
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': 'attachment; filename="readings.csv"',
    'cache-control': 'no-store',
  });
  const lines = (await textOf(response)).trimEnd().split('\n');
  expect(lines).toHaveLength(2 * PAGE_ROWS + 2);
  expect(lines.filter((line) => line.startsWith('id,'))).toHaveLength(1);
  expect(new Set(lines).size).toBe(lines.length);
});

it('escapes cells that a spreadsheet would run as formulas', async () => {
  pagesMax = 1;
  firstDpuId = '=1+1' as DpuId;
  const [, row] = (await textOf(await ask('a'))).split('\n');
  expect(row).toContain("'=1+1");
});

it('reads no further than the client does, and not at all once it has gone', async () => {
  const response = await ask('a');
  await once(response, 'readable');
  // What fits into the buffers of both sockets.
  let [before, now] = [-1, read];
  await eventually(async () => {
    [before, now] = [now, read];
    expect(before).toBe(now);
  });
  expect(now).toBeLessThan(200);
  response.destroy();
  await eventually(async () => {
    const again = await ask('a');
    again.destroy();
    expect(again.statusCode).toBe(200);
  });
});

it.each([{}, { 'accept-encoding': 'gzip' }])(
  'ends the connection if history fails in the middle: %o',
  async (headers) => {
    failsAt = 4;
    await expect(textOf(await ask('a', headers))).rejects.toThrow('aborted');
    expect(read).toBe(4);
  },
);

it('is refused with a problem if history fails at once', async () => {
  failsAt = 0;
  const response = await ask('a');
  expect([response.statusCode, response.headers['content-type']]).toEqual([500, 'application/problem+json']);
  expect(response.headers['content-disposition']).toBeUndefined();
  response.destroy();
  // The failed export does not count as running.
  failsAt = Infinity;
  const again = await ask('a');
  expect(again.statusCode).toBe(200);
  again.destroy();
});

it('runs one at a time for a token, and four in all', async () => {
  const running = [await ask('a'), await ask('b'), await ask('c'), await ask('d')];
  expect(running.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
  const [again, fifth] = [await ask('a'), await ask('e')];
  expect([again.statusCode, fifth.statusCode]).toEqual([429, 503]);
  expect([again.headers['retry-after'], fifth.headers['retry-after']]).toEqual(['10', '10']);
  for (const response of [...running, again, fifth]) response.destroy();
});

it('makes room when a client goes away while its answer waits behind another one', async () => {
  const { port } = server;
  const socket = connect(port, '127.0.0.1');
  const requestOf = (token: string): string =>
    `GET /api/v1/exports/readings HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`;
  socket.write(requestOf('a') + requestOf('b'));
  await once(socket, 'readable');
  await eventually(async () => expect((await ask('b')).statusCode).toBe(429));
  socket.destroy();
  await eventually(async () => {
    const again = await ask('b');
    again.destroy();
    expect(again.statusCode).toBe(200);
  });
});

it('ends if the client stops reading', async () => {
  const exports = new Exports(50);
  let hasEnded = false;
  async function* chunks(): AsyncGenerator<string> {
    try {
      for (;;) yield 'x'.repeat(1_000_000);
    } finally {
      hasEnded = true;
    }
  }
  const app = new Koa().use(async (ctx) => {
    stateOf(ctx).log = pino({ level: 'silent' });
    ctx.body = await exports.answer(ctx, { type: 'text/csv', name: 'much', chunks: chunks() });
  });
  const handle = app.callback();
  const plain = await listen(
    (incoming, response) => void handle(incoming, response),
    '127.0.0.1',
    0,
    pino({ level: 'silent' }),
  );
  try {
    const socket = connect(plain.port, '127.0.0.1').pause();
    socket.on('error', () => undefined).write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await eventually(async () => expect(hasEnded).toBe(true));
    socket.destroy();
  } finally {
    await plain.stop();
  }
});

it('is refused in an unknown format', async () => {
  expect((await ask('a', { accept: 'application/json' })).statusCode).toBe(406);
});
