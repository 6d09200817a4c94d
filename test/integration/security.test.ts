import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../../src/cli/serve.ts';
import { readConfig } from '../../src/config.ts';
import { addToken } from '../../src/http/auth/auth-tokens.ts';
import { SCOPES, type Scope } from '../../src/http/auth/scope.ts';
import { API_PREFIX, type Route } from '../../src/http/routes/route.ts';
import { apiRoutes } from '../../src/http/routes/routes.ts';
import { eventually } from '../support/eventually.ts';
import { AUDIENCE, startJwtIssuer, type JwtIssuer } from '../support/jwt-issuer.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

/** Per address and minute. */
const REFUSED_MAX = 100;
const LIMIT = 150;
const ORIGIN = 'https://dashboard.example';

let folder: string;
let tokensFile: string;
let issuer: JwtIssuer;
let service: LocalService;
let expired: string;
const tokens = new Map<Scope, string>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-tokens-'));
  tokensFile = join(folder, 'tokens.json');
  for (const scope of SCOPES) tokens.set(scope, await addToken(tokensFile, scope, [scope], undefined));
  expired = await addToken(tokensFile, 'old', ['read'], '2020-01-01T00:00:00Z');
  issuer = await startJwtIssuer();
  service = await startLocalService({
    PARTITIONS: '1',
    AUTH_TOKENS_FILE: tokensFile,
    AUTH_JWKS_URL: issuer.jwksUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: AUDIENCE,
    RATE_LIMIT_PER_MINUTE: String(LIMIT),
    CORS_ORIGINS: ORIGIN,
    STREAM_HEARTBEAT_MS: '100',
  });
});
afterAll(async () => {
  await service?.dispose();
  await issuer?.stop();
  if (folder) await rm(folder, { recursive: true });
});

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly detail?: string } | undefined;
}

/** Only the head of an endless answer. */
async function ask(method: string, path: string, token?: string, headers: Record<string, string> = {}): Promise<Asked> {
  const abort = new AbortController();
  const response = await fetch(`${service.url}${path}`, {
    method,
    signal: abort.signal,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
      ...(method === 'POST' || method === 'PUT' || method === 'PATCH' ? { 'content-type': 'application/json' } : {}),
    },
    ...(method === 'POST' || method === 'PUT' || method === 'PATCH' ? { body: '{}' } : {}),
  });
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  const body = isProblem ? ((await response.json()) as { detail?: string }) : undefined;
  abort.abort();
  return { status: response.status, headers: response.headers, body };
}

const concrete = ({ path }: Route): string =>
  `${API_PREFIX}${path.replace('{file}', 'start.js').replaceAll(/\{\w+\}/g, '999999')}`;
const me = async (token?: string): Promise<Asked> => ask('GET', `${API_PREFIX}/account`, token);

describe('every route', () => {
  const holders: readonly (Scope | undefined)[] = [undefined, ...SCOPES];

  it('accepts exactly the scopes it names', async () => {
    const routes = apiRoutes(service.service, Date.now);
    expect(routes.length).toBeGreaterThan(25);
    const [found, expected]: [Record<string, string>, Record<string, string>] = [{}, {}];
    for (const route of routes) {
      for (const holder of holders) {
        const key = `${route.method} ${route.path} as ${holder ?? 'nobody'}`;
        const { status, headers } = await ask(route.method, concrete(route), holder && tokens.get(holder));
        const isOpen = route.scope === null || holder === route.scope || holder === 'admin';
        expected[key] = isOpen
          ? 'let in'
          : holder === undefined
            ? `401 Bearer realm="density-api"${route.takesDeviceSecret ? ', Basic realm="density-api"' : ''}`
            : `403 Bearer realm="density-api", error="insufficient_scope", scope="${route.scope}"`;
        found[key] = status === 401 || status === 403 ? `${status} ${headers.get('www-authenticate')}` : 'let in';
      }
    }
    expect(found).toEqual(expected);
  });

  it('requires the scope that its method suggests', () => {
    for (const { method, path, scope } of apiRoutes(service.service, Date.now)) {
      // Deleting a reading is a correction by a person, like a move.
      const isSending = /^\/(readings|ingest|dead-letters)/.test(path) && !path.startsWith('/readings/{id}');
      const writes = isSending ? 'readings:write' : 'topology:write';
      const suggested: (Scope | null)[] =
        // Anybody may ask for a code, which opens nothing until a person confirms it.
        method === 'GET' ? ['read', null] : [path === '/display/pairings' ? null : writes];
      expect({ method, path, isSuggested: suggested.includes(scope) }).toEqual({ method, path, isSuggested: true });
    }
  });
});

describe('a token', () => {
  it('is refused with the reason unless it is complete', async () => {
    const good = tokens.get('read') ?? '';
    expect((await me(good)).status).toBe(200);
    for (const bad of [`${good}x`, good.slice(1), 'x']) {
      const { status, headers, body } = await me(bad);
      expect({ status, says: headers.get('www-authenticate'), detail: body?.detail }).toEqual({
        status: 401,
        says: 'Bearer realm="density-api", error="invalid_token"',
        detail: 'the token is not valid',
      });
    }
    expect(
      (await ask('GET', `${API_PREFIX}/account`, undefined, { authorization: 'Digest eDp5' })).headers.get(
        'www-authenticate',
      ),
    ).toContain('error="invalid_request"');
  });

  it('may be the password of HTTP basic authentication, which is all that many devices can send', async () => {
    const as = async (user: string, password: string): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
      return (await ask('GET', `${API_PREFIX}/account`, undefined, { authorization })).status;
    };
    const good = tokens.get('read') ?? '';
    expect([await as('camera-1', good), await as('', good)]).toEqual([200, 200]);
    expect([await as('camera-1', `${good}x`), await as('camera-1', ''), await as(good, 'x')]).toEqual([401, 401, 401]);
    expect(await as('camera-1', tokens.get('readings:write') ?? '')).toBe(403);
  });

  it('expires', async () => {
    expect((await me(expired)).body?.detail).toBe('the token has expired');
  });
});

describe('a JWT', () => {
  it('is verified: signature, issuer, audience, expiry, scope', async () => {
    expect((await me(await issuer.sign({ sub: 'ann', scope: 'openid read' }))).status).toBe(200);
    expect((await me(await issuer.sign({ sub: 'ann', scp: ['admin'] }))).status).toBe(200);
    expect((await me(await issuer.sign({ sub: 'ann', scope: 'readings:write' }))).status).toBe(403);
    expect((await me(await issuer.sign({ sub: 'ann' }))).status).toBe(403);
    const other = await startJwtIssuer();
    const bad: Record<string, string> = {
      'the token has expired': await issuer.sign({ scope: 'read' }, { expiresIn: '-1h' }),
      'the claim aud of the token is not the required one': await issuer.sign({ scope: 'read' }, { audience: 'other' }),
      'the claim iss of the token is not the required one': await issuer.sign(
        { scope: 'read' },
        { issuer: 'https://other.example' },
      ),
      'the token is not valid': await other.sign({ scope: 'read' }, { issuer: issuer.issuer }),
    };
    await other.stop();
    for (const [why, token] of Object.entries(bad)) {
      const { status, body } = await me(token);
      expect({ status, detail: body?.detail }).toEqual({ status: 401, detail: why });
    }
    const unsigned = new UnsecuredJWT({ scope: 'admin' })
      .setIssuer(issuer.issuer)
      .setAudience(AUDIENCE)
      .setExpirationTime('1h')
      .encode();
    expect((await me(unsigned)).status).toBe(401);
  });
});

describe('a live stream', () => {
  it('ends when its token expires, not before, and the reconnecting client gets a 401', async () => {
    const open = async (token: string): Promise<Response> =>
      fetch(`${service.api}/counts/stream`, { headers: { authorization: `Bearer ${token}` } });
    const brief = await issuer.sign({ sub: 'ann', scope: 'read' }, { expiresIn: '6s' });
    const [ending, going] = [
      await open(brief),
      await open(await issuer.sign({ sub: 'ann', scope: 'read' }, { expiresIn: '1h' })),
    ];
    expect([ending.status, going.status]).toEqual([200, 200]);
    let isOver = false;
    const reader = going.body?.getReader();
    void reader?.closed.then(
      () => (isOver = true),
      () => (isOver = true),
    );
    const startedAt = performance.now();
    expect(await ending.text()).toContain(': alive');
    expect(performance.now() - startedAt).toBeGreaterThan(500);
    expect(isOver).toBe(false);
    // The clocks of two machines may differ by a few seconds.
    await eventually(async () => expect((await me(brief)).body?.detail).toBe('the token has expired'));
    await reader?.cancel();
  });
});

describe('an answer', () => {
  it('shows how many requests are left, and is 429 if none is', async () => {
    const token = await issuer.sign({ sub: 'eager', scope: 'read' });
    const { headers } = await me(token);
    expect(headers.get('ratelimit-policy')).toBe(`"default";q=${LIMIT};w=60`);
    const left = Number(/r=(\d+);t=\d+$/.exec(headers.get('ratelimit') ?? '')?.[1]);
    expect(left).toBeLessThan(LIMIT);
    const path = `${API_PREFIX}/spaces`;
    for (let sent = 0; sent < left; sent += 50)
      await Promise.all(Array.from({ length: Math.min(50, left - sent) }, () => ask('GET', path, token)));
    const refused = await ask('GET', path, token);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('ratelimit')).toMatch(/r=0;t=\d+$/);
    expect((await me(tokens.get('admin'))).status).toBe(200);
  });

  it('has the security headers for browsers, and only configured origins may read it', async () => {
    const { headers } = await ask('GET', `${API_PREFIX}/health`, undefined, { origin: ORIGIN });
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    const preflight = { 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'authorization' };
    const allowed = await ask('OPTIONS', `${API_PREFIX}/spaces/1`, undefined, { origin: ORIGIN, ...preflight });
    expect({ status: allowed.status, methods: allowed.headers.get('access-control-allow-methods') }).toEqual({
      status: 204,
      methods: 'GET,HEAD,POST,PUT,PATCH,DELETE',
    });
    const refused = await ask('OPTIONS', `${API_PREFIX}/spaces/1`, undefined, {
      origin: 'https://other.example',
      ...preflight,
    });
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
    // Without this header a page could not read why it was refused.
    expect(
      (await ask('GET', `${API_PREFIX}/account`, undefined, { origin: ORIGIN })).headers.get(
        'access-control-allow-origin',
      ),
    ).toBe(ORIGIN);
  });

  it('at /docs needs nothing that its content security policy forbids', async () => {
    const page = await (await fetch(`${service.api}/docs`)).text();
    expect(page).toContain('<script src="/');
    expect(page).not.toMatch(/<script>|\son\w+=|https?:\/\//);
    for (const [, file] of page.matchAll(/(?:src|href)="([^"]+)"/g))
      expect({ file, status: (await fetch(`${service.url}${file}`)).status }).toEqual({ file, status: 200 });
  });
});

describe('a token in the file', () => {
  it('is kept as a hash, readable by its owner only, and is valid as soon as it is added', async () => {
    const token = await addToken(tokensFile, 'late', ['read'], undefined);
    expect(await readFile(tokensFile, 'utf8')).not.toContain(token);
    expect((await stat(tokensFile)).mode & 0o777).toBe(0o600);
    await eventually(async () => expect((await me(token)).status).toBe(200));
    await expect(addToken(tokensFile, 'late', ['read'], undefined)).rejects.toThrow('already has a token named late');
  });

  it('stays valid while many unknown tokens from one address get 429', async () => {
    // Within one minute, or the next if that minute ends meanwhile.
    const sentMs: number[] = [];
    let refused: Awaited<ReturnType<typeof me>>;
    do {
      sentMs.push(Date.now());
      refused = await me(`guess${sentMs.length}`);
    } while (refused.status === 401 && sentMs.length <= 2 * REFUSED_MAX);
    const waitS = Number(refused.headers.get('retry-after'));
    expect({ status: refused.status, isTold: waitS > 0 }).toEqual({ status: 429, isTold: true });
    const minuteBeganMs = Date.now() + (waitS - 60) * 1_000;
    expect(sentMs.filter((atMs) => atMs > minuteBeganMs).length).toBeLessThanOrEqual(REFUSED_MAX + 1);
    expect((await me(tokens.get('read'))).status).toBe(200);
  });
});

describe('a service that others can reach', () => {
  const start = async (given: Record<string, string>): Promise<unknown> =>
    serve(readConfig({ PORT: '0', LOG_LEVEL: 'silent', ...given }), {
      printLine: () => undefined,
      onFailure: () => undefined,
      logLevel: 'silent',
    });

  it('does not start without authentication, and explains in one sentence what to do', async () => {
    for (const HOST of ['0.0.0.0', '::', '10.0.0.1']) {
      await expect(start({ HOST })).rejects.toThrow(
        /^HOST=.* can be reached from other machines, so requests must be authenticated: set AUTH_TOKENS_FILE .* or AUTH_JWKS_URL, or listen on 127\.0\.0\.1 only$/,
      );
    }
  });

  it('does not start with incomplete authentication settings', async () => {
    await expect(start({ AUTH_JWKS_URL: 'https://id.example/jwks' })).rejects.toThrow(
      'AUTH_JWKS_URL requires AUTH_ISSUER and AUTH_AUDIENCE',
    );
    await expect(start({ AUTH_TOKENS_FILE: join(folder, 'none.json') })).rejects.toThrow(
      /cannot read .*none\.json \(AUTH_TOKENS_FILE\)/,
    );
  });
});
