// A live stream lasts exactly as long as its token is valid. No keep-alive is due during these tests, so only the token
// can end a stream.
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addToken } from '../../src/http/auth/auth-tokens.ts';
import { eventually } from '../support/eventually.ts';
import { AUDIENCE, startJwtIssuer, type JwtIssuer } from '../support/jwt-issuer.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

const HEARTBEAT_MS = 600_000;
/** Far longer than it takes, and far shorter than the keep-alive interval. */
const SOON_MS = 60_000;

interface Entry {
  readonly name: string;
  scopes: string[];
  expires_at?: string;
}

let folder: string;
let file: string;
let issuer: JwtIssuer;
let service: LocalService;
let staying: Stream;
const streams: Stream[] = [];
const tokens = new Map<string, string>();
const tokenOf = (name: string): string => tokens.get(name) ?? '';

class Stream {
  readonly status: number;
  endedMs: number | undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(response: Response) {
    this.status = response.status;
    if (!response.body) throw new Error('the answer has no body');
    this.#reader = response.body.getReader();
    void this.#read();
  }

  static async open(token: string): Promise<Stream> {
    const stream = new Stream(
      await fetch(`${service.api}/counts/stream`, { headers: { authorization: `Bearer ${token}` } }),
    );
    streams.push(stream);
    return stream;
  }

  get isOver(): boolean {
    return this.endedMs !== undefined;
  }

  /** A broken connection does not count as an end. */
  async #read(): Promise<void> {
    while (!(await this.#reader.read()).done);
    this.endedMs = Date.now();
  }

  async ended(): Promise<void> {
    await eventually(() => expect(this.isOver).toBe(true), SOON_MS);
  }

  close(): void {
    void this.#reader.cancel().catch(() => undefined);
  }
}

const statusOf = async (token: string): Promise<number> =>
  (await fetch(`${service.api}/spaces`, { headers: { authorization: `Bearer ${token}` } })).status;

/** Replaces the file, as an editor does. */
async function changeTokens(change: (tokens: Entry[]) => Entry[]): Promise<void> {
  const { tokens: entries } = JSON.parse(await readFile(file, 'utf8')) as { tokens: Entry[] };
  await writeFile(`${file}.edited`, JSON.stringify({ tokens: change(entries) }));
  await rename(`${file}.edited`, file);
}

async function edit(name: string, change: (entry: Entry) => void): Promise<void> {
  await changeTokens((entries) => {
    for (const entry of entries) if (entry.name === name) change(entry);
    return entries;
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-tokens-'));
  file = join(folder, 'tokens.json');
  issuer = await startJwtIssuer();
  for (const name of ['staying', 'deleted', 'narrowed', 'soon', 'past', 'deaf'])
    tokens.set(name, await addToken(file, name, ['read'], undefined));
  service = await startLocalService({
    PARTITIONS: '1',
    STREAM_HEARTBEAT_MS: String(HEARTBEAT_MS),
    AUTH_TOKENS_FILE: file,
    AUTH_JWKS_URL: issuer.jwksUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: AUDIENCE,
  });
  staying = await Stream.open(tokenOf('staying'));
});
afterAll(async () => {
  for (const stream of streams) stream.close();
  await service?.dispose();
  await issuer?.stop();
  if (folder) await rm(folder, { recursive: true });
});

it('ends when its token is deleted, without another request, and streams with other tokens continue', async () => {
  const token = tokenOf('deleted');
  const both = [await Stream.open(token), await Stream.open(token)];
  expect(both.map(({ status, isOver }) => [status, isOver])).toEqual([
    [200, false],
    [200, false],
  ]);
  await changeTokens((entries) => entries.filter(({ name }) => name !== 'deleted'));
  await Promise.all(both.map((stream) => stream.ended()));
  expect(await statusOf(token)).toBe(401);
  expect(staying.isOver).toBe(false);
});

it('ends when its token loses the scope, but not when it gains one', async () => {
  const token = tokenOf('narrowed');
  const stream = await Stream.open(token);
  await edit('narrowed', (entry) => (entry.scopes = ['admin']));
  const write = async (): Promise<number> =>
    (await fetch(`${service.api}/spaces`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status;
  // The scope suffices; only the body is missing.
  await eventually(async () => expect(await write()).toBe(400));
  expect(stream.isOver).toBe(false);
  await edit('narrowed', (entry) => (entry.scopes = ['readings:write']));
  await stream.ended();
  expect(await statusOf(token)).toBe(403);
  expect(staying.isOver).toBe(false);
});

it('ends when its token expires, and not before', async () => {
  const [soon, past] = [tokenOf('soon'), tokenOf('past')];
  const jwt = await issuer.sign({ sub: 'ann', scope: 'read' }, { expiresIn: '5s' });
  const jwtExpiresMs = (decodeJwt(jwt).exp ?? 0) * 1_000;
  const all = [await Stream.open(soon), await Stream.open(past), await Stream.open(jwt)] as const;
  expect(all.map(({ status }) => status)).toEqual([200, 200, 200]);
  const soonMs = Date.now() + 4_000;
  await edit('soon', (entry) => (entry.expires_at = new Date(soonMs).toISOString()));
  await edit('past', (entry) => (entry.expires_at = new Date(Date.now() - 1_000).toISOString()));
  await Promise.all(all.map((stream) => stream.ended()));
  expect(all[0].endedMs).toBeGreaterThanOrEqual(soonMs);
  expect(all[2].endedMs).toBeGreaterThanOrEqual(jwtExpiresMs);
  expect([await statusOf(soon), await statusOf(past)]).toEqual([401, 401]);
  expect(staying.isOver).toBe(false);
});

it('frees its slot at once, although its client reads nothing', async () => {
  const token = tokenOf('deaf');
  const before = service.service.live.subscribers;
  const response = await fetch(`${service.api}/counts/stream`, { headers: { authorization: `Bearer ${token}` } });
  expect(service.service.live.subscribers).toBe(before + 1);
  await changeTokens((entries) => entries.filter(({ name }) => name !== 'deaf'));
  await eventually(() => expect(service.service.live.subscribers).toBe(before), SOON_MS);
  await response.body?.cancel();
});
