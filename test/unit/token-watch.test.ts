// When a stream's token is verified again, and what follows.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { JwtVerifier } from '../../src/http/auth/auth-jwt.ts';
import type { Principal, TokenVerifier } from '../../src/http/auth/principal.ts';
import { TokenWatch } from '../../src/http/auth/token-watch.ts';
import { Failure } from '../../src/domain/failure.ts';
import { AUDIENCE, startJwtIssuer } from '../support/jwt-issuer.ts';

const GOOD: Principal = { name: 'token:a', scopes: ['read'], expiresAtMs: undefined };

interface Scripted {
  version: number;
  answer: () => Promise<Principal | string>;
  asked: number;
}
let scripted: Scripted;
let watch: TokenWatch;
let ended: string[];

beforeEach(() => {
  vi.useFakeTimers();
  ended = [];
  scripted = { version: 1, answer: async () => GOOD, asked: 0 };
  const verifier: TokenVerifier = {
    get version() {
      return scripted.version;
    },
    verify: async () => {
      scripted.asked += 1;
      return scripted.answer();
    },
    refresh: async () => undefined,
  };
  watch = new TokenWatch(verifier);
});
afterEach(() => vi.useRealTimers());

const add = (token: string, version = 1, expiresAtMs?: number): (() => void) =>
  watch.add({ token, scope: 'read', version, expiresAtMs, end: () => void ended.push(token) });

test('a token is verified again only after a change, once for all its streams', async () => {
  for (let stream = 0; stream < 100; stream += 1) add('a');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(scripted.asked).toBe(0);
  scripted.version = 2;
  await vi.advanceTimersByTimeAsync(10_000);
  expect([scripted.asked, ended]).toEqual([1, []]);
  scripted.version = 3;
  scripted.answer = async () => 'the token is not valid';
  await vi.advanceTimersByTimeAsync(1_000);
  expect([scripted.asked, ended.length]).toEqual([2, 100]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(ended).toHaveLength(100);
  expect(vi.getTimerCount()).toBe(0);
});

test("a change during the verification of a new stream's token causes another verification", async () => {
  scripted.version = 2;
  scripted.answer = async () => 'the token is not valid';
  add('a', 1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ended).toEqual(['a']);
});

test('a stream continues while its token cannot be verified, and ends once it can; an expired token ends it at once', async () => {
  add('a');
  add('b', 1, Date.now() + 5_000);
  scripted.version = 2;
  scripted.answer = async () => Promise.reject(new Failure('unavailable', 'tokens cannot be verified now'));
  await vi.advanceTimersByTimeAsync(3_000);
  expect(ended).toEqual([]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(ended).toEqual(['b']);
  scripted.answer = async () => 'the token is not valid';
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ended).toEqual(['b', 'a']);
});

test('a stream that has already ended is not ended again', async () => {
  const stop = add('a', 1, Date.now() + 1_000);
  stop();
  stop();
  await vi.advanceTimersByTimeAsync(10_000);
  expect([ended, vi.getTimerCount()]).toEqual([[], 0]);
});

test('a withdrawn key changes the version once the key set is fetched again, and its tokens are refused', async () => {
  vi.useRealTimers();
  const issuer = await startJwtIssuer();
  try {
    const jwts = await JwtVerifier.open({ jwksUrl: issuer.jwksUrl, issuer: issuer.issuer, audience: AUDIENCE });
    const token = await issuer.sign({ sub: 'ann', scope: 'read' });
    expect(await jwts.verify(token)).toMatchObject({ name: 'ann' });
    jwts.refresh();
    const { version } = jwts;
    jwts.refresh();
    expect(jwts.version).toBe(version);
    issuer.withdrawKeys();
    const inAQuarter = Date.now() + 900_000;
    vi.spyOn(Date, 'now').mockImplementation(() => inAQuarter);
    await vi.waitFor(
      () => {
        jwts.refresh();
        expect(jwts.version).toBe(version + 1);
      },
      { timeout: 30_000 },
    );
    expect(await jwts.verify(token)).toBe('the token is not valid');
  } finally {
    vi.restoreAllMocks();
    await issuer.stop();
  }
});
