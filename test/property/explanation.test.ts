// The terms of an explanation add up, and follow from the set of readings alone: with any part of the events stored and the
// rest in memory, moved, retracted, and with resets in between.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Explanations, type Explanation, type IntervalExplanation } from '../../src/counts/explanations.ts';
import { Failure } from '../../src/domain/failure.ts';
import { DAY_MS } from '../../src/domain/zone.ts';
import { doorwayTotals, exitsAtZero } from '../simulation/engines/explain-queries.ts';
import { instant, knownSpace, some, SPACE, START_MS, type Case, type Passage } from '../support/known-space.ts';
import type { SpaceOracle } from '../support/oracle.ts';

/** @param unstoredPerQuery small, so that memory is joined in several steps */
function explanationsOf(given: Case, unstoredPerQuery: number): { explanations: Explanations; oracle: SpaceOracle } {
  const { topology, report, rows, oracle } = knownSpace(given);
  return {
    oracle,
    explanations: new Explanations(
      topology,
      { isCutOff: false, report: async () => report },
      {
        doorwayTotals: async (query) => doorwayTotals(rows, query),
        exitsAtZero: async (query) => exitsAtZero(rows, query),
      },
      unstoredPerQuery,
    ),
  };
}

const pick = ({ count, net, drift, reset, doorways, exitsAtZero: at, provisional }: Explanation): object => ({
  count,
  net,
  drift,
  reset,
  doorways,
  exitsAtZero: at,
  provisional,
});
const pickInterval = (found: IntervalExplanation): object => {
  const { entrances, exits, countAtStart, countAtEnd, resets, doorways, exitsAtZero: at, provisional } = found;
  return { entrances, exits, countAtStart, countAtEnd, resets, doorways, exitsAtZero: at, provisional };
};
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe('T19 an explanation', () => {
  it('T19 of an instant adds up to net, drift and count, and is what the set of readings says', async () => {
    await fc.assert(
      fc.asyncProperty(some, instant, fc.constantFrom(1, 2, 1_000), async (given, atMs, unstoredPerQuery) => {
        const { explanations, oracle } = explanationsOf(given, unstoredPerQuery);
        const found = await explanations.at(SPACE, atMs);
        expect(pick(found)).toEqual(oracle.explain(atMs, given.watermarkMs));
        const { count, net, drift, reset, doorways, exitsAtZero: instants, exitsAtZeroCount } = found;
        const [entrances, exits] = [doorways.map((total) => total.entrances), doorways.map((total) => total.exits)];
        expect(net).toBe((reset?.count ?? 0) + sum(entrances) - sum(exits));
        expect(drift).toBe(exitsAtZeroCount);
        expect(sum(instants.map((one) => one.exits))).toBe(exitsAtZeroCount);
        expect(count).toBe(net + drift);
        expect(found).toMatchObject({
          isFinal: atMs <= given.watermarkMs,
          heldBackBy: atMs <= given.watermarkMs ? null : { dpuId: 'a' },
          lateEvents: 7,
        });
      }),
      { numRuns: 400 },
    );
  });

  it('T19 of an interval adds up from the count at its start to the count at its end, over the resets inside', async () => {
    await fc.assert(
      fc.asyncProperty(some, instant, instant, fc.constantFrom(1, 2, 1_000), async (given, a, b, unstoredPerQuery) => {
        const [fromMs, toMs] = [Math.min(a, b), Math.max(a, b) + 1];
        const { explanations, oracle } = explanationsOf(given, unstoredPerQuery);
        const found = await explanations.between(SPACE, fromMs, toMs);
        expect(pickInterval(found)).toEqual(oracle.explainInterval(fromMs, toMs, given.watermarkMs));
        const { entrances, exits, countAtStart, countAtEnd, resets, exitsAtZeroCount } = found;
        const corrected = sum(resets.map(({ count, countBefore }) => count - countBefore));
        expect(countAtEnd).toBe(countAtStart + entrances - exits + exitsAtZeroCount + corrected);
        expect(found.isFinal).toBe(toMs - 1 <= given.watermarkMs);
      }),
      { numRuns: 400 },
    );
  });

  it('T19 lists the newest 100 instants of exits at zero, and counts all', async () => {
    const passages = Array.from({ length: 150 }, (_, n): Passage => ({
      atMs: START_MS + n,
      entrances: 0,
      exits: 2,
      dpuId: 'a',
      name: 1,
      doorwayId: 1,
      movedFrom: undefined,
      isStored: [n % 3 > 0],
    }));
    const given = { passages, resets: [], dailyReset: null, watermarkMs: START_MS + 200 };
    const found = await explanationsOf(given, 7).explanations.at(SPACE, START_MS + 200);
    expect(found).toMatchObject({ count: 0, net: -300, drift: 300, exitsAtZeroCount: 300 });
    expect(found.exitsAtZero).toEqual(
      Array.from({ length: 100 }, (_, n) => ({ timestampMs: START_MS + 149 - n, exits: 2 })),
    );
  });

  it('of an interval with more resets than can be listed is refused, and names the field', async () => {
    const { explanations } = explanationsOf({ passages: [], resets: [], dailyReset: '00:00', watermarkMs: 0 }, 10);
    const some1000 = await explanations.between(SPACE, START_MS + 1_000, START_MS + 1_000 + 1_000 * DAY_MS);
    expect(some1000.resets).toHaveLength(1_000);
    const refused = explanations.between(SPACE, START_MS, START_MS + 1_000 * DAY_MS + 1_000);
    await expect(refused).rejects.toThrow(Failure);
    await expect(refused).rejects.toMatchObject({ kind: 'invalid', field: 'from' });
  });
});
