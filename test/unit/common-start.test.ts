// Folds that are restored at the same time start reading the log together.
import { expect, test } from 'vitest';
import { CommonStart } from '../../src/shards/common-start.ts';

interface Loading {
  readonly started: Promise<number>;
  finish(seq: number): void;
  fail(error: Error): void;
}

function load(start: CommonStart): Loading {
  let [finish, fail]: [(seq: number) => void, (error: Error) => void] = [() => undefined, () => undefined];
  const loaded = new Promise<number>((resolve, reject) => ([finish, fail] = [resolve, reject]));
  const started = start.after(async () => loaded);
  started.catch(() => undefined);
  return { started, finish, fail };
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const none = new Promise((resolve) => setImmediate(() => resolve('none')));
  return (await Promise.race([promise, none])) === 'none';
}

test('all that load at the same time start after the least of their sequences, once the last has loaded', async () => {
  const start = new CommonStart();
  const [first, second, third] = [load(start), load(start), load(start)];
  second.finish(700);
  first.finish(900);
  expect(await isPending(first.started)).toBe(true);
  third.finish(800);
  expect(await Promise.all([first, second, third].map(async ({ started }) => started))).toEqual([700, 700, 700]);
});

test('nobody waits for one that failed, or for one that begins to load after another has loaded', async () => {
  const start = new CommonStart();
  const [loaded, failing] = [load(start), load(start)];
  loaded.finish(900);
  expect(await isPending(loaded.started)).toBe(true);
  const [later, last] = [load(start), load(start)];
  failing.fail(new Error('it cannot be read'));
  expect(await isPending(loaded.started)).toBe(false);
  expect(await loaded.started).toBe(900);
  await expect(failing.started).rejects.toThrow('it cannot be read');
  last.finish(100);
  expect(await isPending(last.started)).toBe(true);
  later.finish(200);
  expect(await last.started).toBe(100);
});

test('one that is far behind does not make the others wait for it to catch up', async () => {
  const start = new CommonStart();
  const [behind, ahead] = [load(start), load(start)];
  behind.finish(10);
  ahead.finish(1_000_000);
  expect(await Promise.all([behind.started, ahead.started])).toEqual([950_000, 950_000]);
});
