// Who changed what, over HTTP with tokens of several people, and on the command line.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { readConfig } from '../../src/config.ts';
import { addToken } from '../../src/http/auth/auth-tokens.ts';
import { AUDIENCE, startJwtIssuer, type JwtIssuer } from '../support/jwt-issuer.ts';
import { request, startLocalService, type Answer, type LocalService } from '../support/local-service.ts';

let folder: string;
let issuer: JwtIssuer;
let service: LocalService;
let [ann, bob, cleo, reader] = ['', '', '', ''];

interface Change {
  readonly sequence: number;
  readonly index: number;
  readonly kind: string;
  readonly space_id: number | null;
  readonly doorway_id: number | null;
  readonly dpu_id: string | null;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly at: string;
  readonly by: string | null;
}

const ask = async (method: string, path: string, token: string, body?: object): Promise<Answer> =>
  request(`${service.api}${path}`, method, body, token);
const audit = async (query = ''): Promise<Change[]> => {
  const { status, body } = await ask('GET', `/audit${query}`, reader);
  expect(status).toBe(200);
  return body as Change[];
};
const done = async (method: string, path: string, token: string, body?: object): Promise<unknown> => {
  const answer = await ask(method, path, token, body);
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.body;
};
const READING = '423~1519459200000~+';
let [created, resetSet]: unknown[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-audit-'));
  const file = join(folder, 'tokens.json');
  ann = await addToken(file, 'ann', ['topology:write', 'read'], undefined);
  bob = await addToken(file, 'bob', ['admin'], undefined);
  reader = await addToken(file, 'reader', ['read'], undefined);
  issuer = await startJwtIssuer();
  cleo = await issuer.sign({ sub: 'cleo', scope: 'topology:write' });
  service = await startLocalService({
    PARTITIONS: '1',
    AUTH_TOKENS_FILE: file,
    AUTH_JWKS_URL: issuer.jwksUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: AUDIENCE,
  });
  created = await done('POST', '/spaces', ann, { name: 'Hall', capacity: 40 });
  await done('PATCH', '/spaces/1', bob, { capacity: 60 });
  await done('POST', '/doorways', ann, { name: 'Front door', ingress_space_id: 1 });
  await done('POST', '/doorways', ann, { name: 'Back door', ingress_space_id: 1 });
  await done('POST', '/dpus', cleo, { id: '423', doorway_id: 1 });
  await done('PATCH', '/dpus/423', bob, { doorway_id: 2, effective_at: '2018-02-24T00:00:00Z' });
  const crew = { from: '2018-02-24T20:00:00Z', to: '2018-02-24T21:00:00Z', reason: 'the cleaning crew' };
  await done('POST', '/dpus/423/exclusions', ann, crew);
  await done('DELETE', '/dpus/423/exclusions/1', bob);
  await done('POST', '/spaces/1/resets', ann, { timestamp: '2018-02-24T05:00:00Z', count: 3 });
  resetSet = await done('PATCH', '/spaces/1/resets/1', bob, { count: 4 });
  await done('DELETE', `/readings/${READING}?reason=a%20test`, cleo);
  await done('POST', `/readings/${READING}/restore`, ann);
  await done('PUT', '/devices/cam', ann, { adapter: 'xovis', secret: 'a-secret-of-16-characters' });
  await done('POST', '/topology/import', bob, {
    spaces: [{ name: 'Attic', time_zone: 'UTC' }, { name: 'Cellar' }],
    dpus: [{ id: '424', placements: [{ doorway: 'Front door' }] }],
  });
});
afterAll(async () => {
  await service?.dispose();
  await issuer?.stop();
  if (folder) await rm(folder, { recursive: true });
});

describe('GET /audit', () => {
  it('E4 E5 says who made each change, the newest first', async () => {
    const found = await audit();
    expect(found.map(({ kind, by }) => `${kind} ${by}`)).toEqual([
      ...['dpu token:bob', 'space token:bob', 'space token:bob', 'device token:ann', 'deletion token:ann'],
      ...['deletion jwt:cleo', 'reset token:bob', 'reset token:ann', 'exclusion token:bob', 'exclusion token:ann'],
      ...['dpu token:bob', 'dpu jwt:cleo', 'doorway token:ann', 'doorway token:ann', 'space token:bob'],
      ...['space token:ann', 'settings service'],
    ]);
    const places = found.map(({ sequence, index }) => sequence * 10 + index);
    expect(places).toEqual([...places].sort((a, b) => b - a));
    expect(JSON.stringify(found)).not.toMatch(/a-secret|"salt"|"hash"|dty_/);
  });

  it('shows things as their own routes do, before and after', async () => {
    const [changed, first] = await audit('?kind=space&space_id=1');
    expect(first).toMatchObject({ space_id: 1, before: null, after: created, by: 'token:ann' });
    expect(changed).toMatchObject({ before: created, by: 'token:bob' });
    expect(changed?.after).toEqual((await ask('GET', '/spaces/1', reader)).body);
    const [reset, recorded] = await audit('?kind=reset');
    expect(recorded).toMatchObject({ space_id: 1, before: null, after: { id: 1, count: 3 } });
    expect(reset).toMatchObject({ before: recorded?.after, after: resetSet });
    const [move, placed] = await audit('?kind=dpu&dpu_id=423');
    expect(placed).toMatchObject({ before: null, after: { doorway_id: 1, placements: [{ doorway_id: 1 }] } });
    expect(move?.after).toEqual({
      ...((await ask('GET', '/dpus/423', reader)).body as object),
      placements: (await ask('GET', '/dpus/423/placements', reader)).body,
    });
    const [included, excluded] = await audit('?kind=exclusion');
    expect(excluded).toMatchObject({ dpu_id: '423', before: null, after: { id: 1, reason: 'the cleaning crew' } });
    expect(included).toMatchObject({ before: excluded?.after, after: null });
    const [restored, deleted] = await audit('?kind=deletion');
    expect(deleted).toMatchObject({ dpu_id: '423', before: null, after: { id: READING, reason: 'a test' } });
    expect(restored).toMatchObject({ before: deleted?.after, after: null });
    expect((await audit('?kind=device'))[0]).toMatchObject({ dpu_id: 'cam', after: { has_secret: true } });
  });

  it('is filtered, and read by pages while changes go on', async () => {
    const all = await audit();
    expect(await audit('?by=jwt:cleo')).toEqual(all.filter(({ by }) => by === 'jwt:cleo'));
    expect(await audit('?desc=false')).toEqual([...all].reverse());
    const [{ sequence = 0, at = '' } = {}] = all.slice(6);
    expect(await audit(`?from=${at}`)).toEqual(all.filter((each) => each.at >= at));
    expect(await audit(`?to=${at}`)).toEqual(all.filter((each) => each.at < at));
    expect(await audit(`?sequence=${sequence}`)).toEqual(all.filter((each) => each.sequence === sequence));
    expect((await audit('?doorway_id=2')).map(({ kind }) => kind)).toEqual(['dpu', 'doorway']);

    const pages: Change[] = [];
    for (let path: string | undefined = `${service.api}/audit?limit=4`; path;) {
      const { headers, body } = await request(path, 'GET', undefined, reader);
      pages.push(...(body as Change[]));
      expect(headers.get('x-total-count')).toBe(String(all.length));
      const next = /<([^>]*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
      path = next && `${service.url}${next}`;
      await done('PATCH', '/spaces/1', bob, { capacity: pages.length });
    }
    expect(pages).toEqual(all);
  });

  it('names the parameter that is invalid', async () => {
    for (const [query, path] of [
      ['kind=reading', 'kind'],
      ['from=yesterday', 'from'],
      ['cursor=x', 'cursor'],
      ['sequence=0', 'sequence'],
      ['limit=0', 'limit'],
    ])
      expect(await ask('GET', `/audit?${query}`, reader)).toMatchObject({ status: 422, body: { errors: [{ path }] } });
    expect((await ask('GET', '/audit', cleo)).status).toBe(403);
  });

  it('answers 304 while nothing has changed', async () => {
    const { headers } = await ask('GET', '/audit?kind=device', reader);
    const again = await fetch(`${service.api}/audit?kind=device`, {
      headers: { authorization: `Bearer ${reader}`, 'if-none-match': headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
  });

  it('names who set the reset in an explanation', async () => {
    const { body } = await ask('GET', '/counts/1/explain?at=2018-02-24T06:00:00Z', reader);
    const [reset] = await audit('?kind=reset');
    expect(body).toMatchObject({ reset: { id: 1, count: 4, set_by: 'token:bob', set_at: reset?.at } });
    await done('PATCH', '/spaces/1', bob, { daily_reset: '05:30' });
    const daily = await ask('GET', '/counts/1/explain?at=2018-02-24T06:00:00Z', reader);
    expect(daily.body).toMatchObject({ reset: { kind: 'daily', set_by: null, set_at: null } });
  });

  it('is printed by density audit', async () => {
    const lines: string[] = [];
    const program = createProgram({
      readConfig: () => readConfig({ DENSITY_TOKEN: reader }),
      printLine: (line) => lines.push(line),
      warn: (line) => expect.fail(line),
      finish: (code) => expect(code).toBe(0),
    });
    await program.parseAsync(['node', 'density', 'audit', '--dpu', '423', '--limit', '2', '--url', service.url]);
    const [heading, restored, deleted, ...rest] = lines;
    expect(heading).toMatch(/^at +by +what +change$/);
    expect(restored).toMatch(/ token:ann +reading 423~1519459200000~\+ +removed .*reason="a test"/);
    expect(deleted).toMatch(/ jwt:cleo +reading 423~1519459200000~\+ +added .*reason="a test"/);
    expect(rest).toEqual([]);
  });
});
