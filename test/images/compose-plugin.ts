// Docker Compose, version 2.24 or newer: the CLI's plug-in, a previously downloaded one, or the one of Debian sid.
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchProgram } from '../../src/local/nats/debian-package.ts';
import { ROOT } from '../support/project.ts';
import { DockerMissingError } from './docker-engine.ts';
import { runProgram } from './program.ts';

const NEEDED = '2.24.0';
const NAME = 'docker-compose';
const CACHE = join(ROOT, '.cache/images');
const INSTALLED = [
  '/usr/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
  '/usr/local/lib/docker/cli-plugins',
  join(process.env['HOME'] ?? '/', '.docker/cli-plugins'),
];

/** @returns the path of the program, which is the same as `docker compose` @throws DockerMissingError */
export async function findCompose(printLine: (line: string) => void): Promise<string> {
  const cached = join(CACHE, NAME);
  for (const path of [NAME, ...INSTALLED.map((folder) => join(folder, NAME)), cached])
    if (await isRecent(path)) return path;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'fetch-'));
  try {
    await rename(await fetchProgram(NAME, [`usr/libexec/docker/cli-plugins/${NAME}`], folder, printLine), cached);
    if (await isRecent(cached)) return cached;
    throw new Error('it does not run here');
  } catch (error) {
    throw new DockerMissingError(
      `Docker Compose ${NEEDED} or newer is missing (docs.docker.com/compose/install), and Debian's could not be fetched: ${String(error)}`,
      { cause: error },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function isRecent(path: string): Promise<boolean> {
  try {
    const version = (await runProgram(path, ['version', '--short'])).trim().replace(/^v/, '');
    return version.localeCompare(NEEDED, 'en', { numeric: true }) >= 0;
  } catch {
    return false;
  }
}
