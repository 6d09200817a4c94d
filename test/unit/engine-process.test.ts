import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEngine } from '../../src/local/engine-process.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-engine-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const starting = async (n: number, command: string, program = 'process.exit(3)'): Promise<unknown> =>
  startEngine({
    title: 'engine',
    command,
    args: ['-e', program],
    hasIpc: false,
    dataDir: join(folder, `${n}`),
    pidFileName: 'engine.pid',
    commandMark: 'process.exit',
    logFile: join(folder, `${n}.log`),
    startTimeoutMs: 60_000,
    stopGraceMs: 1_000,
    prepare: async () => undefined,
    explain: () => undefined,
    untilReady: async () => new Promise(() => undefined),
  }).catch((error: unknown) => (error as Error).message);

test('an exit of the engine is reported even if it came before anybody listened', async () => {
  // Blocks this process while the engine starts and exits.
  const busy = setInterval(() => {
    for (const until = performance.now() + 200; performance.now() < until;) continue;
  }, 1);
  const messages = await Promise.all(Array.from({ length: 12 }, (_, n) => starting(n, process.execPath)));
  clearInterval(busy);
  for (const message of messages) expect(message).toContain('engine exited during start (exit code 3)');
}, 120_000);

test('an engine whose binary is missing cannot be started', async () => {
  expect(await starting(99, join(folder, 'nothing'))).toContain('Cannot start engine');
});

test('an engine that panics is quoted with the cause, and not with the end of its stack trace', async () => {
  const said =
    '[INF] Starting restore\npanic: runtime error: no such thing\n\ngoroutine 56 [running]:\n\tserver/util.go:379 +0x5f\n';
  const message = await starting(
    100,
    process.execPath,
    `process.stderr.write(${JSON.stringify(said)}); process.exitCode = 2`,
  );
  expect(message).toMatch(/\(exit code 2\): see .*, which says "panic: runtime error: no such thing"\.$/);
});

test('an engine that does not panic is quoted with its last line', async () => {
  const program = `process.stderr.write('one\\ntwo\\n'); process.exitCode = 1`;
  expect(await starting(101, process.execPath, program)).toMatch(/, which says "two"\.$/);
});
