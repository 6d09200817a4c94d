// No accept header, however odd, causes a 500.
import { request } from 'node:http';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { listen, type HttpServer } from '../../src/http/server.ts';
import { Metrics } from '../../src/metrics.ts';
import type { Service } from '../../src/service.ts';
import { fakeOf } from '../support/fake-of.ts';

let server: HttpServer;

beforeAll(async () => {
  const log = pino({ level: 'silent' });
  const handle = createApp(
    fakeOf<Service>('Service', { metrics: new Metrics(), options: { skewMs: 0, heartbeatMs: 1_000 } }),
    log,
  ).callback();
  server = await listen((incoming, response) => void handle(incoming, response), '127.0.0.1', 0, log);
});
afterAll(async () => server.stop());

/** Not fetch: it would add an accept-encoding of its own. */
async function get(
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; encoding: string | undefined; type: string | undefined; bytes: number }> {
  return new Promise((resolve, reject) => {
    request(`${server.url}${path}`, { headers, agent: false }, (response) => {
      let bytes = 0;
      response
        .on('data', (chunk: Buffer) => (bytes += chunk.length))
        .on('end', () =>
          resolve({
            status: response.statusCode,
            encoding: response.headers['content-encoding'],
            type: response.headers['content-type'],
            bytes,
          }),
        );
    })
      .on('error', reject)
      .end();
  });
}

// Large enough to be compressed.
const LARGE = '/api/v1/openapi.json';

it.each([
  ['*;q=0', undefined],
  ['identity;q=0', undefined],
  ['identity;q=0, *;q=0', undefined],
  ['gzip;q=0, deflate;q=0, identity;q=0', undefined],
  ['br', undefined],
  ['zstd;q=0', undefined],
  ['', undefined],
  ['*', 'gzip'],
  ['gzip', 'gzip'],
  ['gzip;q=0', undefined],
  ['deflate', 'deflate'],
  ['gzip;q=x', undefined],
  ['gzip;q=-1', undefined],
  [',,,;;;', undefined],
  ['\u00ff\u00fe', undefined],
  ['constructor', undefined],
  ['__proto__', undefined],
] as const)('accept-encoding %j is answered with %s', async (accepted, encoding) => {
  const { status, encoding: found, bytes } = await get(LARGE, { 'accept-encoding': accepted });
  expect({ status, encoding: found }).toEqual({ status: 200, encoding });
  expect(bytes).toBeGreaterThan(2_048);
});

it('a problem is sent as a problem document, whatever the client accepts', async () => {
  for (const headers of [
    { accept: 'text/html;q=0' },
    { accept: '*/*;q=0' },
    { accept: ';;;' },
    { accept: '' },
    { 'accept-encoding': '*;q=0' },
    { 'accept-language': '*;q=0' },
    { 'accept-charset': '*;q=0' },
  ]) {
    expect(await get(`/api/v1/${'x'.repeat(4_000)}`, headers)).toMatchObject({
      status: 404,
      type: 'application/problem+json',
    });
  }
});
