// Intervals of several spaces, asked for together, are those of each space by itself: whatever is stored, in which blocks, and
// whatever is in memory.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { reportSpace, type KnownReport } from '../../actors/partition/space-report.ts';
import { Counts } from '../../src/counts/counts.ts';
import { IntervalsOfSpaces } from '../../src/counts/intervals-of-spaces.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { History } from '../../src/ports/history.ts';
import { EMPTY_SEGMENT } from '../../src/domain/segment.ts';
import type { SpaceReports } from '../../src/ports/reports.ts';
import { eventsOfSpaces, segmentsOfRows, segmentsOfSpaces } from '../simulation/engines/events-of-spaces.ts';
import { eventsOfRows } from '../simulation/engines/events-of-rows.ts';
import { fakeOf } from '../support/fake-of.ts';
import { spaceCalled } from '../support/space-called.ts';

const SPACES = [1, 2, 3, 4] as SpaceId[];
const HOUR = 3_600_000;
const START = Date.UTC(2026, 2, 2);
const NEVER_RESET = 4;

const someEvent = fc.record({
  spaceId: fc.constantFrom(...SPACES),
  timestampMs: fc.integer({ min: -2, max: 30 }).map((minutes) => START + 6 * HOUR + minutes * 600_000),
  isEntrance: fc.boolean(),
  sign: fc.constantFrom(1 as const, 1 as const, -1 as const),
  block: fc.integer({ min: 1, max: 4 }),
});
/** Up to which block each space's events are stored. */
const someBlocks = fc.tuple(fc.nat(4), fc.nat(4), fc.nat(4), fc.nat(4));
const someReset = fc.option(
  fc.record({ spaceId: fc.constantFrom(...SPACES), atMs: fc.integer({ min: 0, max: 20 }), count: fc.nat(5) }),
);

it('are those of each space by itself', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(someEvent, { maxLength: 40 }), someBlocks, someReset, async (events, blocks, reset) => {
      const topology = new TopologyHistory();
      for (const [n, id] of SPACES.entries()) {
        const dailyReset = id === NEVER_RESET ? null : '04:00';
        topology.apply({ seq: n + 1, fact: { kind: 'space', doc: { ...spaceCalled(`space ${id}`, id), dailyReset } } });
      }
      if (reset) {
        const timestampMs = START + 6 * HOUR + reset.atMs * 600_000;
        const doc = {
          spaceId: reset.spaceId,
          id: 1,
          recordedMs: START,
          updatedMs: START,
          deleted: false,
          timestampMs,
          count: reset.count,
        };
        topology.apply({ seq: 9, fact: { kind: 'reset', doc } });
      }
      const rows = events.map(({ isEntrance, ...event }, n) => ({
        ...{ ...event, readingId: `r${n % 25}`, seq: n + 1 },
        ...{ entrances: isEntrance ? 1 : 0, exits: isEntrance ? 0 : 1 },
      }));
      const rowsOf = (id: SpaceId) => rows.filter(({ spaceId }) => spaceId === id);
      let queries = 0;
      const history = fakeOf<History>('History', {
        segments: async (id, edges, block) => {
          queries += 1;
          return Promise.resolve(segmentsOfRows(rowsOf(id), edges, { block }));
        },
        events: async (id, afterMs, upToMs, block) =>
          Promise.resolve(eventsOfRows(rowsOf(id), { block, afterMs, upToMs })),
        segmentsOfSpaces: async (spaces, edges) =>
          Promise.resolve(
            segmentsOfSpaces(
              ({ spaceId: id, block }, afterMs, upToMs) =>
                segmentsOfRows(rowsOf(id), [afterMs, upToMs], { block })[0] ?? EMPTY_SEGMENT,
              spaces,
              edges,
            ),
          ),
        eventsOfSpaces: async (spaces, upToMs) => Promise.resolve(eventsOfSpaces(rowsOf, spaces, upToMs)),
      });
      const reports = fakeOf<SpaceReports>('SpaceReports', {
        report: async (id, atMs) => {
          const storedBlock = blocks[id - 1] ?? 0;
          const unstored = rowsOf(id)
            .filter(({ block }) => block > storedBlock)
            .map((row) => fakeOf<KnownReport['unstored'][number]>('event', row));
          const report = reportSpace(new PartitionFold(0 as Partition, 1), id, atMs);
          return Promise.resolve({
            ...report,
            ...{ storedBlock, unstored, watermarkMs: START + 8 * HOUR, isStale: false },
          });
        },
      });
      const bounds = [5, 6, 7, 9, 12].map((hour) => START + hour * HOUR);
      const sources = [topology, reports, history] as const;
      const alone = [];
      for (const id of SPACES) alone.push(await new Counts(...sources).intervals(id, bounds));
      queries = 0;
      const asked = SPACES.map((spaceId) => ({ spaceId, boundsMs: bounds }));
      expect(await new IntervalsOfSpaces(...sources).of(asked)).toEqual(alone);
      // Only what cannot be asked for together: a space that was never reset, and one with a reset of its own.
      expect(queries).toBeLessThanOrEqual(2);
    }),
    { numRuns: 300 },
  );
});
