// Floor plans over HTTP: what is stored, what is refused, and how images are served.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalService, type LocalService } from '../support/local-service.ts';
import { pngOf } from '../support/images.ts';

const SQUARE = [
  { x: 0, y: 0 },
  { x: 1, y: 0 },
  { x: 1, y: 1 },
];
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';

let service: LocalService;
beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '1' });
  await service.create('/spaces', { name: 'Hall' });
  await service.create('/doorways', { name: 'Front door', ingress_space_id: 1 });
});
afterAll(async () => service?.dispose());

const put = async (path: string, body: object) => service.send('PUT', path, body);
const upload = async (
  body: Uint8Array<ArrayBuffer> | string,
  headers: Record<string, string> = {},
): Promise<Response> => fetch(`${service.api}/floor-plans/ground/image`, { method: 'PUT', body, headers });

describe('floor plans', () => {
  it('are created, read, changed and deleted', async () => {
    const drawing = {
      name: 'Ground floor',
      spaces: [{ space_id: 1, points: SQUARE }],
      doorways: [{ doorway_id: 1, x: 0.5, y: 0.25 }],
    };
    const created = await put('/floor-plans/ground', drawing);
    expect([created.status, created.body]).toMatchObject([200, { id: 'ground', image: null, ...drawing }]);
    expect((await service.get('/floor-plans/ground')).body).toEqual(created.body);
    expect((await service.get('/floor-plans')).body).toEqual([created.body]);
    await put('/floor-plans/attic', { name: 'Attic' });
    expect((await service.send('DELETE', '/floor-plans/attic')).status).toBe(204);
    expect((await service.get('/floor-plans/attic')).status).toBe(404);
  });

  it.each([
    ['spaces.0.space_id', { name: 'x', spaces: [{ space_id: 9, points: SQUARE }] }],
    ['spaces.1.space_id', { name: 'x', spaces: [1, 1].map((id) => ({ space_id: id, points: SQUARE })) }],
    ['doorways.0.doorway_id', { name: 'x', doorways: [{ doorway_id: 7, x: 0, y: 0 }] }],
    ['doorways.0.x', { name: 'x', doorways: [{ doorway_id: 1, x: 1.1, y: 0 }] }],
    ['spaces.0.points', { name: 'x', spaces: [{ space_id: 1, points: SQUARE.slice(1) }] }],
    ['name', { name: ' ' }],
  ])('are refused with the field that is wrong: %s', async (path, body) => {
    const { status, body: problem } = await put('/floor-plans/wrong', body);
    expect([status, problem]).toMatchObject([422, { errors: [{ path }] }]);
    expect((await service.get('/floor-plans/wrong')).status).toBe(404);
  });

  it('have an image that browsers show and do not run, and may keep while it is the same', async () => {
    const image = pngOf(40, 30);
    // The type is that of the content, whatever the request says.
    const uploaded = await upload(image, { 'content-type': 'text/html' });
    expect([uploaded.status, await uploaded.json()]).toMatchObject([
      200,
      { image: { type: 'image/png', width: 40, height: 30, bytes: image.length }, doorways: [{ doorway_id: 1 }] },
    ]);
    const answer = await fetch(`${service.api}/floor-plans/ground/image`);
    expect(Buffer.from(await answer.arrayBuffer()).equals(image)).toBe(true);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'private, no-cache',
    });
    const etag = answer.headers.get('etag') ?? '';
    const again = await fetch(`${service.api}/floor-plans/ground/image`, { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
    await upload(pngOf(41, 30));
    const replaced = await fetch(`${service.api}/floor-plans/ground/image`, { headers: { 'if-none-match': etag } });
    expect(replaced.status).toBe(200);
  });

  it('refuse what is no image, or too long, and keep the one that is there', async () => {
    for (const body of [SVG, 'GIF89a', '', '<html>']) {
      const refused = await upload(body, { 'content-type': 'image/png' });
      expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([
        415,
        expect.stringContaining('PNG, JPEG or WebP'),
      ]);
    }
    const long = new Uint8Array(2_000_001);
    long.set(pngOf(4, 3));
    expect((await upload(long)).status).toBe(413);
    expect((await service.get('/floor-plans/ground')).body).toMatchObject({ image: { width: 41 } });
    expect((await fetch(`${service.api}/floor-plans/nothing/image`)).status).toBe(404);
  });

  it('are not changed if the client has seen another version', async () => {
    const seen = (await fetch(`${service.api}/floor-plans/ground`)).headers.get('etag') ?? '';
    const rename = async (name: string): Promise<number> =>
      (
        await fetch(`${service.api}/floor-plans/ground`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json', 'if-match': seen },
          body: JSON.stringify({ name }),
        })
      ).status;
    expect([await rename('First'), await rename('Second')]).toEqual([200, 412]);
    expect((await service.get('/floor-plans/ground')).body).toMatchObject({ name: 'First' });
  });
});
