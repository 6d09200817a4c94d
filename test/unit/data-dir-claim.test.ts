// A data folder belongs to one engine at a time, whatever an earlier run left in it.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { claimDataDir, type DataDirClaim } from '../../src/local/data-dir-claim.ts';
import { describeProcess } from '../../src/local/process-info.ts';

const PID_FILE = 'engine.pid';
const DEAD = 2 ** 22 + 1;

let folder: string;
let children: ChildProcess[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-claim-'));
  children = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const claim = async (dataDir = folder): Promise<DataDirClaim> =>
  claimDataDir({ dataDir, pidFileName: PID_FILE, commandMark: folder, title: 'engine', stopGraceMs: 200 });
const pidFile = (): string => join(folder, PID_FILE);

/** An engine of this folder. */
async function engine(program = ''): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn(process.execPath, ['-e', `${program}; process.stdin.resume(); console.log('runs')`, folder], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child as ChildProcess & { readonly pid: number };
}

it('is claimed once, and again after its release', async () => {
  const first = await claim();
  await expect(claim()).rejects.toThrow(`The data folder ${folder} is in use by this process`);
  await first.release();
  const second = await claim();
  // The first claim is over, and must not end the second one.
  await first.release();
  await expect(claim()).rejects.toThrow('in use by this process');
  await second.release();
  expect(await readdir(folder)).toEqual([]);
});

it('is refused while the process that claimed it lives', async () => {
  const owner = await engine();
  const { startedAt } = (await describeProcess(owner.pid))!;
  await writeFile(pidFile(), `\n${owner.pid}\n${startedAt}\nnonce\n`);
  await expect(claim()).rejects.toThrow(`in use by process ${owner.pid}`);
  // The id was reused by a process that started at another time.
  await writeFile(pidFile(), `\n${owner.pid}\nearlier\nnonce\n`);
  await (await claim()).release();
});

it('is taken over from a process that was killed, and its engine is stopped first', async () => {
  const orphan = await engine();
  await writeFile(pidFile(), `${orphan.pid}\n${DEAD}\nlong ago\nnonce\n`);
  const exit = once(orphan, 'exit');
  await claim();
  expect(await exit).toEqual([null, 'SIGTERM']);
  expect(await readFile(pidFile(), 'utf8')).toContain(`\n${process.pid}\n`);
});

it('is refused if the engine of a killed process cannot be stopped', async () => {
  const orphan = await engine();
  await writeFile(pidFile(), `${orphan.pid}\n${DEAD}\nlong ago\nnonce\n`);
  vi.spyOn(process, 'kill').mockReturnValue(true);
  await expect(claim()).rejects.toThrow(
    `in use by process ${orphan.pid}, which is left over from an earlier run and does not stop`,
  );
});

it('is claimed again by a process whose own engine has died', async () => {
  await (await claim()).recordChild(DEAD);
  await claim();
  expect((await readFile(pidFile(), 'utf8')).split('\n')[0]).toBe('');
});

it('is claimed by exactly one of several that find what a killed process left', async () => {
  for (let round = 0; round < 30; round++) {
    await writeFile(pidFile(), `\n${DEAD}\nlong ago\nnonce\n`);
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, async () => claim()));
    const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []));
    expect(won, reasons.join('\n')).toHaveLength(1);
    for (const reason of reasons) expect(reason).toContain(`The data folder ${folder} is in use`);
    await won[0]!.release();
    expect(await readdir(folder)).toEqual([]);
  }
});

it('is claimed although another claimant was killed while it replaced what a killed process left', async () => {
  const [left, interrupted] = [`\n${DEAD}\nlong ago\nnonce\n`, `\n${DEAD + 1}\nlong ago\nnonce\n`];
  await writeFile(pidFile(), left);
  await writeFile(`${pidFile()}.${createHash('sha256').update(left).digest('hex')}`, interrupted);
  const one = await claim();
  await expect(claim()).rejects.toThrow('in use by this process');
  await one.release();
  expect(await readdir(folder)).toEqual([]);
});

it('is refused with its name if it cannot be used', async () => {
  const file = join(folder, 'file');
  await writeFile(file, '');
  await expect(claim(join(file, 'data'))).rejects.toThrow(`Cannot write to ${file}/data (ENOTDIR)`);
  await rm(file);
  // A folder in place of the file can be neither read nor linked over.
  await mkdir(pidFile());
  await expect(claim()).rejects.toThrow('EISDIR');
});
