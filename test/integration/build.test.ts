// bin/density.js runs code compiled from the current sources, and compiles them once, however many processes start together.
import { execFile, type ExecFileOptions } from 'node:child_process';
import {
  appendFile,
  chmod,
  cp,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { copyOfCheckout } from '../support/checkout.ts';
import { eventually } from '../support/eventually.ts';

const run = promisify(execFile);
const DESCRIPTION = 'Turns doorway sensor readings into people counts.';
/** A checkout that is compiled. */
let template: string;
/** A copy of it. Its files have other times, but the same content, so it is compiled too. */
let checkout: string;

beforeAll(async () => {
  template = checkout = await copyOfCheckout();
  expect(await density(['--help'])).toMatchObject({ code: 0, stderr: '' });
});

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'density-checkout-'));
  await cp(template, checkout, { recursive: true, verbatimSymlinks: true });
});

afterEach(async () => {
  await rm(checkout, { recursive: true, force: true });
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Without the variables of the tests, such as NODE_OPTIONS. */
async function density(args: readonly string[], options: ExecFileOptions = {}): Promise<Ended> {
  try {
    const { stdout, stderr } = await run(process.execPath, [join(checkout, 'bin/density.js'), ...args], {
      env: {},
      ...options,
      encoding: 'utf8',
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as Ended;
  }
}

async function builds(): Promise<string[]> {
  return (await readdir(join(checkout, 'dist'))).filter((name) => name !== 'latest.json').sort();
}

const source = (path: string): string => join(checkout, path);

/** Changes what `--help` prints, to a text of the same length. */
async function describeAs(text: string): Promise<void> {
  const path = source('src/cli/program.ts');
  const code = await readFile(path, 'utf8');
  await writeFile(path, code.replace(/\.description\('[^']*'\)/, `.description('${text.padEnd(DESCRIPTION.length)}')`));
}

describe('density', () => {
  it('starts from an existing build, also in a copy, and without installed packages', async () => {
    const before = await builds();
    await unlink(source('node_modules'));
    expect((await density(['--help'])).stdout).toContain(DESCRIPTION);
    expect(await builds()).toEqual(before);
  });

  it('runs what the sources say after a change, even of the same length and with the same time', async () => {
    // Until the times of the sources are remembered, their content is compared.
    await eventually(async () => {
      await density(['--help']);
      await stat(source('dist/latest.json'));
    });
    const file = source('src/cli/program.ts');
    const { atime, mtime } = await stat(file);
    await describeAs('Counts people.');
    await utimes(file, atime, mtime);
    expect((await density(['--help'])).stdout).toContain('Counts people.');
  });

  it('compiles again when a source appears or disappears, and not when the sources are as before', async () => {
    const [first] = await builds();
    await writeFile(source('src/domain/new.ts'), 'export {};\n');
    await density(['--help']);
    expect(await builds()).toHaveLength(2);
    await unlink(source('src/domain/new.ts'));
    await rm(source(`dist/${(await builds()).find((name) => name !== first)}`), { recursive: true });
    await density(['--help']);
    expect(await builds()).toEqual([first]);
  });

  it('compiles again when the dashboard changes, and puts it into the build', async () => {
    await appendFile(source('web/styles/base.css'), '.new-rule { color: red }\n');
    await density(['--help']);
    const all = await builds();
    expect(all).toHaveLength(2);
    const styles = await Promise.all(
      all.map(async (build) => {
        const assets = source(`dist/${build}/page/assets`);
        const name = (await readdir(assets)).find((each) => each.endsWith('.css')) ?? '';
        return readFile(join(assets, name), 'utf8');
      }),
    );
    expect(styles.filter((css) => css.includes('new-rule'))).toHaveLength(1);
  });

  it('compiles again when a package changes', async () => {
    await appendFile(source('package-lock.json'), '\n');
    await density(['--help']);
    expect(await builds()).toHaveLength(2);
  });

  it('compiles nothing while other packages are installed than the lockfile names', async () => {
    const path = source('package-lock.json');
    const lock = JSON.parse(await readFile(path, 'utf8')) as { packages: Record<string, { version: string }> };
    lock.packages['node_modules/koa'] = { ...lock.packages['node_modules/koa'], version: '0.0.1' };
    await writeFile(path, JSON.stringify(lock));
    const before = await builds();
    const { code, stderr } = await density(['--help']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^density: node_modules\/koa is not .*run npm ci\.\n$/)]);
    expect(await builds()).toEqual(before);
  });

  it('refuses to choose between builds when there are no sources', async () => {
    await rm(source('src'), { recursive: true });
    expect((await density(['--help'])).stdout).toContain(DESCRIPTION);
    const [build = ''] = await builds();
    await cp(source(`dist/${build}`), source('dist/another'), { recursive: true });
    const { code, stderr } = await density(['--help']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^density: .* 2 builds .*keep only one\.\n$/)]);
  });

  it('compiles in several processes at once, and leaves one whole build', async () => {
    await rm(source('dist'), { recursive: true });
    const ended = await Promise.all(Array.from({ length: 3 }, async () => density(['--help'])));
    for (const { code, stdout } of ended) expect([code, stdout.includes(DESCRIPTION)]).toEqual([0, true]);
    expect(await builds()).toHaveLength(1);
  });

  it('ignores what a process left that was killed while it compiled', async () => {
    const [build = ''] = await builds();
    await rename(source(`dist/${build}`), source('dist/.compiling-dead'));
    await rm(source('dist/.compiling-dead/main.js.map'));
    expect((await density(['--help'])).stdout).toContain(DESCRIPTION);
    expect(await builds()).toEqual(['.compiling-dead', build]);
    const abandoned = new Date(Date.now() - 2 * 86_400_000);
    await utimes(source('dist/.compiling-dead'), abandoned, abandoned);
    await describeAs('Counts people.');
    await density(['--help']);
    expect(await builds()).not.toContain('.compiling-dead');
  });

  it('names the line of a source that does not compile, and keeps no build of it', async () => {
    const before = await builds();
    await appendFile(source('src/cli/main.ts'), 'const = 1;\n');
    const line = (await readFile(source('src/cli/main.ts'), 'utf8')).split('\n').length - 1;
    const { code, stderr } = await density(['--help']);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^density: The sources do not compile: src/cli/main.ts:${line}: .*\n$`));
    expect(await builds()).toEqual(before);
  });

  it('says what to do if the sources changed and esbuild is not installed', async () => {
    await unlink(source('node_modules'));
    await describeAs('Counts people.');
    const { code, stderr } = await density(['--help']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^density: .*esbuild.*run npm ci\.\n$/)]);
  });

  it('says what to do if the sources changed and dist cannot be written', async () => {
    await describeAs('Counts people.');
    // Root may write anywhere.
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    await chmod(checkout, 0o755);
    await chmod(source('dist'), 0o555);
    // Node passes this variable on to its children, and complains if it cannot write there.
    const { code, stderr } = await density(['--help'], { ...user, env: { NODE_V8_COVERAGE: '' } });
    await chmod(source('dist'), 0o755);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^density: .*cannot be written \(E\w+\): .*\n$/)]);
  });

  it('loads for --help neither the service nor the client of an engine', async () => {
    const folder = source('loaded');
    await density(['--help'], { env: { NODE_V8_COVERAGE: folder } });
    const [report = ''] = await readdir(folder);
    const { result } = JSON.parse(await readFile(join(folder, report), 'utf8')) as { result: { url: string }[] };
    const files = result.filter(({ url }) => url.startsWith('file:')).map(({ url }) => fileURLToPath(url));
    expect(files.filter((file) => file.includes('node_modules'))).toEqual([]);
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(400_000);
  });

  it('names the line of the TypeScript source in a stack trace', async () => {
    const path = source('src/cli/routes-command.ts');
    const code = await readFile(path, 'utf8');
    await writeFile(
      path,
      code.replace(/(export function routesCommand[^\n]*\n)/, '$1  throw new Error(String(new Error().stack));\n'),
    );
    const line = (await readFile(path, 'utf8')).split('\n').findIndex((text) => text.includes('new Error().stack')) + 1;
    expect((await density(['routes'])).stderr).toContain(`src/cli/routes-command.ts:${line}:`);
  });
});
