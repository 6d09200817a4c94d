// The people who passed between two standings of a device.
import { describe, expect, it } from 'vitest';
import { passedBetween, type Standing } from '../../src/domain/measure.ts';

const stands = (totalEntrances: number, totalExits: number, counterEpoch: string | null = null): Standing => ({
  totalEntrances,
  totalExits,
  counterEpoch,
});

describe('the difference of two standings', () => {
  it.each([
    ['the first is what later ones are compared with', undefined, stands(100, 50), null, [0, 0]],
    ['counters that go on', stands(100, 50), stands(105, 51), null, [5, 1]],
    ['counters that stand still', stands(100, 50), stands(100, 50), null, [0, 0]],
    ['a lower one without a modulus is a restart', stands(100, 50), stands(3, 51), null, [3, 51]],
    ['a restart is of both counters', stands(100, 50), stands(100, 2), null, [100, 2]],
    ['one that wraps', stands(65_530, 50), stands(4, 51), 65_536, [10, 1]],
    ['both wrap', stands(65_530, 65_535), stands(4, 0), 65_536, [10, 1]],
    ['ahead by just less than half', stands(65_535, 0), stands(32_766, 0), 65_536, [32_767, 0]],
    ['ahead by half is a restart', stands(65_535, 0), stands(32_767, 0), 65_536, [32_767, 0]],
    [
      'a lower standing, ahead by more than half of the modulus, is a restart',
      stands(50_000, 7),
      stands(49_000, 8),
      65_536,
      [49_000, 8],
    ],
    ['one wraps and the other restarts: both restart', stands(65_530, 20_000), stands(4, 10), 65_536, [4, 10]],
    ['another epoch is a restart', stands(100, 50, 'a'), stands(120, 60, 'b'), null, [120, 60]],
    ['an epoch where there was none is a restart', stands(100, 50), stands(120, 60, 'b'), null, [120, 60]],
    ['the same epoch goes on', stands(100, 50, 'a'), stands(120, 60, 'a'), null, [20, 10]],
  ] as const)('%s', (_, previous, next, modulus, [entrances, exits]) => {
    expect(passedBetween(previous, next, modulus)).toEqual({ entrances, exits });
  });
});
