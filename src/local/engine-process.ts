// Runs an engine as a child process: claims its folder, starts it, waits until it serves, and stops it.
//
// Invariants:
// - The child is detached, so that Ctrl-C in the terminal reaches only the service, which stops its engines last and
//   in order.
// - A start ends within its timeout: either the engine serves, or it is stopped, its folder is released and an error
//   states the reason.
// - `stop` may be called twice, is bounded in time, and leaves no process behind.
// - `onExit` is called once if the engine exits without having been stopped, and never otherwise.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { claimDataDir } from './data-dir-claim.ts';
import type { DataDirClaim } from './data-dir-claim.ts';
import { LocalEngineError, messageOf, writingTo } from './local-engine-error.ts';

export interface EngineSpec<Ready> {
  /** For messages, such as 'nats-server'. */
  readonly title: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly hasIpc: boolean;
  readonly dataDir: string;
  readonly pidFileName: string;
  readonly commandMark: string;
  readonly logFile: string;
  readonly startTimeoutMs: number;
  readonly stopGraceMs: number;
  /** Runs after the folder is claimed and before the child starts. */
  readonly prepare: () => Promise<void>;
  /** Resolves once the engine serves; rejects when the signal aborts. */
  readonly untilReady: (child: ChildProcess, log: () => Promise<string>, signal: AbortSignal) => Promise<Ready>;
  /** The cause of an early exit, found in the engine's log; undefined if the log does not contain one. */
  readonly explain: (log: string) => LocalEngineError | undefined;
  /** Called once the process exists, long before it serves. */
  readonly onSpawned?: (() => void) | undefined;
  readonly onExit?: ((error: LocalEngineError) => void) | undefined;
}

export interface RunningEngine<Ready> {
  readonly pid: number;
  readonly ready: Ready;
  stop(): Promise<void>;
  /** Simulates a crash: no shutdown, and the folder remains claimed. For tests. */
  kill9(): Promise<void>;
}

const LOG_BYTES_MAX = 10_000_000;

// If this process exits without stopping its engines, they at least get SIGTERM. After a SIGKILL of this process, the
// next start finds and stops the orphaned engine.
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

export async function startEngine<Ready>(spec: EngineSpec<Ready>): Promise<RunningEngine<Ready>> {
  const claim = await claimDataDir(spec);
  try {
    return await startClaimed(spec, claim);
  } catch (error) {
    await claim.release();
    throw error;
  }
}

async function startClaimed<Ready>(spec: EngineSpec<Ready>, claim: DataDirClaim): Promise<RunningEngine<Ready>> {
  await writingTo(spec.dataDir, spec.prepare);
  const { child, exited, log } = await spawnLogged(spec);
  const pid = child.pid;
  if (pid === undefined) {
    throw new LocalEngineError('failed', `Cannot start ${spec.title}: ${await exited}.`);
  }
  running.add(child);
  let stopping = false;

  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (isAlive(child)) child.kill(signal);
    if (!(await settlesWithin(exited, spec.stopGraceMs))) child.kill('SIGKILL');
    await exited;
    running.delete(child);
  };

  try {
    await claim.recordChild(pid);
    spec.onSpawned?.();
    const ready = await untilServing(spec, child, exited, log);
    void exited.then(async (how) => {
      running.delete(child);
      if (stopping) return;
      const cause = spec.explain(await log().catch(() => ''));
      spec.onExit?.(
        cause ?? new LocalEngineError('failed', `${spec.title} exited unexpectedly (${how}): see ${spec.logFile}.`),
      );
    });
    return {
      pid,
      ready,
      stop: async () => {
        stopping = true;
        await end('SIGTERM');
        await claim.release();
      },
      kill9: () => end('SIGKILL'),
    };
  } catch (error) {
    stopping = true;
    await end('SIGTERM');
    throw error;
  }
}

async function untilServing<Ready>(
  spec: EngineSpec<Ready>,
  child: ChildProcess,
  exited: Promise<string>,
  log: () => Promise<string>,
): Promise<Ready> {
  const over = new AbortController();
  const ready = spec.untilReady(child, log, over.signal).then((value) => ({ kind: 'ready' as const, value }));
  const outcome = await Promise.race([
    ready,
    exited.then((how) => ({ kind: 'exited' as const, how })),
    delay(spec.startTimeoutMs, { kind: 'late' as const }, { signal: over.signal }),
  ]).finally(() => over.abort());
  if (outcome.kind === 'ready') return outcome.value;
  const text = await log().catch(() => '');
  const cause = spec.explain(text);
  if (cause !== undefined) throw cause;
  const line = tellingLine(text);
  const what =
    outcome.kind === 'late'
      ? `did not start within ${spec.startTimeoutMs / 1000} s`
      : `exited during start (${outcome.how})`;
  throw new LocalEngineError(
    'failed',
    `${spec.title} ${what}: see ${spec.logFile}${line === '' ? '' : `, which says "${line}"`}.`,
  );
}

/** The last line, or what comes before the stack trace if the engine, written in Go, has panicked. */
function tellingLine(log: string): string {
  const lines = log.trim().split('\n');
  return lines.findLast((line) => /^(panic|fatal error): /.test(line)) ?? lines.at(-1) ?? '';
}

async function spawnLogged<Ready>(
  spec: EngineSpec<Ready>,
): Promise<{ child: ChildProcess; exited: Promise<string>; log: () => Promise<string> }> {
  const file = await writingTo(dirname(spec.logFile), async () => {
    await mkdir(dirname(spec.logFile), { recursive: true });
    const size = await stat(spec.logFile).then(
      (s) => s.size,
      () => 0,
    );
    if (size > LOG_BYTES_MAX) await rename(spec.logFile, `${spec.logFile}.old`);
    return open(spec.logFile, 'a');
  });
  try {
    const from = (await file.stat()).size;
    const child = spawn(spec.command, spec.args, {
      detached: true,
      stdio: ['ignore', file.fd, file.fd, ...(spec.hasIpc ? ['ipc' as const] : [])],
      ...(spec.env === undefined ? {} : { env: spec.env }),
    });
    // Created before the first await, because a child that exits at once emits its event only once.
    const exited = exitOf(child);
    return { child, exited, log: async () => (await readFile(spec.logFile)).subarray(from).toString('utf8') };
  } finally {
    await file.close();
  }
}

/** How the child exited: 'exit code 1', 'SIGKILL', or the reason why it could not be started. */
function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(messageOf(error));
    });
  });
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const over = new AbortController();
  try {
    return await Promise.race([promise.then(() => true), delay(ms, false, { signal: over.signal })]);
  } finally {
    over.abort();
  }
}

/** Calls `ask` every `everyMs` until it returns an answer; rejects when the signal aborts. */
export async function poll<T>(ask: () => Promise<T | undefined>, everyMs: number, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined) return answer;
    await delay(everyMs, undefined, { signal });
  }
}

/** The next IPC message of a child. */
export async function nextMessage(child: ChildProcess, signal: AbortSignal): Promise<unknown> {
  const [message] = (await once(child, 'message', { signal })) as unknown[];
  return message;
}
