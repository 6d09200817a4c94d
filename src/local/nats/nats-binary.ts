// Finds a nats-server to run: one that is installed, one fetched before, or fetches one.
//
// Invariants:
// - Whatever is returned was run once and said it is 2.12 or newer (older ones have no atomic batch).
// - Nothing is installed and nothing outside the cache folder is written.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchFromDebian } from './debian-package.ts';
import { messageOf } from '../local-engine-error.ts';

const run = promisify(execFile);

const NATS_VERSION_MIN = '2.12.0';

const VERSION_TIMEOUT_MS = 10_000;
const ABANDONED_FETCH_MS = 3_600_000;

// Debian's package puts the server where only root's PATH looks.
const INSTALLED = [
  'nats-server',
  '/usr/sbin/nats-server',
  '/usr/local/sbin/nats-server',
  '/opt/homebrew/bin/nats-server',
];

export interface NatsBinary {
  readonly path: string;
  /** As the server prints it, without the v: '2.15.1'. */
  readonly version: string;
}

/** Puts a nats-server below `folder` and returns its path. Throws when it cannot. */
export type FetchNatsServer = (folder: string, onProgress: (message: string) => void) => Promise<string>;

export interface FindNatsServerOptions {
  /** Where a fetched server is kept; created when needed. */
  readonly cacheDir: string;
  readonly onProgress?: (message: string) => void;
  /** Use this one and look nowhere else. */
  readonly explicitPath?: string;
  /** What to try before the cache; names without a slash are looked up on PATH. */
  readonly installed?: readonly string[];
  readonly fetch?: FetchNatsServer;
}

/** There is no usable nats-server and none can be fetched. The message says what to install. */
class NatsServerUnavailableError extends Error {
  override readonly name = 'NatsServerUnavailableError';
}

/** Throws NatsServerUnavailableError. */
export async function findNatsServer(options: FindNatsServerOptions): Promise<NatsBinary> {
  const { explicitPath, cacheDir, onProgress = () => undefined } = options;
  if (explicitPath !== undefined) {
    const version = await versionOf(explicitPath);
    if (version === undefined)
      throw new NatsServerUnavailableError(`${explicitPath} is not a nats-server that runs here.`);
    if (!isRecent(version)) {
      throw new NatsServerUnavailableError(
        `The nats-server at ${explicitPath} is version ${version}; ${NATS_VERSION_MIN} or newer is needed.`,
      );
    }
    return { path: explicitPath, version };
  }

  const outdated: string[] = [];
  const cached = join(cacheDir, `nats-server-${process.platform}-${process.arch}`);
  for (const path of [...(options.installed ?? INSTALLED), cached]) {
    const version = await versionOf(path);
    if (version === undefined) continue;
    if (isRecent(version)) return { path, version };
    outdated.push(`${path} is version ${version}`);
  }

  try {
    return await fetchInto(cached, cacheDir, options.fetch ?? fetchFromDebian, onProgress);
  } catch (error) {
    throw new NatsServerUnavailableError(unavailable(outdated, messageOf(error)), { cause: error });
  }
}

// Into a folder of its own, then one rename: of two processes that fetch at once each renames a whole
// file, and a fetch that is killed leaves nothing that could be taken for a server.
async function fetchInto(
  cached: string,
  cacheDir: string,
  fetch: FetchNatsServer,
  onProgress: (message: string) => void,
): Promise<NatsBinary> {
  await mkdir(cacheDir, { recursive: true });
  await removeAbandoned(cacheDir);
  const folder = await mkdtemp(join(cacheDir, 'fetch-'));
  try {
    const fetched = await fetch(folder, onProgress);
    const version = await versionOf(fetched);
    if (version === undefined) throw new Error('the fetched nats-server does not run here');
    if (!isRecent(version)) throw new Error(`the fetched nats-server is only version ${version}`);
    await rename(fetched, cached);
    onProgress(`nats-server ${version} is in ${cached}`);
    return { path: cached, version };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function removeAbandoned(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (!name.startsWith('fetch-')) continue;
    const folder = join(cacheDir, name);
    const changedMs = await stat(folder).then(
      (s) => s.mtimeMs,
      () => Infinity,
    );
    if (Date.now() - changedMs > ABANDONED_FETCH_MS) await rm(folder, { recursive: true, force: true });
  }
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(path, ['--version'], { timeout: VERSION_TIMEOUT_MS });
    return /nats-server: v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

function isRecent(version: string): boolean {
  return version.localeCompare(NATS_VERSION_MIN, 'en', { numeric: true }) >= 0;
}

function unavailable(outdated: readonly string[], fetchFailure: string): string {
  const found = outdated.length === 0 ? 'none is installed' : `${outdated.join(' and ')}, which is too old`;
  return (
    `A nats-server ${NATS_VERSION_MIN} or newer is needed: ${found}, and fetching one failed (${fetchFailure}); ` +
    'install it (macOS: brew install nats-server; Debian: the nats-server package of sid; elsewhere: a release of the nats-server project), ' +
    'or set NATS_URL to a server that runs already, such as Docker: docker run -p 4222:4222 -p 1883:1883 nats:2.12 with JetStream and MQTT on.'
  );
}
