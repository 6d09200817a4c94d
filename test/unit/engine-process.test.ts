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

const starting = async (n: number, command: string): Promise<unknown> =>
  startEngine({
    title: 'engine',
    command,
    args: ['-e', 'process.exit(3)'],
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
