// The invariants of a partition's fold, for any order of arrival.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogTail } from '../../actors/partition/log-tail.ts';
import { LogGap } from '../../actors/partition/commit-chain.ts';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { encodeSnapshot } from '../../actors/partition/snapshot.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import { deltaOf, type SpaceEvent } from '../../src/domain/space-event.ts';
import { occupancyAfterReset } from '../../src/domain/segment.ts';
import type { Settings } from '../../src/domain/topology.ts';
import { decodedSnapshot } from '../support/decoded-snapshot.ts';
import { logOfOneRouter, ROUTER } from '../support/log-of-one-router.ts';
import { personEvent } from '../support/person-event.ts';

const SETTINGS = {
  outOfOrdernessMs: 5,
  idleTimeoutMs: 20,
  blockRowsMax: 3,
  blockAgeMaxMs: 1_000_000,
  lateBlockAgeMaxMs: 1_000_000,
  bufferEventsMax: 1_000,
};
/** Blocks are cut for their late rows, and become older while more come. */
const LATE_ROWS_SETTINGS = {
  ...SETTINGS,
  blockRowsMax: 1_000,
  lateBlockAgeMaxMs: 10,
  repeatedLateBlockAgeMaxMs: 60,
};

interface Asserted {
  readonly timestampMs: number;
  readonly delta: 1 | -1;
}

/** A commit for each list of events. */
function logOf(commits: readonly (readonly Asserted[])[], epoch = 0, settings: Settings = SETTINGS): StoredEntry[] {
  const event = ({ timestampMs, delta }: Asserted): SpaceEvent =>
    personEvent(
      {
        spaceId: 1 as SpaceId,
        dpuId: 'd' as DpuId,
        doorwayId: 1 as DoorwayId,
        timestampMs,
        sign: 1,
        primary: true,
      },
      delta,
    );
  return logOfOneRouter(
    commits.map((asserted, n) => ({ events: asserted.map(event), clockMs: (n + 1) * 7 })),
    settings,
    epoch,
  );
}

const commits = fc
  .uniqueArray(
    fc.record({ timestampMs: fc.integer({ min: 0, max: 300 }), delta: fc.constantFrom(1 as const, -1 as const) }),
    { selector: ({ timestampMs, delta }) => timestampMs * 2 + delta, maxLength: 40 },
  )
  .chain((all) =>
    fc.infiniteStream(fc.integer({ min: 1, max: 4 })).map((sizes) => {
      const found: Asserted[][] = [];
      for (let at = 0; at < all.length;) {
        const size = sizes.next().value as number;
        found.push(all.slice(at, at + size));
        at += size;
      }
      return [...found, ...Array.from({ length: 120 }, () => [])];
    }),
  );

const blocksOf = (fold: PartitionFold): unknown => fold.unstored.map(({ number, rows }) => ({ number, rows }));

describe('the fold of a partition', () => {
  it('W1 B1 O1 never lowers its watermark, emits every event once, and those in time in event order', () => {
    fc.assert(
      fc.property(commits, (drawn) => {
        const fold = new PartitionFold(ROUTER, 1);
        let watermarkMs = -1;
        for (const entry of logOf(drawn)) {
          const late: number[] = [];
          const emittedBefore = fold.unstored.flatMap(({ rows }) => rows).length + fold.openRows.length;
          fold.apply(entry);
          const state = fold.state(1 as SpaceId);
          if (!state) continue;
          const now = fold.watermarkOf(state.spaceId);
          expect(now).toBeGreaterThanOrEqual(watermarkMs);
          const emitted = [...fold.unstored.flatMap(({ rows }) => rows), ...fold.openRows].slice(emittedBefore);
          for (const { timestampMs } of emitted) if (timestampMs <= watermarkMs) late.push(timestampMs);
          const inTime = emitted
            .map(({ timestampMs }) => timestampMs)
            .filter((timestampMs) => timestampMs > watermarkMs);
          expect(inTime).toEqual([...inTime].sort((a, b) => a - b));
          watermarkMs = now;
        }
        const asserted = drawn.flat();
        const state = fold.state(1 as SpaceId);
        const emitted = [...fold.unstored.flatMap(({ rows }) => rows), ...fold.openRows];
        expect(emitted.map((event) => `${event.timestampMs} ${deltaOf(event)}`).sort()).toEqual(
          asserted.map(({ timestampMs, delta }) => `${timestampMs} ${delta}`).sort(),
        );
        expect(state?.occupancy.net ?? 0).toBe(asserted.reduce((sum, { delta }) => sum + delta, 0));
      }),
      { numRuns: 150 },
    );
  });

  it('F2 F3 cuts the same blocks after a restart at any entry, whatever history answered', () => {
    fc.assert(
      fc.property(commits, fc.nat(), fc.constantFrom(SETTINGS, LATE_ROWS_SETTINGS), (drawn, at, settings) => {
        const log = logOf(drawn, 0, settings);
        const whole = new PartitionFold(ROUTER, 1);
        for (const entry of log) whole.apply(entry);
        let resumed = new PartitionFold(ROUTER, 1);
        const cut = at % (log.length + 1);
        log.forEach((entry, index) => {
          if (index === cut) resumed = decodedSnapshot(ROUTER, 1, encodeSnapshot(resumed));
          resumed.apply(entry);
          const state = resumed.state(1 as SpaceId);
          if (state?.correctionDue)
            resumed.correct(
              { spaceId: state.spaceId, ...state.correctionDue },
              { ...occupancyAfterReset(0), net: state.occupancy.net - (state.snapshot().correction?.tail?.sum ?? 0) },
            );
        });
        expect(blocksOf(resumed)).toEqual(blocksOf(whole));
        expect(whole.unstored.map(({ number }) => number)).toEqual(whole.unstored.map((_, index) => index + 1));
      }),
      { numRuns: 150 },
    );
  });

  it('F3 a checkpoint has the state of one moment, however long it is encoded while the fold goes on', () => {
    fc.assert(
      fc.property(commits, fc.nat(), fc.constantFrom(SETTINGS, LATE_ROWS_SETTINGS), (drawn, at, settings) => {
        const log = logOf(drawn, 0, settings);
        const fold = new PartitionFold(ROUTER, 1);
        const apply = (entry: StoredEntry): void => {
          fold.apply(entry);
          const [first] = fold.unstored;
          if (first) fold.blockStored(first.number);
          expect(fold.hasLookups).toBe(fold.correctionsDue().length + fold.newestReadingsDue().length > 0);
          for (const due of fold.correctionsDue()) {
            const { net = 0 } = fold.state(due.spaceId)?.occupancy ?? {};
            const { sum = 0 } = fold.state(due.spaceId)?.snapshot().correction?.tail ?? {};
            fold.correct(due, { net: net - sum, lowestNet: Math.min(0, net - sum) });
          }
        };
        const cut = at % (log.length + 1);
        log.slice(0, cut).forEach(apply);
        const atOnce = [...encodeSnapshot(fold)];
        const lines = encodeSnapshot(fold);
        log.slice(cut).forEach(apply);
        expect([...lines]).toEqual(atOnce);
      }),
      { numRuns: 150 },
    );
  });

  it('F3 a checkpoint holds more buffered events than fit into one of its lines', () => {
    const fold = new PartitionFold(ROUTER, 1);
    // No clock passes them, so all wait for earlier ones.
    const times = Array.from({ length: 600 }, (_, n) => 1_000 + n);
    const log = logOf([times.map((timestampMs) => ({ timestampMs, delta: 1 as const }))]);
    for (const entry of log) fold.apply(entry);
    const lines = [...encodeSnapshot(fold)];
    expect(lines.filter((line) => line.startsWith('{"buffered"'))).toHaveLength(3);
    const restored = decodedSnapshot(ROUTER, 1, lines);
    expect(restored.state(1 as SpaceId)?.buffered).toBe(600);
    expect([...encodeSnapshot(restored)]).toEqual(lines);
    expect(() => decodedSnapshot(ROUTER, 1, lines.toSpliced(2, 1))).toThrow('a part of it is missing');
    expect(() => decodedSnapshot(ROUTER, 1, ['null'])).toThrow('it is not a snapshot');
    expect(() => decodedSnapshot(ROUTER, 1, ['{'])).toThrow('it is not JSON');
  });

  it.each([
    ['in a block that is cut: history says what else stands', [], 1, 20, 20],
    ['in the open block: history has to hold that too', [[-30]], 2, 20, 20],
    ['beside newer ones in the open block', [[200], [-30]], 1, 30, 200],
  ] as const)(
    'T17 a checkpoint of version 5 has its newest reading looked up %s',
    (_, more, block, stored, expected) => {
      const commitsOf = (times: readonly number[]): SpaceEvent[] =>
        times.map((ms) => {
          const place = { spaceId: 1 as SpaceId, dpuId: 'd' as DpuId, doorwayId: 1 as DoorwayId, primary: true };
          return personEvent({ ...place, timestampMs: Math.abs(ms), sign: ms > 0 ? 1 : -1 }, 1);
        });
      const log = [[10, 20, 30], ...more, []].map((times) => ({ events: commitsOf(times), clockMs: 300 }));
      const fold = new PartitionFold(ROUTER, 1);
      for (const entry of logOfOneRouter(log, SETTINGS)) fold.apply(entry);
      const asOf5 = [...encodeSnapshot(fold)].map((line) => {
        const parsed = JSON.parse(line) as { version?: number; spaces?: number | { newestReading?: object }[] };
        if (typeof parsed.spaces !== 'object') return JSON.stringify({ ...parsed, version: 5 });
        // Without the key: JSON leaves out what is undefined.
        const spaces = parsed.spaces.map((space) => ({ ...space, newestReading: undefined, lastReadingMs: 999 }));
        return JSON.stringify({ spaces });
      });
      const restored = decodedSnapshot(ROUTER, 1, asOf5);
      const newest = (): number | null | undefined => restored.state(1 as SpaceId)?.lastReadingAt(1_000);
      expect(restored.unstored.map(({ number }) => number)).toEqual([1]);
      expect([newest(), restored.newestReadingsDue()]).toEqual([null, []]);
      restored.blockStored(1);
      expect(restored.newestReadingsDue()).toEqual(block === 1 ? [{ spaceId: 1, block: 1 }] : []);
      restored.newestReadingRead({ spaceId: 1 as SpaceId, block }, stored);
      expect(newest()).toBe(expected);
      // And it is written as it is known now.
      expect(
        decodedSnapshot(ROUTER, 1, encodeSnapshot(restored))
          .state(1 as SpaceId)
          ?.lastReadingAt(1_000),
      ).toBe(expected);
    },
  );

  it('T5 daily resets in a checkpoint of version 6 are to 0', () => {
    const fold = new PartitionFold(ROUTER, 1);
    for (const entry of logOf([[{ timestampMs: 1, delta: 1 }]])) fold.apply(entry);
    const lines = [...encodeSnapshot(fold)];
    const asOf6 = lines.map((line) => line.replace('"version":8', '"version":6').replace(',"dailyResetCount":0', ''));
    expect(asOf6).not.toEqual(lines);
    expect(decodedSnapshot(ROUTER, 1, asOf6).state(1 as SpaceId)?.schedule.dailyResetCount).toBe(0);
    expect(decodedSnapshot(ROUTER, 1, lines).state(1 as SpaceId)?.schedule.dailyResetCount).toBe(0);
  });

  it('F1 refuses a log with a hole, and an entry that is out of order', () => {
    const log = logOf([[{ timestampMs: 1, delta: 1 }], [{ timestampMs: 2, delta: 1 }], [{ timestampMs: 3, delta: 1 }]]);
    const fold = new PartitionFold(ROUTER, 1);
    for (const entry of log.slice(0, 1)) fold.apply(entry);
    expect(() => log.slice(2).forEach((entry) => fold.apply(entry))).toThrow(LogGap);
    // The missing commits may be another router's, which the chain of this router's commits does not show.
    const behind = new PartitionFold(ROUTER, 1);
    behind.apply(log[0] as StoredEntry);
    expect(() => behind.apply({ ...(log[1] as StoredEntry), seq: 3 })).toThrow(/between 1 and 3 is no longer there/);
    const other = new PartitionFold(ROUTER, 1);
    for (const entry of log) other.apply(entry);
    expect(() => other.apply(log[1] as StoredEntry)).toThrow(/entry 2 after 3/);
  });
});

it('L3 passes over commits of an earlier epoch, whose readings the repair has stored or are routed again', () => {
  const fold = new PartitionFold(ROUTER, 1, { epoch: 1 });
  for (const entry of logOf([[{ timestampMs: 1, delta: 1 }], [{ timestampMs: 2, delta: 1 }]])) fold.apply(entry);
  expect([fold.seq, fold.spaces]).toEqual([2, 0]);
  for (const entry of logOf([[{ timestampMs: 3, delta: 1 }]], 1)) fold.apply({ ...entry, seq: 3 });
  expect([fold.seq, fold.spaces]).toEqual([3, 1]);
});

describe('a truncated log', () => {
  const whole = logOf([[], [], [], [], []]);
  const left = whole.slice(2);

  it('F1 may lack commits that are stored', () => {
    const tail = new LogTail(ROUTER, 1, 3);
    for (const entry of left) tail.add(entry);
    expect(tail.seq).toBe(5);
  });

  it('F1 must have every commit that is not stored', () => {
    expect(() => new LogTail(ROUTER, 1, 2).add(left[0] as StoredEntry)).toThrow(LogGap);
    const tail = new LogTail(ROUTER, 1, 3);
    tail.add(left[0] as StoredEntry);
    expect(() => tail.add(left[2] as StoredEntry)).toThrow(LogGap);
  });
});
