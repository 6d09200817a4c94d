// A page continues with the count that its cursor carries only where that is the count there: whichever answer the cursor is from, as
// it is or as it was known at any place, the page is the same as without the carried count.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { encodeSnapshot } from '../../actors/partition/snapshot.ts';
import { reportSpace } from '../../actors/partition/space-report.ts';
import { historyUpTo } from '../../src/counts/known-space.ts';
import { SpaceEvents, type CountedPlace, type PagesOfSpace } from '../../src/counts/space-events.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { LogPlace } from '../../src/domain/log-place.ts';
import { append, EMPTY_SEGMENT, segmentOf } from '../../src/domain/segment.ts';
import { compareEvents } from '../../src/domain/space-event.ts';
import { countedPlaceOf } from '../../src/http/routes/event-counts-routes.ts';
import type { History } from '../../src/ports/history.ts';
import { eventsOfRows, isIncluded } from '../simulation/engines/events-of-rows.ts';
import { decodedSnapshot } from '../support/decoded-snapshot.ts';
import { fakeOf } from '../support/fake-of.ts';

const P = 0 as Partition;
const SPACE = 1 as SpaceId;
const RANGE = { fromMs: 0, toMs: 100 };
const BLOCKS = 4;

interface SomeRow {
  readonly timestampMs: number;
  readonly readingId: string;
  readonly entrances: number;
  readonly exits: number;
  readonly sign: 1;
  readonly block: number;
  readonly commitSeq: number;
}

interface Moment {
  /** Up to which block everything is stored. */
  readonly block: number;
  /** As it was known up to this sequence; null for as it is. */
  readonly knownSeq: number | null;
}

const rows: fc.Arbitrary<SomeRow[]> = fc
  .array(
    fc.record({
      timestampMs: fc.nat(12),
      isEntrance: fc.boolean(),
      block: fc.integer({ min: 1, max: BLOCKS }),
      commitSeq: fc.integer({ min: 1, max: 9 }),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((some) =>
    some.map(({ isEntrance, ...row }, n) => ({
      ...{ ...row, readingId: `r${n}`, sign: 1 as const },
      ...{ entrances: isEntrance ? 1 : 0, exits: isEntrance ? 0 : 1 },
    })),
  );
const moments = fc.array(
  fc.record({ block: fc.nat(BLOCKS), knownSeq: fc.option(fc.integer({ min: 0, max: 9 }), { nil: null }) }),
  { minLength: 2, maxLength: 5 },
);

const pagesOver = (all: readonly SomeRow[]): PagesOfSpace => ({
  eventPage: async ({ block, upTo, range, after, limit }) => {
    const events = eventsOfRows(all, { block, upTo, afterMs: range.fromMs - 1, upToMs: range.toMs }).filter(
      (event) => !after || compareEvents(event, after) > 0,
    );
    return Promise.resolve({
      events: events.slice(0, limit),
      end: events.length > limit ? (events[limit - 1] ?? null) : null,
    });
  },
  countEvents: async ({ block, upTo }) => Promise.resolve(all.filter((row) => isIncluded(row, { block, upTo })).length),
  newestBlock: async (_, { fromMs, toMs }) =>
    Promise.resolve(
      all
        .filter(({ timestampMs }) => fromMs <= timestampMs && timestampMs <= toMs)
        .reduce((newest, { block }) => Math.max(newest, block), 0),
    ),
});

/** With the blocks up to one stored, whether they have rows or not, and restored from a checkpoint. */
function foldOf(all: readonly SomeRow[], block: number): PartitionFold {
  const numbers = Array.from({ length: block }, (_, n) => n + 1);
  const rowsIn = (number: number): LoggedEvent[] =>
    all
      .filter((row) => row.block === number)
      .map((row) => fakeOf<LoggedEvent>('event', { ...row, primary: true, seq: 1 }));
  const fold = new PartitionFold(P, 1, {
    openNumber: block + 1,
    unstored: numbers.map((number) => blockOf(0, P, number, rowsIn(number))),
  });
  for (const number of numbers) fold.blockStored(number);
  return decodedSnapshot(P, 1, encodeSnapshot(fold));
}

function eventsAt(all: readonly SomeRow[], { block, knownSeq }: Moment): SpaceEvents {
  const history = fakeOf<History>('History', {
    segments: async (_, edgesMs, upToBlock, upTo) =>
      Promise.resolve(
        edgesMs
          .slice(0, -1)
          .map((afterMs, gap) =>
            eventsOfRows(all, { block: upToBlock, upTo, afterMs, upToMs: edgesMs[gap + 1] ?? afterMs }).reduce(
              (run, event) => append(run, segmentOf(event)),
              EMPTY_SEGMENT,
            ),
          ),
      ),
    events: async (_, afterMs, upToMs, upToBlock, upTo) =>
      Promise.resolve(eventsOfRows(all, { block: upToBlock, upTo, afterMs, upToMs })),
  });
  const upTo: LogPlace | undefined = knownSeq === null ? undefined : { epoch: 0, seq: knownSeq };
  const unstored = all
    .filter((row) => row.block > block && (knownSeq === null || row.commitSeq <= knownSeq))
    .map((row) => fakeOf<LoggedEvent>('event', row));
  return new SpaceEvents({
    report: {
      ...reportSpace(foldOf(all, block), SPACE, 0),
      ...{ unstored, watermarkMs: 5, isStale: false },
      ...(upTo ? { upTo } : {}),
    },
    schedule: { timeZone: 'UTC', dailyReset: null, dailyResetCount: 0, manual: [] },
    place: { seq: 0, digest: 0 },
    history: upTo ? historyUpTo(history, upTo) : history,
    pages: pagesOver(all),
  });
}

it('T26 a page is the same whichever answer its cursor is from', async () => {
  await fc.assert(
    fc.asyncProperty(rows, moments, async (all, visited) => {
      let after: CountedPlace | null = null;
      for (const moment of visited) {
        const events = eventsAt(all, moment);
        const page = await events.page({ range: RANGE, after, desc: false, limit: 2 });
        const bare: CountedPlace | null = after && { timestampMs: after.timestampMs, readingId: after.readingId };
        expect(page).toEqual(await events.page({ range: RANGE, after: bare, desc: false, limit: 2 }));
        const last = page.at(-1);
        if (!last) return;
        after = countedPlaceOf(last);
      }
    }),
    { numRuns: 500 },
  );
});

it('T26 a cursor does not name a block without rows, whose number is given again after a rebuild', async () => {
  const row = (timestampMs: number, block: number): SomeRow => ({
    ...{ timestampMs, block, readingId: `r${timestampMs}`, commitSeq: 1 },
    ...{ entrances: 1, exits: 0, sign: 1 },
  });
  const stored = [row(3, 1), row(5, 1)];
  // Block 2 has no rows: it was cut for a reset in the past, for example.
  const [first] = await eventsAt(stored, { block: 2, knownSeq: null }).page({
    ...{ range: RANGE, after: null, desc: false, limit: 1 },
  });
  if (!first?.basis) throw new Error('the page has no event with a basis');
  expect(first.basis.block).toBe(1);
  // After the rebuild a late reading is stored in another block 2.
  const rebuilt = eventsAt([row(2, 2), ...stored], { block: 2, knownSeq: null });
  const next = await rebuilt.page({ range: RANGE, after: countedPlaceOf(first), desc: false, limit: 1 });
  expect(next.map(({ timestampMs, count }) => [timestampMs, count])).toEqual([[5, 3]]);
});
