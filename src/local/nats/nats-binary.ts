// Finds a nats-server to run: an installed one, one that was downloaded before, or a new download.
//
// Invariants:
// - The returned program has run once and reported version 2.12 or newer; older ones lack atomic batches.
// - Nothing is installed, and nothing is written outside the cache folder.

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

// Debian's package installs the server in a folder that is only on root's PATH.
const INSTALLED = [
  'nats-server',
  '/usr/sbin/nats-server',
  '/usr/local/sbin/nats-server',
  '/opt/homebrew/bin/nats-server',
];

export interface NatsBinary {
  readonly path: string;
  /** As printed by the server, without the v: '2.15.1'. */
  readonly version: string;
}

/** Downloads a nats-server to `folder` and returns its path. Throws if it cannot. */
export type FetchNatsServer = (folder: string, onProgress: (message: string) => void) => Promise<string>;

export interface FindNatsServerOptions {
  /** Folder for downloaded servers; created if needed. */
  readonly cacheDir: string;
  readonly onProgress?: (message: string) => void;
  /** If set, only this program is used. */
  readonly explicitPath?: string;
  /** Programs to try before the cache; a name without a slash is looked up on PATH. */
  readonly installed?: readonly string[];
  readonly fetch?: FetchNatsServer;
}

/** There is no usable nats-server and none can be downloaded. The message tells the user what to install. */
class NatsServerUnavailableError extends Error {
  override readonly name = 'NatsServerUnavailableError';
}

/** Throws NatsServerUnavailableError. */
export async function findNatsServer(options: FindNatsServerOptions): Promise<NatsBinary> {
  const { explicitPath, cacheDir, onProgress = () => undefined } = options;
  if (explicitPath !== undefined) {
    const version = await versionOf(explicitPath);
    if (version === undefined)
      throw new NatsServerUnavailableError(`${explicitPath} is not a nats-server that runs on this machine.`);
    if (!isRecent(version)) {
      throw new NatsServerUnavailableError(
        `The nats-server at ${explicitPath} is version ${version}; version ${NATS_VERSION_MIN} or newer is required.`,
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

// Downloads to a temporary folder and renames the program at the end, so that two processes do not disturb each other
// and a download that is killed leaves no partial program.
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
    if (version === undefined) throw new Error('the downloaded nats-server does not run on this machine');
    if (!isRecent(version)) throw new Error(`the downloaded nats-server is only version ${version}`);
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
    `nats-server ${NATS_VERSION_MIN} or newer is required: ${found}, and downloading one failed (${fetchFailure}); ` +
    'install it (macOS: brew install nats-server; Debian: the nats-server package of sid; elsewhere: a release of the nats-server project), ' +
    'or set NATS_URL to a running server, for example in Docker: docker run -p 4222:4222 -p 1883:1883 nats:2.12 with JetStream and MQTT on.'
  );
}
