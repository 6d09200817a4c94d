// Which readings a router knows next to those that it looks at. A standing that it misses would make a difference too large.
import { describe, expect, test } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { NOBODY, personMeasure, standingMeasure } from '../../src/domain/measure.ts';
import type { Reading } from '../../src/domain/reading.ts';
import { seriesOf } from '../../src/domain/series.ts';
import type { History } from '../../src/ports/history.ts';
import { SeriesMemory } from '../../src/router/series-memory.ts';

const DPU = 'd1' as DpuId;
const standing = (timestampMs: number, totalEntrances: number): Reading => ({
  dpuId: DPU,
  timestampMs,
  measure: standingMeasure({ totalEntrances, totalExits: 0, counterEpoch: null }),
});
const STORED = [standing(1_000, 1), standing(2_000, 2), standing(3_000, 3)];

/** For each place: the standings at that instant, and at the instants directly before and after it. */
const history: Pick<History, 'neighbours' | 'readingsAt'> = {
  readingsAt: async (places) =>
    Promise.resolve(STORED.filter(({ timestampMs }) => places.some((place) => place.timestampMs === timestampMs))),
  neighbours: async (places) =>
    Promise.resolve(
      STORED.filter(({ timestampMs }) =>
        places.some(({ timestampMs: atMs }) => {
          const beforeMs = Math.max(...STORED.map((one) => one.timestampMs).filter((ms) => ms < atMs));
          const afterMs = Math.min(...STORED.map((one) => one.timestampMs).filter((ms) => ms > atMs));
          return [beforeMs, atMs, afterMs].includes(timestampMs);
        }),
      ),
    ),
};

test.each([
  { what: 'a new one', reading: standing(4_000, 14), passed: 11, dependent: undefined },
  { what: 'the newest that is stored', reading: standing(3_000, 3), passed: 1, dependent: undefined },
  { what: 'an older one that is stored', reading: standing(2_000, 2), passed: 1, dependent: STORED[2] },
  { what: 'one that comes late', reading: standing(2_500, 9), passed: 7, dependent: STORED[2] },
])('finds the standings before and after $what', async ({ reading, passed, dependent }) => {
  const series = seriesOf(
    reading,
    await new SeriesMemory().around(
      [reading],
      history,
      () => undefined,
      () => false,
    ),
  );
  expect(series?.passedBy(reading, null)).toEqual({ ...NOBODY, entrances: passed });
  expect(series?.dependentOn(reading)).toEqual(dependent);
});

test.each([
  { what: 'a new one', reading: standing(4_000, 14), deleted: [3_000], passed: 12, dependent: undefined },
  { what: 'a new one, after a run', reading: standing(4_000, 14), deleted: [3_000, 2_000], passed: 13 },
  { what: 'a late one', reading: standing(2_500, 9), deleted: [2_000, 3_000], passed: 8 },
  { what: 'a late one', reading: standing(1_500, 9), deleted: [2_000], passed: 8, dependent: STORED[2] },
  { what: 'the only one', reading: standing(2_500, 9), deleted: [1_000, 2_000, 3_000], passed: 0 },
])('T21 finds what is before and after $what, beyond the deleted standings $deleted', async (example) => {
  const { reading, deleted, passed, dependent } = example;
  const isLeftOut = ({ timestampMs }: Reading): boolean => deleted.includes(timestampMs);
  const found = await new SeriesMemory().around([reading], history, () => undefined, isLeftOut);
  const series = seriesOf(reading, found);
  expect(series?.passedBy(reading, null, isLeftOut)).toEqual({ ...NOBODY, entrances: passed });
  expect(series?.dependentOn(reading, isLeftOut)).toEqual(dependent);
});

test('T21 asks history once about each deleted standing, and about none that is newer than everything stored', async () => {
  const asked: number[][] = [];
  const answering: typeof history = {
    ...history,
    neighbours: async (places) => {
      asked.push(places.map(({ timestampMs }) => timestampMs));
      return history.neighbours(places);
    },
  };
  const memory = new SeriesMemory();
  const unstored = standing(3_500, 4);
  const deleted = [2_000, 3_000, 3_500];
  const isLeftOut = ({ timestampMs }: Reading): boolean => deleted.includes(timestampMs);
  memory.remember(unstored);
  const readings = [standing(4_000, 14), standing(4_001, 14)];
  await memory.around(readings, answering, () => 3_000, isLeftOut);
  expect(asked).toEqual([[3_000], [2_000]]);
});

describe('after a restart', () => {
  const person: Reading = { dpuId: DPU, timestampMs: 3_500, measure: personMeasure(1) };
  test.each([
    { what: 'nothing is stored', newestMs: BEGINNING_MS, asked: [], before: undefined },
    { what: 'a standing is the newest stored reading', newestMs: 3_000, asked: ['readingsAt'], before: STORED[2] },
    {
      what: 'a reading of another kind is the newest stored reading',
      newestMs: person.timestampMs,
      asked: ['readingsAt', 'neighbours'],
      before: STORED[2],
    },
    { what: 'the newest stored reading is unknown', newestMs: undefined, asked: ['neighbours'], before: STORED[2] },
  ])('learns the newest standing when $what', async ({ newestMs, asked, before }) => {
    const questions: string[] = [];
    const answering: typeof history = {
      readingsAt: async (places) => {
        questions.push('readingsAt');
        const found = await history.readingsAt(places);
        return places.some(({ timestampMs }) => timestampMs === person.timestampMs) ? [...found, person] : found;
      },
      neighbours: async (places) => {
        questions.push('neighbours');
        return history.neighbours(places);
      },
    };
    const reading = standing(4_000, 14);
    const series = seriesOf(
      reading,
      await new SeriesMemory().around(
        [reading],
        answering,
        () => newestMs,
        () => false,
      ),
    );
    expect(series?.all.at(-1)).toEqual(before);
    expect(questions).toEqual(asked);
  });
});
