import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { orAborted } from '../../src/runtime/or-aborted.ts';

const never = async (): Promise<never> => new Promise(() => undefined);

it('ends with the work, and leaves no listener on the signal', async () => {
  const { signal } = new AbortController();
  for (let n = 0; n < 20; n++) await orAborted(Promise.resolve(n), signal);
  await expect(orAborted(Promise.reject(new Error('lost')), signal)).rejects.toThrow('lost');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('ends when the signal aborts, also if it has aborted before', async () => {
  const abort = new AbortController();
  const waiting = orAborted(never(), abort.signal);
  abort.abort();
  await waiting;
  await orAborted(never(), abort.signal);
  expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
});
