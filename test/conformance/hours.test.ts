// Segments of stored hours and of events together: they are those of the events alone, whatever has been stored when. One suite for
// both implementations.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { HOUR_MS } from '../../src/domain/hours.ts';
import { loggedEvent } from '../../src/domain/log-entry.ts';
import type { LogPlace } from '../../src/domain/log-place.ts';
import { EMPTY_SEGMENT, type Segment } from '../../src/domain/segment.ts';
import { segmentsOfRows } from '../simulation/engines/events-of-spaces.ts';
import type { StoredRow } from '../simulation/engines/events-of-rows.ts';
import { personEvent } from '../support/person-event.ts';
import { describePorts } from './ports.ts';

const P0 = 0 as Partition;
const HOURS = 24 * 6;
const RUNS = 12;

/** Often at the beginning or end of an hour, where it is easy to be wrong by one. */
const instant = fc
  .tuple(fc.integer({ min: 0, max: HOURS }), fc.constantFrom(-1, 0, 1, 900_000, 1_800_000))
  .map(([hour, ms]) => Math.max(0, hour * HOUR_MS + ms));
const edges = fc
  .uniqueArray(fc.oneof(instant, fc.constant(-1), fc.integer({ min: 0, max: HOURS }).map((hour) => hour * HOUR_MS)), {
    minLength: 2,
    maxLength: 6,
  })
  .map((found) => found.sort((a, b) => a - b));

interface Change {
  readonly timestampMs: number;
  readonly isEntrance: boolean;
  readonly isOtherSpace: boolean;
}
const change: fc.Arbitrary<Change> = fc.record({
  timestampMs: fc.oneof({ weight: 3, arbitrary: instant }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 * HOUR_MS }) }),
  isEntrance: fc.boolean(),
  isOtherSpace: fc.boolean(),
});
/** New events, how many of the earlier ones are retracted, and whether hours are stored afterwards. */
const step = fc.record({
  events: fc.array(change, { minLength: 1, maxLength: 6 }),
  retracted: fc.array(fc.nat(), { maxLength: 4 }),
  isStoredAfter: fc.boolean(),
  isNewEpoch: fc.nat({ max: 9 }).map((n) => n === 0),
});
const question = fc.record({
  edges,
  blockBack: fc.nat({ max: 3 }),
  place: fc.option(fc.record({ epoch: fc.nat({ max: 2 }), seq: fc.nat({ max: 30 }) }), { nil: undefined }),
  divided: instant,
});

let firstSpace = 9_000;

describePorts('stored hours', (ports) => {
  it('P1 T29 segments are the same whatever hours are stored', async () => {
    const { history } = ports();
    let number = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 6 }),
        fc.array(question, { minLength: 1, maxLength: 4 }),
        async (steps, questions) => {
          const [some, other] = [(firstSpace += 2), firstSpace + 1] as SpaceId[] as [SpaceId, SpaceId];
          const rows: (StoredRow & { readonly spaceId: SpaceId })[] = [];
          const firstBlock = number + 1;
          let [epoch, seq] = [0, 0];
          for (const { events, retracted, isStoredAfter, isNewEpoch } of steps) {
            number += 1;
            if (isNewEpoch) [epoch, seq] = [epoch + 1, 0];
            const signed = [
              ...events.map((one, n) => ({ ...one, sign: 1 as const, dpuId: `d${number}-${n}` })),
              ...[...new Set(retracted.map((n) => live(rows)[n % Math.max(1, live(rows).length)]))].flatMap((row) =>
                row ? [{ ...row, isOtherSpace: row.spaceId === other, sign: -1 as const, isEntrance: row.entrances > 0 }] : [],
              ),
            ];
            const logged = signed.map((one, n) => {
              const event = personEvent(
                {
                  ...{ spaceId: one.isOtherSpace ? other : some, dpuId: one.dpuId as DpuId, doorwayId: 1 as DoorwayId },
                  ...{ timestampMs: one.timestampMs, sign: one.sign, primary: true },
                },
                one.isEntrance ? 1 : -1,
              );
              // Some commits overtake others on their way into a block.
              const entry = loggedEvent(event, seq + signed.length - n);
              rows.push({ ...entry, dpuId: one.dpuId, block: number, epoch, commitSeq: entry.seq } as never);
              return entry;
            });
            seq += signed.length;
            const mark = { seq, commitId: `c${number}`, cutMs: number, completeSeq: seq };
            await history.storeBlock(blockOf(epoch, P0, number, logged, mark));
            if (isStoredAfter) await history.storeHours(P0, number);
          }
          for (const { edges: edgesMs, blockBack, place, divided } of questions) {
            const block = Math.max(firstBlock - 1, number - blockBack);
            const upTo: LogPlace | undefined = place;
            const of = (id: SpaceId): StoredRow[] => rows.filter(({ spaceId }) => spaceId === id);
            expect(await history.segments(some, edgesMs, block, upTo)).toEqual(segmentsOfRows(of(some), edgesMs, { block, upTo }));
            const together = await history.segmentsOfSpaces(
              [some, other].map((spaceId) => ({ spaceId, block, dividedMs: divided })),
              edgesMs,
            );
            for (const id of [some, other])
              expect(filled(together.get(id), edgesMs)).toEqual(
                edgesMs.slice(1).map((end, n) => {
                  const range = [edgesMs[n] ?? 0, Math.min(end, divided)];
                  return (range[1] ?? 0) > (range[0] ?? 0) ? segmentsOfRows(of(id), range, { block })[0] : EMPTY_SEGMENT;
                }),
              );
          }
        },
      ),
      { numRuns: RUNS },
    );
  }, 300_000);
});

function live<Row extends { readonly readingId: string; readonly sign: 1 | -1; readonly dpuId?: string }>(rows: readonly Row[]): Row[] {
  const retracted = new Set(rows.filter(({ sign }) => sign < 0).map(({ readingId }) => readingId));
  return rows.filter(({ sign, readingId }) => sign > 0 && !retracted.has(readingId));
}

function filled(segments: readonly Segment[] | undefined, edgesMs: readonly number[]): readonly Segment[] {
  return segments ?? edgesMs.slice(1).map(() => EMPTY_SEGMENT);
}
