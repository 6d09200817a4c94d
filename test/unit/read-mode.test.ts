import { expect, it } from 'vitest';
import { readingsMode } from '../../src/nats/read-mode.ts';

it('READINGS is read together from half of its partitions on, until clearly less than half are left', () => {
  const modes = (open: readonly number[], partitions: number): string[] => {
    let now: 'shared' | 'filtered' = 'filtered';
    return open.map((count) => (now = readingsMode(count, partitions, now)));
  };
  expect(modes([1, 7, 8, 16, 8, 7, 6, 5, 7, 8], 16)).toEqual(['filtered', 'filtered', 'shared', 'shared', 'shared', 'shared', 'shared', 'filtered', 'filtered', 'shared']);
  expect(modes([1, 0], 1)).toEqual(['shared', 'filtered']);
  // The number of partitions is not known.
  expect(modes([1, 64], Infinity)).toEqual(['filtered', 'filtered']);
});
