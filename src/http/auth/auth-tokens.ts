// Static bearer tokens: hashes, names and scopes, in a file that is reloaded when it changes, or in a variable. A token is 256 random
// bits, which cannot be guessed, so one round of SHA-256 protects it as well as a slow hash would.
import { createHash } from 'node:crypto';
import { chmod, readFile, rename, stat, writeFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import { parseInstant } from '../../domain/instant.ts';
import { randomText } from './random-text.ts';
import { SCOPES, type Scope } from './scope.ts';

const PREFIX = 'dty_';
const CHANGE_CHECK_MS = 1_000;

const entry = z.strictObject({
  name: z.string().min(1).max(100),
  hash: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hexadecimal digits'),
  scopes: z.array(z.enum(SCOPES)).min(1),
  /** The token is invalid from this instant on. */
  expires_at: z
    .string()
    .refine((text) => parseInstant(text) !== undefined, 'must be an ISO 8601 instant')
    .optional(),
});
const fileSchema = z.strictObject({ tokens: z.array(entry) });
type TokenFileContent = z.infer<typeof fileSchema>;

export interface StaticToken {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAtMs: number | undefined;
}

function hashOf(token: string): string {
  return `sha256:${createHash('sha256').update(token).digest('hex')}`;
}

/** @throws Error that names the file and what is wrong with it */
async function readTokens(path: string): Promise<TokenFileContent> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Error(`cannot read ${path} (AUTH_TOKENS_FILE)`, { cause: error });
  });
  return parseTokens(text, `${path} (AUTH_TOKENS_FILE)`);
}

function parseTokens(text: string, where: string): TokenFileContent {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`${where} is not JSON`, { cause: error });
  }
  const result = fileSchema.safeParse(json);
  if (result.success) return result.data;
  throw new Error(
    `${where} is not a list of tokens: ${result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`,
  );
}

type TokensByHash = ReadonlyMap<string, StaticToken>;

function byHash({ tokens }: TokenFileContent): TokensByHash {
  return new Map(
    tokens.map(({ name, hash, scopes, expires_at: expiresAt }) => [
      hash,
      { name, scopes, expiresAtMs: expiresAt === undefined ? undefined : parseInstant(expiresAt) },
    ]),
  );
}

export interface StaticTokens {
  /** Increases whenever tokens may have been removed or changed. */
  readonly version: number;
  find(token: string): Promise<StaticToken | undefined>;
  /** Reloads the tokens if they have changed. */
  refresh(): Promise<void>;
}

/** @param text the content of a token file. @throws Error that describes the error in it */
export function tokensOf(text: string): StaticTokens {
  const tokens = byHash(parseTokens(text, 'AUTH_TOKENS'));
  return { version: 0, find: async (token) => tokens.get(hashOf(token)), refresh: async () => undefined };
}

export class TokenFile implements StaticTokens {
  readonly #path: string;
  readonly #log: Logger;
  #tokens: TokensByHash = new Map();
  #version = 0;
  /** Identifies the state of the file that the tokens were read from. */
  #stamp = '';
  #checkedAtMs = -Infinity;

  private constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** @throws Error that describes the error in the file */
  static async open(path: string, log: Logger): Promise<TokenFile> {
    const file = new TokenFile(path, log);
    await file.#read(await stampOf(path));
    return file;
  }

  get version(): number {
    return this.#version;
  }

  async find(token: string): Promise<StaticToken | undefined> {
    await this.refresh();
    return this.#tokens.get(hashOf(token));
  }

  /** If the file cannot be read, the tokens stay as they were, so that a typo locks nobody out. */
  async refresh(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#checkedAtMs < CHANGE_CHECK_MS) return;
    this.#checkedAtMs = nowMs;
    try {
      const stamp = await stampOf(this.#path);
      if (stamp !== this.#stamp) await this.#read(stamp);
    } catch (error) {
      this.#log.error({ err: error }, 'the token file cannot be read; the previous tokens stay valid');
    }
  }

  /**
   * @param stamp taken before the file is read, so that the next check detects a change in between
   */
  async #read(stamp: string): Promise<void> {
    this.#tokens = byHash(await readTokens(this.#path));
    this.#stamp = stamp;
    this.#version += 1;
  }
}

/** Differs between two files, and between two states of a file. @throws Error that names the file */
async function stampOf(path: string): Promise<string> {
  const { mtimeMs, ino, size } = await stat(path).catch((error: unknown) => {
    throw new Error(`cannot read ${path} (AUTH_TOKENS_FILE)`, { cause: error });
  });
  return `${mtimeMs} ${ino} ${size}`;
}

/**
 * Creates a token and adds its hash to a file, which is created if missing. @returns the token, which is not stored
 * anywhere
 */
export async function addToken(
  path: string,
  name: string,
  scopes: readonly Scope[],
  expiresAt: string | undefined,
): Promise<string> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  const { tokens } = isThere ? await readTokens(path) : { tokens: [] };
  if (tokens.some((other) => other.name === name)) throw new Error(`${path} already has a token named ${name}`);
  const token = `${PREFIX}${randomText(32)}`;
  const added = entry.parse({
    name,
    hash: hashOf(token),
    scopes,
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
  });
  const temporary = `${path}.new`;
  await writeFile(temporary, `${JSON.stringify({ tokens: [...tokens, added] }, null, 2)}\n`, { mode: 0o600 });
  await chmod(temporary, 0o600);
  await rename(temporary, path);
  return token;
}
