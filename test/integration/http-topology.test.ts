// Lists, writes, caching and errors of the API on the real service, with requests that a generated client would not
// send.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalService, type LocalService } from '../support/local-service.ts';

describe('the API', () => {
  let service: LocalService;
  const ask = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${service.api}${path}`, init);
  const json = async (response: Response): Promise<unknown> => response.json();

  beforeAll(async () => {
    service = await startLocalService({ PARTITIONS: '2' });
    for (const [name, capacity] of [
      ['Hall', 10],
      ['Attic', null],
      ['Cellar', 3],
      ['Café', 10],
    ] as const)
      await service.send('POST', '/spaces', { name, capacity });
    await service.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
    await service.send('POST', '/dpus', { id: 'a-1', doorway_id: 1 });
  });
  afterAll(async () => service?.dispose());

  it('accepts a path with and without a trailing slash', async () => {
    for (const path of ['/spaces', '/spaces/', '/spaces/1', '/spaces/1/', '/health/', '/dpus/a-1/placements/'])
      expect((await ask(path)).status, path).toBe(200);
  });

  it('answers HEAD like GET without a body, and OPTIONS with the methods', async () => {
    const head = await ask('/spaces', { method: 'HEAD' });
    expect({ status: head.status, total: head.headers.get('x-total-count'), text: await head.text() }).toEqual({
      status: 200,
      total: '4',
      text: '',
    });
    const options = await ask('/spaces/1', { method: 'OPTIONS' });
    expect(options.status).toBe(200);
    expect(options.headers.get('allow')?.split(', ').sort()).toEqual(['DELETE', 'GET', 'HEAD', 'PATCH', 'PUT']);
  });

  it('answers 405 with the methods, and 404 to unknown paths', async () => {
    const response = await ask('/spaces', { method: 'DELETE' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')?.split(', ').sort()).toEqual(['GET', 'HEAD', 'POST']);
    expect(await json(response)).toMatchObject({
      type: 'urn:density:problem:method-not-allowed',
      status: 405,
      instance: '/api/v1/spaces',
    });
    expect(await json(await ask('/nothing'))).toMatchObject({ status: 404, title: 'Not found' });
    expect(await json(await ask('/spaces/99'))).toMatchObject({ status: 404, detail: 'there is no space 99' });
  });

  it('pages, sorts and filters lists', async () => {
    const names = async (query: string): Promise<unknown> =>
      ((await json(await ask(`/spaces?${query}`))) as { name: string }[]).map(({ name }) => name);
    expect(await names('sort=name&desc=true')).toEqual(['Hall', 'Cellar', 'Café', 'Attic']);
    expect(await names('sort=name&desc')).toEqual(['Hall', 'Cellar', 'Café', 'Attic']);
    expect(await names(`filter=${encodeURIComponent('capacity >= 3 and not (name in (\'Hall\', "Café"))')}`)).toEqual([
      'Cellar',
    ]);
    expect(await names('filter=capacity is null')).toEqual(['Attic']);
    expect(await names('filter=')).toEqual(await names('limit=25'));
    const page = await ask('/spaces?limit=1&offset=1&filter=capacity%3D10');
    expect(page.headers.get('x-total-count')).toBe('2');
    expect(page.headers.get('link')).toBe('</api/v1/spaces?limit=1&offset=0&filter=capacity%3D10>; rel="prev"');
    const first = await ask('/spaces?limit=3');
    expect(first.headers.get('link')).toBe('</api/v1/spaces?limit=3&offset=3>; rel="next"');
  });

  it('names the invalid parameter of a query', async () => {
    expect(await json(await ask(`/spaces?filter=${encodeURIComponent("name = 'Ha")}`))).toMatchObject({
      status: 422,
      errors: [{ path: 'filter', detail: 'at position 7: the quote is not closed', position: 7 }],
    });
    expect(await json(await ask('/spaces?limit=0&sort=size&page=2'))).toMatchObject({
      status: 422,
      errors: [
        { path: 'limit', detail: 'must be a whole number from 1 to 1000' },
        { path: 'sort' },
        { path: 'page', detail: 'is not a known field' },
      ],
    });
  });

  it('names every invalid field of a body, and distinguishes malformed, too large and unsupported', async () => {
    const post = (body: string, type = 'application/json'): Promise<Response> =>
      ask('/spaces', { method: 'POST', body, headers: { 'content-type': type } });
    expect(await json(await post('{"name": "", "capacity": -1, "time_zone": "Mars/Olympus"}'))).toMatchObject({
      status: 422,
      type: 'urn:density:problem:invalid',
      errors: [{ path: 'name' }, { path: 'time_zone' }, { path: 'capacity' }],
    });
    expect(await json(await post('{"name": '))).toMatchObject({ status: 400 });
    expect(await json(await post('name=x', 'application/x-www-form-urlencoded'))).toMatchObject({ status: 415 });
    expect(await json(await ask('/spaces', { method: 'POST' }))).toMatchObject({
      status: 400,
      detail: 'the body is missing: send JSON',
    });
    expect(await json(await post(JSON.stringify({ name: 'x'.repeat(11_000_000) })))).toMatchObject({ status: 413 });
    expect(await json(await post('{"name": "Hall"}'))).toMatchObject({ status: 409, errors: [{ path: 'name' }] });
  });

  it('accepts a reset to the largest count, and refuses a larger one', async () => {
    const { id } = (await service.send('POST', '/spaces', { name: 'Crowd' })).body as { id: number };
    const reset = async (count: number): Promise<unknown> =>
      service.send('POST', `/spaces/${id}/resets`, { timestamp: new Date(Date.now() - 1_000).toISOString(), count });
    expect(await reset(1_000_000_001)).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'count', detail: 'must be at most 1000000000' }] },
    });
    expect(await reset(1_000_000_000)).toMatchObject({ status: 201 });
    expect(await service.get(`/counts/${id}/current`)).toMatchObject({ status: 200, body: { count: 1_000_000_000 } });
  });

  it('answers 304 to a client that has the current version, and 412 after a change', async () => {
    const first = await ask('/spaces/3');
    const etag = first.headers.get('etag') ?? '';
    expect(first.headers.get('cache-control')).toBe('private, no-cache');
    expect((await ask('/spaces/3', { headers: { 'if-none-match': etag } })).status).toBe(304);
    const patch = (ifMatch: string, capacity: number): Promise<Response> =>
      ask('/spaces/3', {
        method: 'PATCH',
        body: JSON.stringify({ capacity }),
        headers: { 'content-type': 'application/json', 'if-match': ifMatch },
      });
    const changed = await patch(etag, 4);
    expect(changed.status).toBe(200);
    expect(await json(await patch(etag, 5))).toMatchObject({ status: 412, type: 'urn:density:problem:changed' });
    expect((await ask('/spaces/3', { headers: { 'if-none-match': etag } })).status).toBe(200);
    expect((await patch(changed.headers.get('etag') ?? '', 3)).status).toBe(200);
    expect((await ask('/spaces/99', { method: 'DELETE', headers: { 'if-match': '*' } })).status).toBe(404);
  });

  it('gives every request an id', async () => {
    const response = await ask('/spaces/99', { headers: { 'x-request-id': 'trace-7' } });
    expect(response.headers.get('x-request-id')).toBe('trace-7');
    expect(await json(response)).toMatchObject({ request_id: 'trace-7' });
    expect((await ask('/spaces')).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('has a page for trying it out that uses no other host', async () => {
    for (const url of [`${service.url}/docs`, `${service.api}/docs/`]) {
      const html = await (await fetch(url)).text();
      const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? '');
      expect(files).toHaveLength(4);
      for (const file of files) {
        expect(file).toMatch(/^\/api\/v1\/docs\//);
        const response = await fetch(`${service.url}${file}`);
        // Otherwise the service waits for the client to read the rest when it stops.
        await response.body?.cancel();
        expect(response.status, file).toBe(200);
      }
    }
    expect(await (await ask('/docs/start.js')).text()).toContain('validatorUrl: null');
    expect((await ask('/docs/package.json')).status).toBe(404);
  });
});
