// The dashboard as it is served: by this service alone, small, and with the right caching.
import { readdir, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { securityHeaders } from '../../src/http/middleware/security-headers.ts';
import { pageFolder } from '../../src/http/page.ts';
import { Metrics } from '../../src/metrics.ts';
import type { Service } from '../../src/service.ts';
import { fakeOf } from '../support/fake-of.ts';

const SIZE_MAX = 100_000;

let folder: string;
let server: Server;
let url: string;

beforeAll(async () => {
  folder = await pageFolder();
  const service = fakeOf<Service>('Service', { metrics: new Metrics(), options: { heartbeatMs: 1_000 } });
  const app = createApp(service, pino({ level: 'silent' }), { page: folder, before: [securityHeaders()] });
  const handle = app.callback();
  server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
});

const ask = async (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${url}${path}`, init);

async function assetPaths(): Promise<string[]> {
  const html = await (await ask('/')).text();
  return [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map((match) => match[1] ?? '');
}

describe('the page', () => {
  it('has less than 100 kB in all, compressed', async () => {
    const names = await readdir(folder, { recursive: true });
    const compressed = names.filter((name) => name.endsWith('.gz'));
    expect(compressed).toHaveLength(3);
    const sizes = await Promise.all(compressed.map(async (name) => (await stat(join(folder, name))).size));
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(SIZE_MAX);
  });

  it('names only files that are there, of this server, and no inline script', async () => {
    const html = await (await ask('/')).text();
    const paths = await assetPaths();
    expect(paths.map((path) => path.split('.').at(-1)).sort()).toEqual(['css', 'js']);
    for (const path of paths) expect((await ask(path)).status, path).toBe(200);
    expect(html).not.toMatch(/(?:src|href)="https?:/);
    expect(html).not.toMatch(/<script(?![^>]*src=)/);
  });

  it.each(['gzip', 'br', 'identity'])('is served whole with its type and security headers, %s', async (encoding) => {
    for (const [path, type] of [
      ['/', 'text/html;charset=utf-8'],
      ...(await assetPaths()).map((asset) => [asset, asset.endsWith('.js') ? 'text/javascript' : 'text/css'] as const),
    ] as const) {
      const answer = await ask(path, { headers: { 'accept-encoding': encoding } });
      expect(answer.headers.get('content-type'), path).toBe(type);
      expect(answer.headers.get('content-encoding') ?? 'identity', path).toBe(encoding);
      expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'self';script-src 'self';/);
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect((await answer.text()).length, path).toBeGreaterThan(500);
    }
  });

  it('revalidates the page, and lets browsers keep what is named after its content', async () => {
    const page = await ask('/');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const etag = page.headers.get('etag') ?? '';
    expect((await ask('/', { headers: { 'if-none-match': etag } })).status).toBe(304);
    for (const path of await assetPaths())
      expect((await ask(path)).headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  });

  it('is the same at the address of a display', async () => {
    const [page, display] = [await ask('/'), await ask('/display/17')];
    expect([display.status, await display.text()]).toEqual([200, await page.text()]);
    expect(display.headers.get('content-security-policy')).toBe(page.headers.get('content-security-policy'));
  });

  it('answers HEAD, and no other method', async () => {
    const head = await ask('/', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const post = await ask('/', { method: 'POST' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'HEAD, GET']);
  });

  it.each([
    '/nothing',
    '/display',
    '/display/x',
    '/display/1/x',
    '/assets/nothing.js',
    '/assets/..%2findex.html',
    '/assets/',
    '/index.html',
    '/api/v1/nothing',
  ])('leaves %s a problem document', async (path) => {
    const answer = await ask(path);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    expect(await answer.json()).toMatchObject({ type: 'urn:density:problem:not-found' });
  });
});
