// What is logged in one turn of the event loop is written together, and none of it is lost when the process exits.
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { createLog } from '../../src/log.ts';

afterEach(() => vi.restoreAllMocks());

/** What is written to stderr: the messages of each write. */
function writes(): string[][] {
  const written: string[][] = [];
  vi.spyOn(fs, 'writeSync').mockImplementation((_, text) => {
    const lines = String(text).trimEnd().split('\n');
    written.push(lines.map((line) => (JSON.parse(line) as { msg: string }).msg));
    return Buffer.byteLength(String(text));
  });
  return written;
}

it('writes the lines of a turn once', async () => {
  const written = writes();
  const log = createLog('info');
  log.info('first');
  log.debug('not at this level');
  log.child({ shard: 3 }).warn('second');
  expect(written).toEqual([]);
  await nextTurn();
  log.info('third');
  await nextTurn();
  await nextTurn();
  expect(written).toEqual([['first', 'second'], ['third']]);
});

it('writes what waits when the process exits', () => {
  const written = writes();
  const before = process.listeners('exit');
  const log = createLog('info');
  const [onExit] = process.listeners('exit').filter((listener) => !before.includes(listener));
  log.error('the last one');
  onExit?.(1);
  expect(written).toEqual([['the last one']]);
});
