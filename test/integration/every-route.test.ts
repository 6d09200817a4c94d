// What holds for every route, tested on each one in the table: trailing slash, HEAD, OPTIONS, unsupported methods,
// conditional requests, limits, and pages of another origin.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addToken } from '../../src/http/auth/auth-tokens.ts';
import type { Route } from '../../src/http/routes/route.ts';
import { tableOfRoutes } from '../support/client-types.ts';
import { eventually } from '../support/eventually.ts';
import { pngOf } from '../support/images.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

const ORIGIN = 'https://dashboard.example';
const LIMIT = 100_000;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const routes = tableOfRoutes();
const named = routes.map((route) => ({ name: `${route.method} ${route.path}`, route }));
const paths = [...new Set(routes.map(({ path }) => path))].map((path) => {
  const methods = routes.filter((route) => route.path === path).map(({ method }) => method as string);
  return { path, methods, allowed: [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].sort() };
});

let service: LocalService;
let folder: string;
let token: string;
/** Of an answer about the space. */
let place = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-tokens-'));
  const file = join(folder, 'tokens.json');
  token = await addToken(file, 'admin', ['admin'], undefined);
  service = await startLocalService({
    PARTITIONS: '1',
    AUTH_TOKENS_FILE: file,
    RATE_LIMIT_PER_MINUTE: String(LIMIT),
    CORS_ORIGINS: ORIGIN,
  });
  for (const [path, body] of [
    ['/spaces', { name: 'Hall' }],
    ['/doorways', { name: 'Door', ingress_space_id: 1 }],
    ['/dpus', { id: '1', doorway_id: 1 }],
    ['/spaces/1/resets', { timestamp: '2018-02-24T04:00:00Z', count: 0 }],
    ['/dpus/1/exclusions', { from: '2018-02-24T04:00:00Z', to: '2018-02-24T05:00:00Z', reason: 'a test' }],
  ] as const) {
    expect((await ask('POST', path, { body: JSON.stringify(body) })).status).toBe(201);
  }
  place = (JSON.parse((await ask('GET', '/counts/1/current')).text) as { as_of: string }).as_of;
  expect((await ask('PUT', '/devices/1', { body: '{"adapter":"xovis"}' })).status).toBe(200);
  expect((await ask('PUT', '/floor-plans/1', { body: '{"name":"Ground floor"}' })).status).toBe(200);
  expect((await ask('PUT', '/floor-plans/1/image', { body: pngOf(4, 3) })).status).toBe(200);
});
afterAll(async () => {
  await service?.dispose();
  if (folder) await rm(folder, { recursive: true });
});

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Only the head of a stream. Health may be 503 while an engine is slow to answer. */
async function ask(
  method: string,
  path: string,
  init: { body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> } = {},
): Promise<Asked> {
  return path.startsWith('/health')
    ? eventually(async () => {
        const asked = await askOnce(method, path, init);
        expect(asked.status).not.toBe(503);
        return asked;
      })
    : askOnce(method, path, init);
}

async function askOnce(
  method: string,
  path: string,
  init: { body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> },
): Promise<Asked> {
  const abort = new AbortController();
  const response = await fetch(`${service.api}${path}`, {
    method,
    signal: abort.signal,
    ...(init.body === undefined ? {} : { body: init.body }),
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers },
  });
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const text = isStream ? '' : await response.text();
  abort.abort();
  return { status: response.status, headers: response.headers, text };
}

/** For things that exist, or, if `isThere` is false, that do not. */
function concrete({ path, query }: Pick<Route, 'path'> & { readonly query?: Route['query'] }, isThere = true): string {
  const filled = path.replace('{file}', 'start.js').replaceAll(/\{\w+\}/g, isThere ? '1' : '999999');
  if (path.endsWith('/revisions')) return `${filled}?from=2018-02-24T04:00:00Z&since=${place}`;
  return path.endsWith('s/intervals') && query ? `${filled}?space_id=1` : filled;
}

/** A device is created by what would change it, and 999999 is no adapter. */
const OTHER_STATUSES: Readonly<Record<string, readonly number[]>> = {
  'PUT /devices/{id}': [200, 200],
  'DELETE /devices/{id}': [204, 404],
  'PUT /floor-plans/{id}': [200, 200],
  'DELETE /floor-plans/{id}': [204, 404],
  'POST /ingest/{adapter}': [422, 422],
  // A reason is required.
  'DELETE /readings/{id}': [422, 422],
  // No display shows the code of the example.
  'POST /displays': [404, 404],
};

const withSlash = (path: string): string => path.replace(/(?=\?)|$/, '/');
const bodyOf = ({ bodyExample, streamedBody }: Route): { body?: string } =>
  bodyExample === undefined && !streamedBody
    ? {}
    : { body: JSON.stringify(bodyExample ?? streamedBody?.['application/json']?.example) };
const list = (headers: Headers, name: string): string[] =>
  (headers.get(name) ?? '')
    .split(',')
    .map((each) => each.trim())
    .sort();

describe('every route', () => {
  it.each(named.filter(({ route }) => route.method === 'GET'))(
    '$name is the same with a slash at its end, and HEAD without a body',
    async ({ route }) => {
      const path = concrete(route);
      const plain = await ask('GET', path);
      const slashed = await ask('GET', withSlash(path));
      const head = await ask('HEAD', path);
      expect([plain.status, slashed.status, head.status]).toEqual(
        Array(3).fill(route.path === '/readings/{id}' ? 404 : 200),
      );
      expect(head.text).toBe('');
      for (const header of ['content-type', 'cache-control', 'etag', 'x-total-count', 'link']) {
        expect([header, slashed.headers.get(header)]).toEqual([
          header,
          header === 'link' ? slashed.headers.get(header) : plain.headers.get(header),
        ]);
        expect([header, head.headers.get(header)]).toEqual([header, plain.headers.get(header)]);
      }
    },
  );

  it.each(named.filter(({ route }) => route.method !== 'GET'))(
    '$name is the same with a slash at its end',
    async ({ name, route }) => {
      const path = concrete(route, false);
      const [plain, slashed] = [
        await ask(route.method, path, bodyOf(route)),
        await ask(route.method, withSlash(path), bodyOf(route)),
      ];
      const nothing = route.path.includes('{') ? [404, 404] : undefined;
      expect(plain.text + slashed.text).not.toContain('there is nothing at');
      // The first request's creation conflicts with the second.
      expect([plain.status, slashed.status]).toEqual(
        OTHER_STATUSES[name] ??
          nothing ??
          (route.success.status === 201
            ? [route.path === '/dpus' ? 201 : plain.status, 409]
            : [route.success.status, route.success.status]),
      );
    },
  );

  it.each(paths)(
    '$path lists its methods for OPTIONS, and answers 405 to all others',
    async ({ path, methods, allowed }) => {
      for (const at of [concrete({ path }), withSlash(concrete({ path }))]) {
        const options = await ask('OPTIONS', at);
        expect({ status: options.status, allow: list(options.headers, 'allow') }).toEqual({
          status: 200,
          allow: allowed,
        });
        for (const method of METHODS.filter((each) => !methods.includes(each))) {
          const { status, headers, text } = await ask(method, at);
          expect({ method, status, allow: list(headers, 'allow') }).toEqual({ method, status: 405, allow: allowed });
          expect(JSON.parse(text)).toMatchObject({ type: 'urn:density:problem:method-not-allowed', status: 405 });
        }
      }
    },
  );

  it.each(paths.filter(({ path }) => !path.startsWith('/docs')))(
    '$path in capitals is another path, and not found',
    async ({ path }) => {
      const asked = await ask('GET', concrete({ path }).toUpperCase());
      expect([asked.status, JSON.parse(asked.text)]).toMatchObject([404, { type: 'urn:density:problem:not-found' }]);
    },
  );

  it.each(named)(
    '$name answers with an id and the remaining limit, and allows pages of a configured origin',
    async ({ route }) => {
      const { headers } = await ask(route.method, concrete(route, false), {
        ...bodyOf(route),
        headers: { origin: ORIGIN },
      });
      expect(headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(list(headers, 'access-control-expose-headers')).toEqual(
        expect.arrayContaining(['etag', 'link', 'ratelimit', 'x-total-count']),
      );
      // Public routes have no limit.
      expect(headers.get('ratelimit-policy')).toBe(route.scope === null ? null : `"default";q=${LIMIT};w=60`);
      if (route.scope !== null) expect(headers.get('ratelimit')).toMatch(/^"default";r=\d+;t=\d+$/);
      const preflight = await ask('OPTIONS', concrete(route), {
        headers: {
          origin: ORIGIN,
          'access-control-request-method': route.method,
          'access-control-request-headers': 'authorization',
        },
      });
      expect(preflight.status).toBe(204);
      expect(list(preflight.headers, 'access-control-allow-methods')).toContain(route.method);
    },
  );

  // The path in this test names no reading. deleted-readings.test.ts covers these routes.
  const guarded = named.filter(({ route }) => !route.path.startsWith('/readings/{id}'));
  it.each(guarded.filter(({ route }) => route.requestHeaders && 'if-match' in route.requestHeaders))(
    '$name answers 412 after a change, and changes nothing',
    async ({ route }) => {
      const path = concrete(route);
      const isReadable = routes.some((other) => other.method === 'GET' && other.path === route.path);
      const read = isReadable ? path : '/topology/export';
      const before = await ask('GET', read);
      const { status, text } = await ask(route.method, path, {
        ...bodyOf(route),
        headers: { 'if-match': '"another"' },
      });
      expect({ status, problem: JSON.parse(text) as unknown }).toMatchObject({
        status: 412,
        problem: { type: 'urn:density:problem:changed' },
      });
      expect((await ask('GET', read)).text).toBe(before.text);
    },
  );

  it('accepts if-match wherever it changes something that exists', () => {
    // What a device reported never changes.
    const writes = routes.filter(
      ({ method, path }) =>
        ['PUT', 'PATCH', 'DELETE'].includes(method) && path.endsWith('{id}') && path !== '/readings/{id}',
    );
    expect(
      writes.map(({ operationId, requestHeaders }) => [operationId, requestHeaders && 'if-match' in requestHeaders]),
    ).toEqual(writes.map(({ operationId }) => [operationId, true]));
  });

  it.each(named.filter(({ route }) => route.requestHeaders && 'if-none-match' in route.requestHeaders))(
    '$name answers 304 to a client that has the current version',
    async ({ route }) => {
      // Answers that are not final have no etag, and caches do not store them.
      const old = 'start=2018-01-01T00:00:00Z&end=2018-01-02T00:00:00Z';
      const path = route.path.includes('intervals')
        ? `${concrete(route)}${route.path.startsWith('/counts/intervals') ? '&' : '?'}${old}`
        : route.path.endsWith('/current')
          ? `${concrete(route)}?at=2018-01-01T00:00:00Z`
          : concrete(route);
      const { headers } = await ask('GET', path);
      const etag = headers.get('etag');
      if (etag === null) return void expect(headers.get('cache-control')).toBe('no-store');
      const again = await ask('GET', path, { headers: { 'if-none-match': etag } });
      expect({ status: again.status, text: again.text, etag: again.headers.get('etag') }).toEqual({
        status: 304,
        text: '',
        etag,
      });
    },
  );
});
