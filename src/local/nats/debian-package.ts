// Extracts a program, such as nats-server, from Debian sid's package, on a Debian of any release and without root.
//
// Debian stable's server is too old, and adding sid to the machine's sources would change what its next upgrade
// installs. So apt runs with its own state, cache and sources below one folder, and the package is unpacked there and
// never installed.
//
// Invariant: apt verifies signatures with Debian's own keys.

import { execFile } from 'node:child_process';
import { access, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemCode } from '../local-engine-error.ts';

const run = promisify(execFile);

const COMMAND_TIMEOUT_MS = 180_000;
const MIRRORS_MAX = 3;
const KEYRINGS = ['/usr/share/keyrings/debian-archive-keyring.pgp', '/usr/share/keyrings/debian-archive-keyring.gpg'];

/**
 * @returns the path of the server below `folder`. @throws Error with a clause that describes the failure
 */
export async function fetchFromDebian(folder: string, onProgress: (message: string) => void): Promise<string> {
  return fetchProgram('nats-server', ['usr/sbin/nats-server', 'usr/bin/nats-server'], folder, onProgress);
}

/**
 * @param places where the package may have the program
 * @returns the path of the program below `folder`
 * @throws Error with a clause that describes the failure
 */
export async function fetchProgram(
  name: string,
  places: readonly string[],
  folder: string,
  onProgress: (message: string) => void,
): Promise<string> {
  const mirrors = await debianMirrors();
  if (mirrors.length === 0) throw new Error('apt has no Debian mirror in its sources');
  let failure: unknown;
  for (const [index, mirror] of mirrors.slice(0, MIRRORS_MAX).entries()) {
    try {
      const work = join(folder, String(index));
      await mkdir(work);
      await unpackFrom(mirror, name, work, onProgress);
      const program = await firstExisting(places.map((place) => join(work, 'unpacked', place)));
      if (program === undefined) throw new Error(`the ${name} package has no ${name} where it used to be`);
      return program;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

// The mirrors that this machine already uses, because they are near and reachable.
async function debianMirrors(): Promise<string[]> {
  const listing = await aptGet(['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
  const all = [...new Set(listing.split('\n').map((line) => line.trim()))];
  // Excludes the security archive, which has no sid, and third-party archives.
  return all.filter((uri) => /\/debian\/?$/.test(uri));
}

async function unpackFrom(
  mirror: string,
  name: string,
  work: string,
  onProgress: (message: string) => void,
): Promise<void> {
  const options = await aptFolders(mirror, work);
  onProgress('downloading the package list of Debian sid (11 MB)');
  await aptGet([...options, 'update'], work);
  onProgress(`fetching the ${name} package`);
  await aptGet([...options, 'download', name], work);
  const deb = (await readdir(work)).find((file) => file.endsWith('.deb'));
  if (deb === undefined) throw new Error('apt-get download left no package');
  await run('dpkg', ['-x', deb, 'unpacked'], { cwd: work, timeout: COMMAND_TIMEOUT_MS });
}

async function aptFolders(mirror: string, work: string): Promise<string[]> {
  const at = (name: string): string => join(work, name);
  await Promise.all(['lists/partial', 'cache/archives/partial'].map((name) => mkdir(at(name), { recursive: true })));
  // An empty status file, so that the packages installed on this machine do not influence the choice.
  await writeFile(at('status'), '');
  const keyring = await firstExisting(KEYRINGS);
  const signedBy = keyring === undefined ? '' : `[signed-by=${keyring}] `;
  await writeFile(at('sources.list'), `deb ${signedBy}${mirror} sid main\n`);
  const settings: Readonly<Record<string, string>> = {
    'Dir::State': work,
    'Dir::State::Lists': at('lists'),
    'Dir::State::status': at('status'),
    'Dir::Cache': at('cache'),
    'Dir::Etc::SourceList': at('sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    // A default release from the machine's settings is not in these sources, which would be an error.
    'APT::Default-Release': '',
    // As root, apt would switch to a user who cannot write to this folder.
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

async function aptGet(args: readonly string[], cwd?: string): Promise<string> {
  try {
    const { stdout } = await run('apt-get', [...args], {
      timeout: COMMAND_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
      ...(cwd === undefined ? {} : { cwd }),
    });
    return stdout;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new Error('apt-get is not available', { cause: error });
    throw new Error(`apt-get ${complaint(error)}`, { cause: error });
  }
}

// The first error line; the following lines repeat it in other words.
function complaint(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  const line = stderr.split('\n').find((text) => text.startsWith('E:'));
  return line === undefined ? 'failed or took too long' : `reports: ${line.slice(2).trim()}`;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function firstExisting(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
}
