// A device with a secret of its own: what it lets the device do, and that nobody gets to see it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from 'nats';
import { addToken } from '../../src/http/auth/auth-tokens.ts';
import { TOPOLOGY } from '../../src/nats/streams.ts';
import { eventually } from '../support/eventually.ts';
import { request, startLocalService, type Answer, type LocalService } from '../support/local-service.ts';

const LIMIT = 60;
const [CAMERA, OTHER] = ['00:6E:02:AA:10:01', 'gate'];
const [SECRET, OTHERS] = ['a secret'.replace(' ', '_').padEnd(16, '!'), 'another-secret-of-a-gate'];

let folder: string;
let service: LocalService;
/** Trusts the same tokens, and owns no shard. */
let other: LocalService;
let admin: string;

const crossing = (device: string, second: number): object => ({
  doorway_id: device,
  direction: 1,
  timestamp: new Date(Date.UTC(2026, 10, 3, 10, 0, second)).toISOString(),
});
const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const ask = async (method: string, path: string, body?: unknown): Promise<Answer> =>
  request(`${service.api}${path}`, method, body, admin);

async function send(authorization: string, body: unknown, query = '', at = service): Promise<Answer> {
  const response = await fetch(`${at.api}/ingest/density${query}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-tokens-'));
  const file = join(folder, 'tokens.json');
  admin = await addToken(file, 'admin', ['admin'], undefined);
  const settings = { PARTITIONS: '1', AUTH_TOKENS_FILE: file, RATE_LIMIT_PER_MINUTE: String(LIMIT) };
  service = await startLocalService(settings);
  other = await startLocalService({
    ...{ ...settings, ROLE: 'api', NATS_URL: service.natsUrl, CLICKHOUSE_URL: service.clickhouseUrl },
  });
  const set = await ask('PUT', `/devices/${CAMERA}`, { adapter: 'density', secret: SECRET });
  expect([set.status, set.body]).toEqual([200, expect.objectContaining({ id: CAMERA, has_secret: true })]);
  await ask('PUT', `/devices/${OTHER}`, { adapter: 'density', secret: OTHERS });
});
afterAll(async () => {
  await other?.dispose();
  await service?.dispose();
  if (folder) await rm(folder, { recursive: true });
});

describe('the secret of a device', () => {
  it('is the password of basic authentication, whose user name or URL is the device, or a bearer token', async () => {
    const query = `?device=${encodeURIComponent(CAMERA)}`;
    for (const [authorization, given, at] of [
      [basic(CAMERA, SECRET), '', service],
      [basic('camera', SECRET), query, service],
      [basic('', SECRET), query, service],
      [basic(CAMERA, SECRET), query, service],
      [`Bearer ${OTHERS}`, `?device=${OTHER}`, service],
      [`Bearer ${SECRET}`, query, service],
      [basic(CAMERA, SECRET), '', other],
    ] as const) {
      const device = given.includes(OTHER) ? OTHER : CAMERA;
      // The other process may not have the device yet.
      await eventually(async () =>
        expect(await send(authorization, crossing(device, 1), given, at), authorization).toMatchObject({
          status: 202,
          body: { device, readings: 1 },
        }),
      );
    }
  });

  it('may have any printable ASCII character, however it is sent', async () => {
    const secret = `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`;
    await ask('PUT', '/devices/odd', { adapter: 'density', secret });
    for (const authorization of [`Bearer ${secret}`, basic('odd', secret), basic('someone', secret)])
      expect(await send(authorization, crossing('odd', 1), '?device=odd'), authorization).toMatchObject({
        status: 202,
      });
    expect((await ask('DELETE', '/devices/odd')).status).toBe(204);
  });

  it('names the device of a payload that names none', async () => {
    const options = { kind: 'event', time: '$.at', direction: { path: '$.way', entrance: ['in'], exit: ['out'] } };
    await ask('PUT', '/devices/plain', { adapter: 'mapping', options, secret: SECRET });
    const response = await fetch(`${service.api}/ingest/mapping`, {
      method: 'POST',
      headers: { authorization: basic('plain', SECRET) },
      body: JSON.stringify({ at: '2026-11-03T10:00:00Z', way: 'in' }),
    });
    expect(await response.json()).toEqual({ device: 'plain', readings: 1, rejected: [], skipped: [] });
  });

  it('is refused for another device, and where it is wrong', async () => {
    const forbidden = { status: 403, body: { status: 403, detail: expect.stringContaining(CAMERA) as string } };
    expect(await send(basic(CAMERA, SECRET), crossing(OTHER, 2))).toMatchObject(forbidden);
    expect(await send(basic(CAMERA, SECRET), crossing(CAMERA, 2), `?device=${OTHER}`)).toMatchObject(forbidden);
    for (const [authorization, query] of [
      [basic(CAMERA, `${SECRET}x`), ''],
      [basic(CAMERA, SECRET.slice(0, -1)), ''],
      [basic(CAMERA, OTHERS), ''],
      [basic(OTHER, SECRET), ''],
      [basic('nobody', SECRET), ''],
      [basic('x', SECRET), `?device=${OTHER}`],
      [`Bearer ${OTHERS}`, ''],
      [`Bearer ${OTHERS}`, '?device=nobody'],
    ] as const) {
      const refused = await send(authorization, crossing(CAMERA, 3), query);
      expect([refused.status, refused.body]).toMatchObject([401, { status: 401, detail: 'the token is not valid' }]);
      expect(refused.headers.get('www-authenticate')).toBe(
        'Bearer realm="density-api", error="invalid_token", Basic realm="density-api"',
      );
    }
    const filter = encodeURIComponent("timestamp > '2026-11-03T10:00:01Z'");
    await eventually(async () => expect((await ask('GET', '/readings')).headers.get('x-total-count')).toBe('4'));
    expect((await ask('GET', `/readings?filter=${filter}`)).body).toEqual([]);
  });

  it('opens no other route', async () => {
    const reading = { dpu_id: CAMERA, timestamp: '2026-11-03T10:00:00Z', direction: 1 };
    for (const [method, path, body] of [
      ['GET', `/devices/${CAMERA}`],
      ['GET', `/readings?device=${encodeURIComponent(CAMERA)}`],
      ['POST', '/readings', reading],
      ['DELETE', `/devices/${CAMERA}`],
    ] as const) {
      const { status, headers } = await fetch(`${service.api}${path}`, {
        method,
        headers: { authorization: basic(CAMERA, SECRET), 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      expect([status, headers.get('www-authenticate')]).toEqual([
        401,
        'Bearer realm="density-api", error="invalid_token"',
      ]);
    }
  });

  it('stays as it is unless it is set, and ends with null and with the device', async () => {
    const works = async (secret: string): Promise<number> =>
      (await send(basic('door', secret), crossing('door', 1))).status;
    await ask('PUT', '/devices/door', { adapter: 'density', secret: SECRET });
    expect(await works(SECRET)).toBe(202);
    await ask('PUT', '/devices/door', { adapter: 'density', options: { reversed: true } });
    expect(await works(SECRET)).toBe(202);
    expect((await ask('PUT', '/devices/door', { adapter: 'density', secret: OTHERS })).body).toMatchObject({
      options: { reversed: true },
      has_secret: true,
    });
    expect([await works(SECRET), await works(OTHERS)]).toEqual([401, 202]);
    await ask('PUT', '/devices/door', { adapter: 'density', secret: null });
    expect([await works(OTHERS), (await ask('GET', '/devices/door')).body]).toMatchObject([401, { has_secret: false }]);
    await ask('PUT', '/devices/door', { adapter: 'density', secret: SECRET });
    await ask('DELETE', '/devices/door');
    expect(await works(SECRET)).toBe(401);
    await ask('PUT', '/devices/door', { adapter: 'density' });
    expect([await works(SECRET), (await ask('GET', '/devices/door')).body]).toMatchObject([401, { has_secret: false }]);
    for (const secret of ['short', 'with white space in it', 'das-Geheimnis-der-Tür', 'x'.repeat(129), 17, '']) {
      const { status, body } = await ask('PUT', '/devices/door', { adapter: 'density', secret });
      expect([status, body], String(secret)).toMatchObject([422, { errors: [{ path: 'secret' }] }]);
      if (typeof secret === 'string') expect(JSON.stringify(body)).toContain('16 to 128 printable ASCII characters');
    }
  });

  it('is stored as a salted hash, and no answer has it', async () => {
    const nc = await connect({ servers: service.natsUrl });
    const jsm = await jetstreamManager(nc);
    const { state } = await jsm.streams.info(TOPOLOGY);
    const facts: string[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++)
      facts.push((await jsm.streams.getMessage(TOPOLOGY, { seq }))?.string() ?? '');
    await nc.close();
    const hashes = facts.flatMap((fact) => /"hash":"([^"]+)"/.exec(fact)?.slice(1) ?? []);
    // Several devices have the same secret, and one had it twice.
    expect(hashes.length).toBeGreaterThan(3);
    expect(new Set(hashes).size).toBeGreaterThanOrEqual(5);
    const answers = await Promise.all(
      ['/devices', `/devices/${CAMERA}`, '/topology/export'].map((path) => ask('GET', path)),
    );
    const texts = [...facts, ...answers.map(({ body }) => JSON.stringify(body))];
    for (const secret of [SECRET, OTHERS]) expect(texts.filter((text) => text.includes(secret))).toEqual([]);
    for (const text of texts.slice(facts.length)) expect(hashes.filter((hash) => text.includes(hash))).toEqual([]);
  });

  it('has a rate limit of its own', async () => {
    await ask('PUT', '/devices/busy', { adapter: 'density', secret: SECRET });
    const first = await send(basic('busy', SECRET), crossing('busy', 1));
    expect(first.headers.get('ratelimit-policy')).toBe(`"default";q=${LIMIT};w=60`);
    const statuses = [];
    for (let n = 1; n <= LIMIT; n++) statuses.push((await send(basic('busy', SECRET), crossing('busy', 1))).status);
    expect([...new Set(statuses)]).toEqual([202, 429]);
    expect((await send(basic(OTHER, OTHERS), crossing(OTHER, 1))).status).toBe(202);
  });

  it('cannot be guessed without end, while other devices send with theirs', async () => {
    await ask('PUT', '/devices/new', { adapter: 'density', secret: SECRET });
    const guess = async (device: string, n: number): Promise<Answer> => send(basic(device, `guess-${n}-of-many`), {});
    const answers = [];
    for (let n = 0; n < 15; n++) answers.push(await guess('victim', n));
    expect(answers.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 10 }, () => 401),
      ...Array.from({ length: 5 }, () => 429),
    ]);
    const { headers, body } = answers.at(-1) as Answer;
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(body).toMatchObject({ type: 'urn:density:problem:too-many-requests', status: 429 });
    await Promise.all(Array.from({ length: 100 }, async (_, n) => guess(`invented-${n}`, n)));
    expect((await guess('invented', 0)).status).toBe(429);
    for (const device of [OTHER, 'new'])
      expect((await send(basic(device, device === OTHER ? OTHERS : SECRET), crossing(device, 1))).status).toBe(202);
  });
});
