// Information about other processes.
//
// Invariants: a zombie counts as ended, because nobody reaps orphans in a container without an init. A process is
// identified by its id and its start time, because ids are reused.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ProcessInfo {
  /** Distinguishes two processes with the same id. */
  readonly startedAt: string;
  readonly commandLine: string;
}

/** @returns undefined if no such process is alive */
export async function describeProcess(pid: number): Promise<ProcessInfo | undefined> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return process.platform === 'linux' ? describeFromProc(pid) : describeFromPs(pid);
}

async function describeFromProc(pid: number): Promise<ProcessInfo | undefined> {
  try {
    const [stat, commandLine, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    ]);
    // The name in parentheses may contain spaces and parentheses, so fields are counted from the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0] ?? '';
    if (state === 'Z' || state === 'X') return undefined;
    return { startedAt: `${boot.trim()}/${fields[19] ?? ''}`, commandLine: commandLine.split('\0').join(' ').trim() };
  } catch {
    return undefined;
  }
}

async function describeFromPs(pid: number): Promise<ProcessInfo | undefined> {
  try {
    const [state, startedAt, commandLine] = await Promise.all(
      ['stat=', 'lstart=', 'command='].map(async (column) =>
        (await run('ps', ['-ww', '-o', column, '-p', String(pid)])).stdout.trim(),
      ),
    );
    if (state === undefined || state === '' || state.startsWith('Z')) return undefined;
    return { startedAt: startedAt ?? '', commandLine: commandLine ?? '' };
  } catch {
    return undefined;
  }
}

/** Stops a process that is not a child: SIGTERM, `graceMs`, SIGKILL, `graceMs`. @returns true if it has ended */
export async function endProcess(
  pid: number,
  isStillIt: (info: ProcessInfo) => boolean,
  graceMs: number,
): Promise<boolean> {
  const isGone = async (): Promise<boolean> => {
    const info = await describeProcess(pid);
    return info === undefined || !isStillIt(info);
  };
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (await isGone()) return true;
    try {
      process.kill(pid, signal);
    } catch {
      // The process has already ended, or belongs to another user; the next check decides.
    }
    const deadline = performance.now() + graceMs;
    while (performance.now() < deadline) {
      if (await isGone()) return true;
      await delay(20);
    }
  }
  return isGone();
}
