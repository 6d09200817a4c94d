// What is known about another process, from /proc and from `ps`, and how it is ended.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { describeProcess, endProcess } from '../../src/local/process-info.ts';
import { eventually } from '../support/eventually.ts';
import { hasProgram } from '../support/programs.ts';

const MARK = 'density-process-info-test';
const children: ChildProcess[] = [];

/** A Node process that runs `program` and has printed something, with its id. */
async function started(program: string): Promise<{ child: ChildProcess; pid: number }> {
  const child = spawn(process.execPath, ['-e', `${program}; console.log('runs')`, MARK], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  return { child, pid: child.pid! };
}
const untilStdinEnds = 'process.stdin.resume()';

function on(platform: NodeJS.Platform): void {
  vi.spyOn(process, 'platform', 'get').mockReturnValue(platform);
}

afterEach(() => {
  vi.restoreAllMocks();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const sources = [
  { name: '/proc', platform: 'linux' as const, isHere: process.platform === 'linux' },
  { name: 'ps', platform: 'darwin' as const, isHere: hasProgram('ps', '-o', 'pid=') },
].filter(({ isHere }) => isHere);

describe.each(sources)('by $name', ({ platform }) => {
  it('a process has a command line and one start time, which differs from that of others', async () => {
    on(platform);
    const { pid } = await started(untilStdinEnds);
    const info = await describeProcess(pid);
    expect(info?.commandLine).toContain(MARK);
    expect(info?.startedAt).not.toBe('');
    expect(await describeProcess(pid)).toEqual(info);
    expect((await describeProcess(process.ppid))?.startedAt).not.toBe(info?.startedAt);
  });

  it('a process that has ended is unknown, also if nobody has reaped it', async () => {
    on(platform);
    expect(await describeProcess(2 ** 22 + 1)).toBeUndefined();
    for (const pid of [0, -1, 1.5, NaN]) expect(await describeProcess(pid)).toBeUndefined();
    // The parent prints the id of its child, which has ended, and does not wait for it.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 600'], { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(parent);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    await eventually(async () => expect(await describeProcess(Number(line.toString()))).toBeUndefined());
    expect(await describeProcess(parent.pid!)).toMatchObject({ commandLine: 'sleep 600' });
  });
});

describe('a process is ended', () => {
  const isIt = ({ commandLine }: { commandLine: string }): boolean => commandLine.includes(MARK);

  it('in order if it reacts to SIGTERM', async () => {
    const { child, pid } = await started(`${untilStdinEnds}; process.on('SIGTERM', () => process.exit(7))`);
    const exit = once(child, 'exit');
    expect(await endProcess(pid, isIt, 60_000)).toBe(true);
    expect(await exit).toEqual([7, null]);
    expect(await endProcess(pid, isIt, 60_000)).toBe(true);
  });

  it('with SIGKILL if it ignores SIGTERM', async () => {
    const { child, pid } = await started(`${untilStdinEnds}; process.on('SIGTERM', () => undefined)`);
    const exit = once(child, 'exit');
    expect(await endProcess(pid, isIt, 200)).toBe(true);
    expect(await exit).toEqual([null, 'SIGKILL']);
  });

  it('never if its id now belongs to another process', async () => {
    const { child, pid } = await started(untilStdinEnds);
    expect(await endProcess(pid, () => false, 60_000)).toBe(true);
    expect([child.exitCode, child.signalCode]).toEqual([null, null]);
    expect(await describeProcess(pid)).toBeDefined();
  });

  it('or the caller is told that it is still running', async () => {
    const { pid } = await started(untilStdinEnds);
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('it belongs to another user'), { code: 'EPERM' });
    });
    expect(await endProcess(pid, isIt, 50)).toBe(false);
    expect(kill.mock.calls.map(([, signal]) => signal)).toEqual(['SIGTERM', 'SIGKILL']);
  });
});
