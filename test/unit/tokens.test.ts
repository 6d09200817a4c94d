// Static tokens and key sets: what is wrong with a file is named, and a file that breaks later locks nobody out.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { openVerifier } from '../../src/http/auth/auth.ts';
import { JwtVerifier, KeysUnavailable } from '../../src/http/auth/auth-jwt.ts';
import { TokenFile, tokensOf } from '../../src/http/auth/auth-tokens.ts';
import { AUDIENCE, startJwtIssuer, type JwtIssuer } from '../support/jwt-issuer.ts';

const log = pino({ level: 'silent' });
const contentWith = (...tokens: string[]): string =>
  JSON.stringify({
    tokens: tokens.map((token) => ({
      name: `the token ${token}`,
      hash: `sha256:${createHash('sha256').update(token).digest('hex')}`,
      scopes: ['read'],
    })),
  });

let folder: string;
let issuer: JwtIssuer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-tokens-'));
  issuer = await startJwtIssuer();
});
afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  await issuer.stop();
  await rm(folder, { recursive: true });
});

describe('tokens', () => {
  it.each([
    ['not JSON', '{', 'is not JSON'],
    ['no list', '[]', 'is not a list of tokens: '],
    [
      'a bad hash',
      JSON.stringify({ tokens: [{ name: 'a', hash: 'sha256:1', scopes: ['read'] }] }),
      'is not a list of tokens: tokens.0.hash: must be sha256: and 64 hexadecimal digits',
    ],
  ])('with %s are refused with their place', async (what, text, problem) => {
    const path = join(folder, `${what}.json`);
    await writeFile(path, text);
    await expect(TokenFile.open(path, log)).rejects.toThrow(`${path} (AUTH_TOKENS_FILE) ${problem}`);
    expect(() => tokensOf(text)).toThrow(`AUTH_TOKENS ${problem}`);
  });

  it('in a variable are found by their hash', async () => {
    const tokens = tokensOf(contentWith('secret'));
    await tokens.refresh();
    expect(await tokens.find('secret')).toMatchObject({ name: 'the token secret', scopes: ['read'] });
    expect(await tokens.find('other')).toBeUndefined();
  });

  it('in a file that is missing or a folder are refused', async () => {
    const path = join(folder, 'missing.json');
    await expect(TokenFile.open(path, log)).rejects.toThrow(`cannot read ${path} (AUTH_TOKENS_FILE)`);
    await expect(TokenFile.open(folder, log)).rejects.toThrow(`cannot read ${folder} (AUTH_TOKENS_FILE)`);
  });

  it('stay valid while their file has an error, and change once it is corrected', async () => {
    let nowMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += 10_000));
    const path = join(folder, 'tokens.json');
    await writeFile(path, contentWith('first'));
    const tokens = await TokenFile.open(path, log);
    const { version } = tokens;
    await writeFile(path, 'a typing error');
    expect(await tokens.find('first')).toMatchObject({ name: 'the token first' });
    expect(tokens.version).toBe(version);
    await writeFile(path, contentWith('second', 'third'));
    expect(await tokens.find('second')).toMatchObject({ name: 'the token second' });
    expect(await tokens.find('first')).toBeUndefined();
    expect(tokens.version).toBe(version + 1);
  });
});

describe('a key set', () => {
  it('may be a file', async () => {
    const path = join(folder, 'jwks.json');
    await writeFile(path, JSON.stringify(issuer.jwks));
    const verifier = await JwtVerifier.open({
      jwksUrl: pathToFileURL(path).href,
      issuer: issuer.issuer,
      audience: AUDIENCE,
    });
    expect(await verifier.verify(await issuer.sign({ sub: 'a', scope: 'read' }))).toMatchObject({ scopes: ['read'] });
    expect(await verifier.verify('a.b.c')).toBe('the token is not valid');
  });

  it('that is a missing file is refused', async () => {
    const jwksUrl = pathToFileURL(join(folder, 'no-jwks.json')).href;
    await expect(JwtVerifier.open({ jwksUrl, issuer: 'x', audience: 'y' })).rejects.toThrow(
      `cannot read ${jwksUrl} (AUTH_JWKS_URL)`,
    );
  });

  it('that cannot be fetched says nothing about a token, so the answer is "try again"', async () => {
    const stopped = await startJwtIssuer();
    const token = await stopped.sign({ sub: 'a', scope: 'read' });
    await stopped.stop();
    const verifier = await JwtVerifier.open({ jwksUrl: stopped.jwksUrl, issuer: stopped.issuer, audience: AUDIENCE });
    await expect(verifier.verify(token)).rejects.toThrow(KeysUnavailable);
    const config = readConfig({
      AUTH_JWKS_URL: stopped.jwksUrl,
      AUTH_ISSUER: stopped.issuer,
      AUTH_AUDIENCE: AUDIENCE,
    });
    const all = await openVerifier(config, log);
    await expect(all?.verify(token)).rejects.toMatchObject({ kind: 'unavailable', retryAfterSeconds: 5 });
  });
});
