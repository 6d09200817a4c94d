// What an unexpected error shows to the client, and what it writes to the log.
import { Writable } from 'node:stream';
import { JetStreamApiError, JetStreamError } from '@nats-io/jetstream';
import { ClosedConnectionError, NoRespondersError, TimeoutError } from 'nats';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { listen, type HttpServer } from '../../src/http/server.ts';
import { Metrics } from '../../src/metrics.ts';
import type { Service } from '../../src/service.ts';
import { fakeOf } from '../support/fake-of.ts';

interface Line {
  readonly level: number;
  readonly request?: string;
  readonly msg?: string;
  readonly err?: { readonly message: string; readonly stack: string };
}

const lines: Line[] = [];
const log = pino(
  { level: 'debug' },
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString('utf8')) as Line);
      done();
    },
  }),
);
let server: HttpServer;
let failure: Error;

beforeAll(async () => {
  const failing = fakeOf<Service>('Service', {
    metrics: new Metrics(),
    options: { skewMs: 0, heartbeatMs: 1_000 },
    accounts: { read: async () => Promise.reject(failure) },
    comparisons: { read: async () => Promise.reject(new Error('a secret of the inside')) },
    losses: { read: async () => Promise.resolve([]) },
  });
  const handle = createApp(failing, log).callback();
  server = await listen((request, response) => void handle(request, response), '127.0.0.1', 0, log);
});
afterAll(async () => server.stop());

test('an unexpected error is a 500 with an id; the log has the details under that id, the answer has not', async () => {
  failure = new Error('a secret of the inside');
  for (const given of [undefined, 'trace-9']) {
    const response = await fetch(
      `${server.url}/api/v1/account`,
      given === undefined ? {} : { headers: { 'x-request-id': given } },
    );
    const text = await response.text();
    const problem = JSON.parse(text) as { request_id: string; detail: string };
    expect(response.status).toBe(500);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(problem).toEqual({
      type: 'urn:density:problem:internal',
      title: 'Internal error',
      status: 500,
      instance: '/api/v1/account',
      detail: `an internal error; the log has the details under request id ${problem.request_id}`,
      request_id: given ?? response.headers.get('x-request-id'),
    });
    expect(text).not.toContain('secret');
    const logged = lines.filter(({ level, request }) => level === 50 && request === problem.request_id);
    expect(logged).toHaveLength(1);
    expect(logged[0]?.err?.message).toBe('a secret of the inside');
    expect(logged[0]?.err?.stack).toContain('http-errors.test.ts');
  }
});

test.each([
  ['no answer in time', new TimeoutError()],
  ['a closed connection', new ClosedConnectionError()],
  ['nobody who answers', new Error('jetstream is not enabled', { cause: new NoRespondersError('$JS.API.INFO') })],
  ['no leader', new JetStreamApiError({ code: 503, err_code: 10008, description: 'temporarily unavailable' })],
  ['no leader, for a direct get', new JetStreamError('no responders')],
])('NATS does not answer (%s): 503 with a problem document, and the cause in the log', async (_, cause) => {
  failure = cause;
  const response = await fetch(`${server.url}/api/v1/account`);
  expect(response.status).toBe(503);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('retry-after')).toBe('5');
  const problem = (await response.json()) as { request_id: string };
  expect(problem).toMatchObject({
    type: 'urn:density:problem:unavailable',
    status: 503,
    detail: 'NATS does not answer at the moment',
  });
  const logged = lines.find(({ level, request }) => level >= 40 && request === problem.request_id);
  expect(logged).toMatchObject({ level: 40, msg: 'answered 503' });
  expect(logged?.err?.message).toContain(cause.message);
});

test('an error of NATS that is an answer is a 500', async () => {
  failure = new JetStreamApiError({ code: 400, err_code: 10071, description: 'wrong last sequence' });
  expect((await fetch(`${server.url}/api/v1/account`)).status).toBe(500);
});
