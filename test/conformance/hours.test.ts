// Segments of stored hours and of events together: they are those of the events alone, whatever has been stored when. One suite for
// both implementations.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { END_MS } from '../../src/domain/instant.ts';
import { HOUR_MS } from '../../src/domain/zone.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import type { LogPlace } from '../../src/domain/log-place.ts';
import { EMPTY_SEGMENT, type Segment } from '../../src/domain/segment.ts';
import type { SpaceEvent } from '../../src/domain/space-event.ts';
import { segmentsOfRows } from '../simulation/engines/events-of-spaces.ts';
import { eventsOfRows, type StoredRow } from '../simulation/engines/events-of-rows.ts';
import { personEvent } from '../support/person-event.ts';
import { describePorts } from './ports.ts';

const P0 = 0 as Partition;
const HOURS = 24 * 6;
const RUNS = 15;

/** Few hours, so that they have several events and versions; often at their beginning or end, where it is easy to be wrong by one. */
const instant = fc
  .tuple(fc.constantFrom(0, 1, 2, 2, 2, 60, 61, HOURS), fc.constantFrom(-2, -1, 0, 1, 900_000, 1_800_000, 2_700_000))
  .map(([hour, ms]) => Math.max(0, hour * HOUR_MS + ms));
const edges = fc
  .uniqueArray(
    fc.oneof(
      instant,
      fc.constant(-1),
      fc.integer({ min: 0, max: HOURS }).map((hour) => hour * HOUR_MS - (hour % 2)),
    ),
    {
      minLength: 2,
      maxLength: 6,
    },
  )
  .map((found) => found.sort((a, b) => a - b));

interface Change {
  readonly timestampMs: number;
  readonly isEntrance: boolean;
  readonly isOtherSpace: boolean;
}
const change: fc.Arbitrary<Change> = fc.record({
  timestampMs: instant,
  isEntrance: fc.boolean(),
  isOtherSpace: fc.nat({ max: 3 }).map((n) => n === 0),
});
/** A block: new events, which of the earlier ones it retracts, and whether hours are stored after it. */
interface Step {
  readonly events: readonly Change[];
  readonly retracted: readonly number[];
  readonly isStoredAfter: boolean;
  readonly isNewEpoch: boolean;
}
const step: fc.Arbitrary<Step> = fc.record({
  events: fc.array(change, { minLength: 1, maxLength: 6 }),
  retracted: fc.array(fc.nat(), { maxLength: 4 }),
  isStoredAfter: fc.boolean(),
  isNewEpoch: fc.nat({ max: 9 }).map((n) => n === 0),
});

interface Question {
  readonly edges: readonly number[];
  readonly blockBack: number;
  readonly upTo: LogPlace | undefined;
  readonly dividedMs: number;
}
const question: fc.Arbitrary<Question> = fc.record({
  edges,
  blockBack: fc.nat({ max: 3 }),
  upTo: fc.option(fc.record({ epoch: fc.constantFrom(0, 0, 0, 1, 2), seq: fc.nat({ max: 24 }) }), { nil: undefined }),
  dividedMs: instant,
});

interface Stored extends LoggedEvent, StoredRow {
  readonly epoch: number;
  readonly commitSeq: number;
}

/** Everything, in one range. */
const ALL: Question = { edges: [-1, (HOURS + 1) * HOUR_MS], blockBack: 0, upTo: undefined, dividedMs: HOURS * HOUR_MS };

let spaces = 9_000;

describePorts('stored hours', (ports) => {
  let number = 0;

  /** Stores a block for each step, and calls `asked` after it. @returns all rows */
  async function store(
    steps: readonly Step[],
    [some, other]: readonly [SpaceId, SpaceId],
    asked: (rows: readonly Stored[], step: number) => Promise<void>,
  ): Promise<Stored[]> {
    const { history } = ports();
    const rows: Stored[] = [];
    let [epoch, seq] = [0, 0];
    for (const [at, { events, retracted, isStoredAfter, isNewEpoch }] of steps.entries()) {
      number += 1;
      if (isNewEpoch) [epoch, seq] = [epoch + 1, 0];
      const known = live(rows);
      const changes: SpaceEvent[] = [
        ...events.map(({ timestampMs, isEntrance, isOtherSpace }, n) =>
          personEvent(
            {
              ...{ spaceId: isOtherSpace ? other : some, dpuId: `d${number}-${n}` as DpuId, timestampMs },
              ...{ doorwayId: 1 as DoorwayId, sign: 1, primary: true },
            },
            isEntrance ? 1 : -1,
          ),
        ),
        ...[...new Set(retracted.map((n) => n % Math.max(1, known.length)))].flatMap((n) =>
          known.slice(n, n + 1).map((row): SpaceEvent => ({ ...row, sign: -1 })),
        ),
      ];
      // Some commits overtake others on their way into a block.
      const logged = changes.map((event, n) => loggedEvent(event, seq + changes.length - n));
      seq += changes.length;
      rows.push(...logged.map((row) => ({ ...row, block: number, epoch, commitSeq: row.seq })));
      const mark = { seq, commitId: `c${number}`, cutMs: number, completeSeq: seq };
      await history.storeBlock(blockOf(epoch, P0, number, logged, mark));
      if (isStoredAfter) await history.storeHours(P0, number);
      await asked(rows, at);
    }
    return rows;
  }

  async function ask(question: Question, all: readonly Stored[], ids: readonly SpaceId[]): Promise<void> {
    const { history, summingHistory, eventPages } = ports();
    const { edges: edgesMs, blockBack, upTo, dividedMs } = question;
    const block = Math.max(0, number - blockBack);
    const rowsOf = (id: SpaceId): Stored[] => all.filter(({ spaceId }) => spaceId === id);
    const [some] = ids as [SpaceId];
    const [afterMs, upToMs] = [edgesMs[0] ?? 0, edgesMs.at(-1) ?? 0];
    expect(
      await eventPages.countEvents({
        ...{ spaceId: some, block, upTo, watermarkMs: dividedMs },
        range: { fromMs: afterMs + 1, toMs: upToMs },
      }),
    ).toBe(eventsOfRows(rowsOf(some), { block, upTo, afterMs, upToMs }).length);
    for (const asked of [history, summingHistory]) {
      expect(await asked.segments(some, edgesMs, block, upTo)).toEqual(
        segmentsOfRows(rowsOf(some), edgesMs, { block, upTo }),
      );
      const together = await asked.segmentsOfSpaces(
        ids.map((spaceId) => ({ spaceId, block, dividedMs })),
        edgesMs,
      );
      for (const id of ids)
        expect(together.get(id) ?? edgesMs.slice(1).map(() => EMPTY_SEGMENT)).toEqual(
          edgesMs.slice(1).map((endMs, gap) => {
            const [fromMs, untilMs] = [edgesMs[gap] ?? 0, Math.min(endMs, dividedMs)];
            return untilMs > fromMs ? segmentsOfRows(rowsOf(id), [fromMs, untilMs], { block })[0] : EMPTY_SEGMENT;
          }),
        );
    }
  }

  /** Each space since an instant of its own. */
  async function askSince(
    { edges, blockBack }: Question,
    all: readonly Stored[],
    ids: readonly SpaceId[],
  ): Promise<void> {
    const { history, summingHistory, eventPages } = ports();
    const block = Math.max(0, number - blockBack);
    const asked = ids.map((spaceId, n) => ({ spaceId, block, afterMs: edges[n] ?? -1 }));
    const expected = (upToMs: number): Map<SpaceId, Segment | undefined> =>
      new Map(
        asked.map(({ spaceId, afterMs }) => {
          const rows = all.filter((row) => row.spaceId === spaceId);
          return [spaceId, segmentsOfRows(rows, [afterMs, upToMs], { block })[0]];
        }),
      );
    for (const each of [history, summingHistory]) expect(await each.occupancySegments(asked)).toEqual(expected(END_MS));
    const lastMs = edges.at(-1) ?? 0;
    expect(await eventPages.segmentsOf(asked, lastMs)).toEqual(expected(lastMs));
  }

  it('P1 T29 segments and numbers of events are the same whatever hours are stored', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 2, maxLength: 6 }),
        fc.array(question, { minLength: 4, maxLength: 6 }),
        async (steps, questions) => {
          const ids: [SpaceId, SpaceId] = [++spaces as SpaceId, ++spaces as SpaceId];
          // What is kept of an answer stays right: more blocks and hours are stored before the next question.
          const rows = await store(steps, ids, async (known, at) =>
            ask(questions[at % questions.length] ?? ALL, known, ids),
          );
          for (const one of questions) await ask(one, rows, ids);
          for (const one of questions.slice(0, 2)) await askSince(one, rows, ids);
        },
      ),
      { numRuns: RUNS, endOnFailure: true },
    );
  }, 300_000);

  it('P1 T29 many spaces, and many hours that a question divides, are more than one query', async () => {
    const { history, summingHistory } = ports();
    const ids = Array.from({ length: 12 }, () => ++spaces as SpaceId);
    const events = ids.map((spaceId, n) => {
      const place = { spaceId, dpuId: 'many' as DpuId, doorwayId: 1 as DoorwayId, timestampMs: n * HOUR_MS + 10 };
      return loggedEvent(personEvent({ ...place, sign: 1, primary: true }, 1), n + 1);
    });
    const seq = ids.length;
    await history.storeBlock(
      blockOf(0, P0, ++number, events, { seq, commitId: 'many', cutMs: number, completeSeq: seq }),
    );
    await history.storeHours(P0, number);
    const edgesMs = [-1, ...Array.from({ length: 400 }, (_, n) => (2 * n + 1) * HOUR_MS + 1_800_000)];
    for (const asked of [history, summingHistory]) {
      const found = await asked.segmentsOfSpaces(
        ids.map((spaceId) => ({ spaceId, block: number, dividedMs: 400 * HOUR_MS })),
        edgesMs,
      );
      for (const [n, spaceId] of ids.entries()) {
        const expected = segmentsOfRows([{ ...(events[n] as LoggedEvent), block: number }], edgesMs, { block: number });
        expect(found.get(spaceId)).toEqual(expected);
        if (n === 0) expect(await asked.segments(spaceId, edgesMs, number)).toEqual(expected);
      }
    }
  }, 120_000);
});

function live(rows: readonly Stored[]): Stored[] {
  const retracted = new Set(rows.filter(({ sign }) => sign < 0).map(({ readingId }) => readingId));
  return rows.filter(({ sign, readingId }) => sign > 0 && !retracted.has(readingId));
}
