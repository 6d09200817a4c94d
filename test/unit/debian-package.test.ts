// Fetching a program from Debian. A script stands in for apt-get; the packages that it delivers are unpacked by dpkg.
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fetchFromDebian } from '../../src/local/nats/debian-package.ts';
import { hasProgram } from '../support/programs.ts';

const MAIN = 'https://mirror.example/debian/';
const OTHER = 'https://other.example/debian';
const LISTING = ['https://security.example/debian-security', MAIN, MAIN, OTHER, 'https://apt.example/node', ''].join(
  '\n',
);

let folder: string;
let target: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-apt-'));
  target = join(folder, 'target');
  await mkdir(target);
  await mkdir(join(folder, 'bin'));
  vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env['PATH']}`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/**
 * @param commands shell code for `indextargets`, `update` and `download`; each call's arguments are recorded in `calls`
 */
async function aptGet(commands: { list?: string; update?: string; download?: string }): Promise<void> {
  await writeFile(join(folder, 'listing'), LISTING);
  const path = join(folder, 'bin/apt-get');
  const script = `#!/bin/sh
echo "$@" >> ${folder}/calls
case " $* " in
  *" indextargets "*) ${commands.list ?? `cat ${folder}/listing`} ;;
  *" update "*) ${commands.update ?? ':'} ;;
  *" download "*) ${commands.download ?? ':'} ;;
esac
`;
  await writeFile(path, script);
  await chmod(path, 0o755);
}

/** Writes a Debian package with one file. A package is an ar archive of a version and two tar archives. */
async function writePackage(path: string, file: string, content: string): Promise<void> {
  const tree = join(folder, 'tree');
  await mkdir(join(tree, file, '..'), { recursive: true });
  await writeFile(join(tree, file), content);
  await mkdir(join(folder, 'control'));
  await writeFile(join(folder, 'control/control'), 'Package: nats-server\nVersion: 1\nArchitecture: all\n');
  const tar = (of: string): Buffer => execFileSync('tar', ['-cf', '-', '-C', of, '.']);
  const members: [string, Buffer][] = [
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar', tar(join(folder, 'control'))],
    ['data.tar', tar(tree)],
  ];
  const head = (name: string, size: number): string =>
    `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(size).padEnd(10)}\`\n`;
  const parts = members.flatMap(([name, bytes]) => [
    Buffer.from(head(name, bytes.length)),
    bytes,
    Buffer.from(bytes.length % 2 === 1 ? '\n' : ''),
  ]);
  await writeFile(path, Buffer.concat([Buffer.from('!<arch>\n'), ...parts]));
}

const fetched = async (onProgress: (message: string) => void = () => undefined): Promise<string> =>
  fetchFromDebian(target, onProgress);
const calls = async (): Promise<string[]> => (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');

describe.skipIf(!hasProgram('dpkg', '--version'))('the nats-server package (needs dpkg)', () => {
  it('is downloaded with settings of its own, unpacked, and not installed', async () => {
    await writePackage(join(folder, 'nats.deb'), 'usr/sbin/nats-server', 'the server');
    await aptGet({ download: `cp ${folder}/nats.deb nats-server_1_all.deb` });
    const progress: string[] = [];
    const path = await fetched((message) => progress.push(message));
    expect(path).toBe(join(target, '0/unpacked/usr/sbin/nats-server'));
    expect(await readFile(path, 'utf8')).toBe('the server');
    expect(progress).toEqual([
      'downloading the package list of Debian sid (11 MB)',
      'fetching the nats-server package',
    ]);
    expect(await readFile(join(target, '0/sources.list'), 'utf8')).toMatch(
      /^deb (\[signed-by=\/usr\/share\/keyrings\/\S+\] )?https:\/\/mirror\.example\/debian\/ sid main\n$/,
    );
    const [, update, download] = await calls();
    for (const call of [update, download])
      expect(call).toContain(`-o Dir::State=${join(target, '0')} -o Dir::State::Lists=${join(target, '0/lists')}`);
    expect(update).toMatch(/ update$/);
    expect(download).toMatch(/ download nats-server$/);
  });

  it('is found at its other place', async () => {
    await writePackage(join(folder, 'nats.deb'), 'usr/bin/nats-server', 'the server');
    await aptGet({ download: `cp ${folder}/nats.deb nats-server_1_all.deb` });
    expect(await fetched()).toBe(join(target, '0/unpacked/usr/bin/nats-server'));
  });

  it('without the program is reported', async () => {
    await writePackage(join(folder, 'nats.deb'), 'usr/share/doc/nats-server', 'no server');
    await aptGet({ download: `cp ${folder}/nats.deb nats-server_1_all.deb` });
    await expect(fetched()).rejects.toThrow('the nats-server package has no nats-server where it used to be');
  });

  it('comes from the next mirror if the first one fails', async () => {
    await writePackage(join(folder, 'nats.deb'), 'usr/sbin/nats-server', 'the server');
    await aptGet({
      update: `case "$PWD" in */0) echo 'E: mirror is down' >&2; exit 100 ;; esac`,
      download: `cp ${folder}/nats.deb nats-server_1_all.deb`,
    });
    expect(await fetched()).toBe(join(target, '1/unpacked/usr/sbin/nats-server'));
    expect(await readFile(join(target, '1/sources.list'), 'utf8')).toContain(`${OTHER} sid main`);
  });
});

describe('a failure is reported', () => {
  it('if apt has no Debian mirror', async () => {
    await aptGet({ list: 'echo https://security.example/debian-security' });
    await expect(fetched()).rejects.toThrow('apt has no Debian mirror in its sources');
  });

  it('with the first error of the last mirror', async () => {
    await aptGet({
      update: `printf 'W: odd\\nE: cannot reach mirror\\nE: some index files failed\\n' >&2; exit 100`,
    });
    await expect(fetched()).rejects.toThrow('apt-get reports: cannot reach mirror');
    expect((await calls()).filter((call) => call.endsWith(' update'))).toHaveLength(2);
  });

  it('if apt-get says nothing', async () => {
    await aptGet({ update: 'exit 1' });
    await expect(fetched()).rejects.toThrow('apt-get failed or took too long');
  });

  it('if apt-get delivers nothing', async () => {
    await aptGet({});
    await expect(fetched()).rejects.toThrow('apt-get download left no package');
  });

  it('if there is no apt-get', async () => {
    vi.stubEnv('PATH', join(folder, 'bin'));
    await expect(fetched()).rejects.toThrow('apt-get is not available');
  });
});
