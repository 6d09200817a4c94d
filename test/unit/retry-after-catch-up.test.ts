import type { Context } from 'koa';
import { expect, test } from 'vitest';
import { Failure } from '../../src/domain/failure.ts';
import type { Route } from '../../src/http/routes/route.ts';
import { fakeOf } from '../support/fake-of.ts';
import { retryAfterCatchUp } from '../../src/http/middleware/retry-after-catch-up.ts';

/** @param log whether it has entries that this process lacks, or cannot be reached */
async function ask(
  method: 'GET' | 'POST',
  log: 'more' | 'no more' | 'unavailable',
  failure = new Failure('not_found', 'there is no space 1'),
): Promise<{ runs: number; refusal: unknown }> {
  let [runs, isKnown] = [0, false];
  const route = fakeOf<Route>('Route', {
    method,
    run: async () => {
      runs += 1;
      if (!isKnown) throw failure;
      return Promise.resolve();
    },
  });
  const catchUp = async (): Promise<boolean> => {
    if (log === 'unavailable') throw new Error('nobody answers');
    return Promise.resolve((isKnown = log === 'more'));
  };
  const refusal: unknown = await retryAfterCatchUp(route, { catchUp })
    .run(fakeOf<Context>('Context', {}), {})
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  return { runs, refusal };
}

test('finds what another process has just written', async () => {
  expect(await ask('GET', 'more')).toEqual({ runs: 2, refusal: undefined });
});

test.each(['no more', 'unavailable'] as const)(
  'reports what does not exist as not found (the log: %s)',
  async (log) => {
    expect(await ask('GET', log)).toMatchObject({ runs: 1, refusal: { kind: 'not_found' } });
  },
);

test('does not retry other refusals, or commands', async () => {
  expect(await ask('GET', 'more', new Failure('invalid', 'no'))).toMatchObject({
    runs: 1,
    refusal: { kind: 'invalid' },
  });
  expect(await ask('POST', 'more')).toMatchObject({ runs: 1, refusal: { kind: 'not_found' } });
});
