// A base image without a registry: Debian by debootstrap, with this machine's Node, npm and certificates. It contains
// what `node:…-bookworm-slim` contains, and busybox.
import { access, cp, mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from '../support/project.ts';
import { DockerMissingError, INSTALL, type DockerEngine } from './docker-engine.ts';
import { runProgram } from './program.ts';

const RELEASE = 'bookworm';
const IMAGE = 'density-images-test/node:latest';
const MADE_WITHIN_MS = 900_000;
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** @returns the image's name @throws DockerMissingError */
export async function importDebian(engine: DockerEngine, printLine: (line: string) => void): Promise<string> {
  const cached = join(ROOT, `.cache/images/${RELEASE}-node-${process.versions.node}.tar`);
  if (!(await exists(cached))) {
    printLine(`making a base image: Debian ${RELEASE} with Node ${process.versions.node} (a few minutes, once)`);
    await makeArchive(cached);
  }
  const certificates = `ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}`;
  await engine.docker(['import', '--change', certificates, cached, IMAGE], { withinMs: MADE_WITHIN_MS });
  engine.remember(IMAGE);
  return IMAGE;
}

async function makeArchive(archive: string): Promise<void> {
  await mkdir(dirname(archive), { recursive: true });
  const folder = await mkdtemp(join(tmpdir(), 'density-debian-'));
  const root = join(folder, 'root');
  try {
    const packages = '--include=ca-certificates,busybox';
    await runProgram('debootstrap', ['--variant=minbase', packages, RELEASE, root], { withinMs: MADE_WITHIN_MS });
    await runProgram('find', [
      join(root, 'var/cache/apt/archives'),
      join(root, 'var/lib/apt/lists'),
      '-type',
      'f',
      '-delete',
    ]);
    await cp(process.execPath, join(root, 'usr/local/bin/node'), { dereference: true });
    const npm = (await runProgram('npm', ['root', '--global'])).trim();
    await cp(join(npm, 'npm'), join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
    await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
    // The build trusts the same proxy certificates as this machine.
    if (await exists(CERTIFICATES)) await cp(CERTIFICATES, join(root, CERTIFICATES));
    // Renamed when complete, so that an interrupted run leaves no broken archive.
    await runProgram('tar', ['-C', root, '-cf', `${archive}.part`, '.'], { withinMs: MADE_WITHIN_MS });
    await rename(`${archive}.part`, archive);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new DockerMissingError(
        `No registry is reachable, and debootstrap, which would make the images, is missing. ${INSTALL}`,
        {
          cause: error,
        },
      );
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
