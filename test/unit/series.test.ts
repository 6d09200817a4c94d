// The order of standings, from which each gets what it counts.
import { expect, test } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import { arrivedAt, standingMeasure } from '../../src/domain/measure.ts';
import type { Reading } from '../../src/domain/reading.ts';
import { compareInSeries } from '../../src/domain/series.ts';

type Said = readonly [timestampMs: number, name: string | undefined, totals: [number, number], epoch: string | null];
/** @param place of a reading that came without a timestamp */
const standing = ([timestampMs, name, totals, counterEpoch]: Said, place?: number): Reading => {
  const [totalEntrances, totalExits] = totals;
  const measure = standingMeasure({ totalEntrances, totalExits, counterEpoch });
  return {
    dpuId: 'd1' as DpuId,
    timestampMs,
    measure: place === undefined ? measure : arrivedAt(measure, 1, place),
    ...(name === undefined ? {} : { name }),
  };
};

const IN_ORDER: readonly Said[] = [
  [1, 'z', [9, 9], 'z'],
  [2, undefined, [4, 3], null],
  [2, undefined, [4, 3], 'a'],
  [2, undefined, [4, 3], 'b'],
  [2, undefined, [4, 10], null],
  [2, undefined, [10, 1], null],
  [2, 'a', [1, 1], null],
];

test.each([
  { what: 'with timestamps', place: false },
  { what: 'of one arrival', place: true },
])('standings $what are ordered by timestamp, id, totals and epoch', ({ place }) => {
  // The places descend, so that they are seen to matter last.
  const readings = IN_ORDER.map((said, at) => standing(said, place ? IN_ORDER.length - at : undefined));
  expect([...readings].reverse().sort(compareInSeries)).toEqual(readings);
});
