// A page continues with the count that its cursor carries only where that is the count there: whichever answer the cursor is from, as
// it is or as it was known at any place, the page is the same as without the carried count.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { reportSpace, type KnownReport } from '../../actors/partition/space-report.ts';
import { historyUpTo } from '../../src/counts/known-space.ts';
import { SpaceEvents, type CountedPlace, type PagesOfSpace } from '../../src/counts/space-events.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import type { LogPlace } from '../../src/domain/log-place.ts';
import { append, EMPTY_SEGMENT, segmentOf } from '../../src/domain/segment.ts';
import { compareEvents } from '../../src/domain/space-event.ts';
import { countedPlaceOf } from '../../src/http/routes/event-counts-routes.ts';
import type { History } from '../../src/ports/history.ts';
import { eventsOfRows, isIncluded } from '../simulation/engines/events-of-rows.ts';
import { fakeOf } from '../support/fake-of.ts';

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
  /** Up to which block rows are stored. */
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
    .map((row) => fakeOf<KnownReport['unstored'][number]>('event', row));
  return new SpaceEvents({
    report: {
      ...reportSpace(new PartitionFold(0 as Partition, 1), SPACE, 0),
      ...{ storedBlock: block, unstored, watermarkMs: 5, isStale: false },
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
