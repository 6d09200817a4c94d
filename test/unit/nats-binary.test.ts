// Finding a nats-server: programs that print a version stand in for it.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findNatsServer, type FindNatsServerOptions, type NatsBinary } from '../../src/local/nats/nats-binary.ts';

let folder: string;
let cacheDir: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-binary-'));
  cacheDir = join(folder, 'cache');
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

/** @returns the path of a program that prints `text` */
async function programThatPrints(text: string, at = join(folder, `program-${text.replaceAll(/\W/g, '-')}`)) {
  await writeFile(at, `#!/bin/sh\necho '${text}'\n`);
  await chmod(at, 0o755);
  return at;
}

const notFetched = async (): Promise<string> => {
  throw new Error('there is no network');
};
const find = async (options: Partial<FindNatsServerOptions>): Promise<NatsBinary> =>
  findNatsServer({ cacheDir, installed: [], fetch: notFetched, ...options });
const cached = (): string => join(cacheDir, `nats-server-${process.platform}-${process.arch}`);

describe('a program that is named explicitly', () => {
  it('is used if it is recent', async () => {
    const path = await programThatPrints('nats-server: v2.15.1');
    expect(await find({ explicitPath: path })).toEqual({ path, version: '2.15.1' });
  });

  it('is refused if it is too old, is another program, or is missing, and nothing else is used', async () => {
    const installed = [await programThatPrints('nats-server: v2.15.1')];
    const old = await programThatPrints('nats-server: v2.9.25');
    await expect(find({ installed, explicitPath: old })).rejects.toThrow(
      `The nats-server at ${old} is version 2.9.25; version 2.12.0 or newer is required.`,
    );
    const other = await programThatPrints('something else');
    for (const explicitPath of [other, join(folder, 'missing')])
      await expect(find({ installed, explicitPath })).rejects.toThrow(
        `${explicitPath} is not a nats-server that runs on this machine.`,
      );
  });
});

describe('without a named program', () => {
  it('the first recent one that is installed is used', async () => {
    const old = await programThatPrints('nats-server: v2.11.9');
    const recent = await programThatPrints('nats-server: v2.12.0');
    const newer = await programThatPrints('nats-server: v2.15.1');
    expect(await find({ installed: [join(folder, 'missing'), old, recent, newer] })).toEqual({
      path: recent,
      version: '2.12.0',
    });
  });

  it('one is downloaded, kept, and used the next time', async () => {
    const progress: string[] = [];
    const fetch: FindNatsServerOptions['fetch'] = async (at, onProgress) => {
      onProgress('fetching');
      return programThatPrints('nats-server: v2.15.1', join(at, 'downloaded'));
    };
    const found = { path: cached(), version: '2.15.1' };
    expect(await find({ fetch, onProgress: (message) => progress.push(message) })).toEqual(found);
    expect(progress).toEqual(['fetching', `nats-server 2.15.1 is in ${cached()}`]);
    expect(await readdir(cacheDir)).toEqual([`nats-server-${process.platform}-${process.arch}`]);
    expect(await readFile(cached(), 'utf8')).toContain('v2.15.1');
    expect(await find({ fetch: notFetched })).toEqual(found);
  });

  it('the error names what is installed and why the download failed', async () => {
    const old = await programThatPrints('nats-server: v2.9.25');
    await expect(find({ installed: [old] })).rejects.toThrow(
      `nats-server 2.12.0 or newer is required: ${old} is version 2.9.25, which is too old, and downloading one failed (there is no network)`,
    );
    await expect(find({})).rejects.toThrow('none is installed, and downloading one failed (there is no network)');
  });

  it.each([
    ['nats-server: v2.11.0', 'the downloaded nats-server is only version 2.11.0'],
    ['something else', 'the downloaded nats-server does not run on this machine'],
  ])('a download that prints "%s" is refused and removed', async (text, failure) => {
    const fetch = async (at: string): Promise<string> => programThatPrints(text, join(at, 'downloaded'));
    await expect(find({ fetch })).rejects.toThrow(`downloading one failed (${failure})`);
    expect(await readdir(cacheDir)).toEqual([]);
  });

  it('only downloads that were abandoned an hour ago are removed', async () => {
    const [abandoned, running, other] = ['fetch-old', 'fetch-new', 'other'].map((name) => join(cacheDir, name));
    for (const path of [abandoned, running, other]) await mkdir(path!, { recursive: true });
    const twoHoursAgo = new Date(Date.now() - 7_200_000);
    for (const path of [abandoned, other]) await utimes(path!, twoHoursAgo, twoHoursAgo);
    await expect(find({})).rejects.toThrow('there is no network');
    expect((await readdir(cacheDir)).sort()).toEqual(['fetch-new', 'other']);
  });
});
