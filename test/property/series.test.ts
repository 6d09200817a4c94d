// Readings that count by the reading next to them: what they count does not depend on the order in which they arrive.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import { revisionIn, revisionMeasure, standingMeasure, type Measure } from '../../src/domain/measure.ts';
import { identityOf, type Reading } from '../../src/domain/reading.ts';
import { compareInSeries, Series } from '../../src/domain/series.ts';
import { readingOf } from '../../src/domain/space-event.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { CommitDraft } from '../../src/router/commit-draft.ts';
import { assertInSeries } from '../../src/router/route-in-series.ts';

const NOTHING = { received: 0, fresh: 0, held: 0, excluded: 0, deleted: 0, duplicate: 0, dead: 0 };

/** Few values, so that readings often agree in some of them. */
const readings = (measure: fc.Arbitrary<Measure>): fc.Arbitrary<Reading[]> =>
  fc.uniqueArray(
    fc
      .record({ timestampMs: fc.constantFrom(8, 9), measure, name: fc.constantFrom(undefined, 'a', 'b') })
      .map(({ name, ...rest }): Reading => {
        const reading = { dpuId: 'd' as DpuId, ...rest };
        return name === undefined ? reading : { ...reading, name };
      }),
    { selector: identityOf, maxLength: 12 },
  );
const small = fc.nat(2);
const revisions = readings(
  fc.record({ entrances: small, exits: small, startMs: fc.constantFrom(7, 8), revision: small }).map(revisionMeasure),
);
const standings = readings(
  fc
    .record({ totalEntrances: small, totalExits: small, counterEpoch: fc.constantFrom(null, 'e') })
    .map((standing) => standingMeasure(standing)),
);

/** Who counts after they have arrived one after another: by identity, people with their signs. */
function counted(arriving: readonly Reading[]): Map<string, [entrances: number, exits: number, asserted: number]> {
  const draft = new CommitDraft(1, NOTHING);
  const series = new Series();
  for (const reading of arriving) assertInSeries(draft, new TopologyHistory().latest(), reading, series);
  const sums = new Map<string, [number, number, number]>();
  for (const event of [...draft.sections.values()].flatMap(({ events }) => events)) {
    const id = identityOf(readingOf(event));
    const [entrances, exits, asserted] = sums.get(id) ?? [0, 0, 0];
    sums.set(id, [entrances + event.entrances * event.sign, exits + event.exits * event.sign, asserted + event.sign]);
  }
  return sums;
}

/** True if a reading is strictly between two others, in either order. */
function isBetween(reading: Reading, a: Reading, b: Reading): boolean {
  const [before, after] = [compareInSeries(a, reading), compareInSeries(reading, b)];
  return before !== 0 && Math.sign(before) === Math.sign(after);
}

describe('a series', () => {
  it.each([
    ['standings', standings],
    ['revisions', revisions],
  ])('T16 T18 of %s counts the same people in any order, and asserts each reading once', (_, some) => {
    fc.assert(
      fc.property(
        some.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => {
          const found = counted(shuffled);
          expect(found).toEqual(counted([...all].sort(compareInSeries)));
          expect([...found.values()].map(([, , asserted]) => asserted)).toEqual(all.map(() => 1));
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    ['standings', standings],
    ['revisions', revisions],
  ])('T21 of %s counts as if what is left out had never been sent', (_, some) => {
    fc.assert(
      fc.property(
        some.chain((all) => fc.tuple(fc.constant(all), fc.subarray(all))),
        ([all, leftOut]) => {
          const isLeftOut = (reading: Reading): boolean => leftOut.includes(reading);
          const [series, others] = [new Series(all), new Series(all.filter((reading) => !isLeftOut(reading)))];
          for (const reading of all) {
            expect(series.passedBy(reading, null, isLeftOut)).toEqual(others.passedBy(reading, null));
            expect(series.dependentOn(reading, isLeftOut)).toBe(others.dependentOn(reading));
            const around = series.leftOutAround(reading, isLeftOut).filter((each) => each !== reading);
            const between = all.filter(
              (each) =>
                each !== reading && isLeftOut(each) && !others.all.some((other) => isBetween(other, reading, each)),
            );
            expect(new Set(around)).toEqual(new Set(between));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    ['standings', standings],
    ['revisions', revisions],
  ])('has a total order of %s, in which only the same reading is equal', (_, some) => {
    fc.assert(
      fc.property(some, (all) => {
        for (const a of all)
          for (const b of all) {
            expect(Math.sign(compareInSeries(a, b))).toBe(-Math.sign(compareInSeries(b, a)) + 0);
            expect(compareInSeries(a, b) === 0).toBe(a === b);
            for (const c of all)
              if (compareInSeries(a, b) < 0 && compareInSeries(b, c) < 0) expect(compareInSeries(a, c)).toBeLessThan(0);
          }
      }),
    );
  });

  it('T18 counts one revision of each interval: the greatest by revision, people, entrances and id', () => {
    fc.assert(
      fc.property(revisions, (all) => {
        const rank = (reading: Reading): string => {
          const { revision = 0, entrances = 0, exits = 0 } = revisionIn(reading.measure) ?? {};
          return `${revision}${entrances + exits}${entrances}${reading.name ?? ''}`;
        };
        const intervalOf = ({ timestampMs, measure }: Reading): string =>
          `${revisionIn(measure)?.startMs} ${timestampMs}`;
        const found = counted(all);
        for (const reading of all) {
          const { entrances = 0, exits = 0 } = revisionIn(reading.measure) ?? {};
          const isGreatest = all.every(
            (other) => other === reading || intervalOf(other) !== intervalOf(reading) || rank(other) < rank(reading),
          );
          expect(found.get(identityOf(reading))).toEqual(isGreatest ? [entrances, exits, 1] : [0, 0, 1]);
        }
      }),
      { numRuns: 500 },
    );
  });
});
