// The terms of an explanation add up, and are what the set of readings says: with any part of the events stored and the
// rest in memory, moved, retracted, and with resets in between.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { Explanations, type Explanation, type IntervalExplanation } from '../../src/counts/explanations.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { DAY_MS } from '../../src/domain/zone.ts';
import { doorwayTotals, exitsAtZero } from '../simulation/engines/explain-queries.ts';
import { fakeOf } from '../support/fake-of.ts';
import { intervalEvent } from '../support/interval-event.ts';
import { SpaceOracle, type OracleSchedule } from '../support/oracle.ts';
import { spaceCalled } from '../support/space-called.ts';

const SPACE = 1 as SpaceId;
const BLOCK = 3;
/** Around a daily reset, so that there is one inside most intervals. */
const START_MS = Date.UTC(2024, 2, 29, 23, 59, 59, 900);

interface Passage {
  readonly atMs: number;
  readonly entrances: number;
  readonly exits: number;
  readonly dpuId: string;
  readonly name: number;
  /** Where it counts, and where it counted before a move. */
  readonly doorwayId: number;
  readonly movedFrom: number | undefined;
  /** In blocks up to the one of the report: what was asserted first, what was retracted, what was asserted then. */
  readonly isStored: readonly boolean[];
}

interface Case {
  readonly passages: readonly Passage[];
  readonly resets: readonly { timestampMs: number; count: number; recordedMs: number }[];
  readonly dailyReset: string | null;
  readonly watermarkMs: number;
}

const instant = fc.integer({ min: 0, max: 200 }).map((ms) => START_MS + ms);
const some: fc.Arbitrary<Case> = fc.record({
  passages: fc.uniqueArray(
    fc.record({
      atMs: instant,
      entrances: fc.integer({ min: 0, max: 3 }),
      exits: fc.integer({ min: 0, max: 4 }),
      dpuId: fc.constantFrom('a', 'b', 'c'),
      name: fc.integer({ min: 1, max: 4 }),
      doorwayId: fc.constantFrom(1, 2),
      movedFrom: fc.option(fc.constantFrom(1, 2, 3), { nil: undefined }),
      isStored: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    }),
    { selector: ({ atMs, dpuId, name }) => `${atMs} ${dpuId} ${name}`, maxLength: 30 },
  ),
  resets: fc.array(
    fc.record({
      timestampMs: instant,
      count: fc.integer({ min: 0, max: 3 }),
      recordedMs: fc.integer({ min: 1, max: 9 }),
    }),
    { maxLength: 3 },
  ),
  dailyReset: fc.constantFrom(null, '00:00'),
  watermarkMs: instant,
});

const event = ({ atMs, entrances, exits, dpuId, name }: Passage, doorwayId: number, sign: 1 | -1): LoggedEvent =>
  intervalEvent(
    {
      spaceId: SPACE,
      dpuId: dpuId as DpuId,
      doorwayId: doorwayId as DoorwayId,
      timestampMs: atMs,
      sign,
      name: String(name),
    },
    [entrances, exits],
  );

/**
 * Everything that is asserted and retracted of a passage, in this order; each is stored only if what came before it is, and
 * nothing after the watermark is stored.
 */
function eventsOf(passage: Passage, watermarkMs: number): { stored: LoggedEvent[]; unstored: LoggedEvent[] } {
  const { movedFrom, doorwayId, isStored } = passage;
  const all =
    movedFrom === undefined
      ? [event(passage, doorwayId, 1)]
      : [event(passage, movedFrom, 1), event(passage, movedFrom, -1), event(passage, doorwayId, 1)];
  const from = passage.atMs > watermarkMs ? 0 : isStored.slice(0, all.length).indexOf(false);
  return from < 0 ? { stored: all, unstored: [] } : { stored: all.slice(0, from), unstored: all.slice(from) };
}

/** @param unstoredPerQuery small, so that memory is joined in several steps */
function explanationsOf(
  { passages, resets, dailyReset, watermarkMs }: Case,
  unstoredPerQuery: number,
): { explanations: Explanations; oracle: SpaceOracle } {
  const topology = new TopologyHistory();
  topology.apply({ seq: 1, fact: { kind: 'space', doc: { ...spaceCalled('hall', SPACE), dailyReset } } });
  resets.forEach((reset, n) =>
    topology.apply({ seq: 2 + n, fact: { kind: 'reset', doc: { spaceId: SPACE, ...reset } } }),
  );
  const parts = passages.map((passage) => eventsOf(passage, watermarkMs));
  const unstored = parts.flatMap((part) => part.unstored);
  const rows = [
    ...parts.flatMap(({ stored }) => stored).map((row) => ({ ...row, block: 1 })),
    // Another fold has stored later blocks already.
    ...unstored.map((row) => ({ ...row, block: BLOCK + 1 })),
  ];
  const report = fakeOf<KnownReport>('report', {
    spaceId: SPACE,
    storedBlock: BLOCK,
    unstored,
    watermarkMs,
    heldBackBy: { dpuId: 'a' as DpuId, router: 0 as Partition, clockMs: watermarkMs },
    lateEvents: 7,
    isStale: false,
  });
  const schedule: OracleSchedule = {
    timeZone: 'UTC',
    dailyReset,
    dailyResetCount: 0,
    manual: resets.map((reset, n) => ({ id: n + 1, ...reset })),
  };
  return {
    oracle: new SpaceOracle(
      passages.map((passage) => event(passage, passage.doorwayId, 1)),
      schedule,
    ),
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
