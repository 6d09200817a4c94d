import { expect, it } from 'vitest';
import { readingsMode } from '../../src/nats/read-mode.ts';

it('a process uses the shared consumer from five eighths of the partitions on, until it has less than half', () => {
  const modes = (open: readonly number[], partitions: number): string[] => {
    let now: 'shared' | 'filtered' = 'filtered';
    return open.map((count) => (now = readingsMode(count, partitions, now)));
  };
  expect(modes([1, 9, 10, 16, 9, 8, 7, 8, 9, 10], 16)).toEqual([
    'filtered',
    'filtered',
    'shared',
    'shared',
    'shared',
    'shared',
    'filtered',
    'filtered',
    'filtered',
    'shared',
  ]);
  expect(modes([1, 0], 1)).toEqual(['shared', 'filtered']);
  expect(modes([1, 2, 1], 3)).toEqual(['filtered', 'shared', 'filtered']);
  // The number of partitions is not known.
  expect(modes([1, 64], Infinity)).toEqual(['filtered', 'filtered']);
});
