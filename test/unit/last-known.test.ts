import { expect, it } from 'vitest';
import { LastKnown } from '../../src/runtime/last-known.ts';

it('keeps the values that were set last, up to a number of keys', () => {
  const known = new LastKnown<string, number>(2);
  known.set('a', 1);
  known.set('b', 2);
  known.set('a', 3);
  known.set('c', 4);
  expect(['a', 'b', 'c'].map((key) => known.get(key))).toEqual([3, undefined, 4]);
});
