// What is logged in one turn of the event loop is written together. Nothing is lost when the process exits, and a full disk does not end it.
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
  log.child({ shard: 3 }).info('second');
  expect(written).toEqual([]);
  await nextTurn();
  log.info('third');
  await nextTurn();
  await nextTurn();
  expect(written).toEqual([['first', 'second'], ['third']]);
});

it('writes a warning or an error at once, with what came before it', async () => {
  const written = writes();
  const log = createLog('info');
  log.info('before');
  log.child({ shard: 3 }).warn('a warning');
  log.error('an error');
  log.info('after');
  expect(written).toEqual([['before', 'a warning'], ['an error']]);
  await nextTurn();
  expect(written.slice(2)).toEqual([['after']]);
});

it('writes what waits when the process exits, and what other listeners log then', () => {
  const written = writes();
  const before = process.listeners('exit');
  const log = createLog('info');
  const [onExit] = process.listeners('exit').filter((listener) => !before.includes(listener));
  log.info('the last but one');
  onExit?.(1);
  log.info('the last one');
  expect(written).toEqual([['the last but one'], ['the last one']]);
});

it('a full disk under the log does not end the process', async () => {
  let isFull = true;
  const written: string[] = [];
  vi.spyOn(fs, 'writeSync').mockImplementation((_, text) => {
    if (isFull) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    written.push(String(text));
    return Buffer.byteLength(String(text));
  });
  const log = createLog('info');
  // An error that nobody catches fails the test.
  log.info('lost or late');
  await nextTurn();
  log.error('as well');
  isFull = false;
  log.info('written again');
  await nextTurn();
  expect(written.join('')).toContain('written again');
});
