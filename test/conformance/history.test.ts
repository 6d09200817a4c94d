// Blocks, and queries on them. One suite for both implementations.
import { expect, it } from 'vitest';
import { blockOf, type Block } from '../../actors/partition/block.ts';
import type { ReadingPlace } from '../../src/domain/commit.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import {
  directionOf,
  intervalMeasure,
  personMeasure,
  revisionMeasure,
  standingMeasure,
  type Direction,
  type Measure,
} from '../../src/domain/measure.ts';
import { identityOf, readingIdOf, type Reading } from '../../src/domain/reading.ts';
import type { DpuReadingsPage, History } from '../../src/ports/history.ts';
import { describePorts } from './ports.ts';
import { END_MS } from '../../src/domain/instant.ts';
import { personEvent } from '../support/person-event.ts';

const [P0, P1, P2] = [0, 1, 2] as Partition[] as [Partition, Partition, Partition];

function row(
  spaceId: number,
  timestampMs: number,
  delta: Direction,
  more: Partial<{ dpuId: string; sign: 1 | -1; name: string; hasPreviousId: true; primary: boolean }> = {},
): LoggedEvent {
  const { dpuId = 'd1', sign = 1, name, hasPreviousId, primary = true } = more;
  const event = {
    spaceId: spaceId as SpaceId,
    dpuId: dpuId as DpuId,
    doorwayId: 1 as DoorwayId,
    timestampMs,
    sign,
    primary,
    ...(name === undefined ? {} : { name }),
    ...(hasPreviousId ? { hasPreviousId } : {}),
  };
  return loggedEvent(personEvent(event, delta), 1);
}

const block = (partition: Partition, number: number, ...rows: LoggedEvent[]): Block =>
  blockOf(0, partition, number, rows);

describePorts('history', (ports) => {
  it('P1 a block sent again changes nothing, in the events, the readings and the events in time order', async () => {
    const { history } = ports();
    const month = 32 * 86_400_000;
    const rows = [row(11, 60_000, 1), row(11, 60_001, 1), row(11, 60_002, -1), row(11, month, 1)];
    for (let n = 0; n < 3; n++) await history.storeBlock(block(P0, 1, ...rows));
    // Another partition's block of the same number is another block.
    await history.storeBlock(block(P1, 1, row(12, 60_000, 1, { dpuId: 'd2' })));
    await history.storeBlock(block(P0, 2));
    expect(await history.lastBlock(P0)).toBe(1);
    expect(await history.lastBlock(P2)).toBe(0);
    expect(
      (await history.events(11 as SpaceId, 0, month, 1)).map(({ timestampMs, entrances, exits }) => [
        timestampMs,
        entrances - exits,
      ]),
    ).toEqual([
      [60_000, 1],
      [60_001, 1],
      [60_002, -1],
      [month, 1],
    ]);
    expect(await ports().eventsByTime(11 as SpaceId)).toEqual([
      [60_000, 'd1~60000~+', 1],
      [60_001, 'd1~60001~+', 1],
      [60_002, 'd1~60002~-', 1],
      [month, `d1~${month}~+`, 1],
    ]);
    const page = await history.readingsOfDpus({
      dpuIds: ['d1' as DpuId],
      fromMs: 0,
      toMs: month + 1,
      after: { dpuId: '' as DpuId, timestampMs: -1, readingId: '' },
      limit: 10,
    });
    expect(page.readings).toHaveLength(4);
    expect(page.end).toBeNull();
  });

  it('P1 the records of a partition: its newest events, the net sign of a reading, and the completion of a block', async () => {
    const { history, records } = ports();
    const [here, there] = [41 as SpaceId, 42 as SpaceId];
    await history.storeBlock(
      block(
        P2,
        1,
        row(here, 1_000, 1),
        row(here, 2_000, -1, { dpuId: 'd2' }),
        row(there, 1_000, -1, { primary: false }),
        row(here, 3_000, 1, { name: 'n' }),
      ),
    );
    await history.storeBlock(
      block(P2, 2, row(here, 3_000, 1, { name: 'n', sign: -1 }), row(here, 5_000, 1, { dpuId: 'd2', sign: -1 })),
    );
    expect((await records.newest(P2)).filter(({ spaceId }) => spaceId >= here)).toEqual([
      { spaceId: here, dpuId: 'd1', newestMs: 3_000, newestRetractedMs: 3_000 },
      { spaceId: here, dpuId: 'd2', newestMs: 5_000, newestRetractedMs: 5_000 },
      { spaceId: there, dpuId: 'd1', newestMs: 1_000, newestRetractedMs: 0 },
    ]);
    const place = (
      spaceId: SpaceId,
      timestampMs: number,
      readingId: string,
    ): { spaceId: SpaceId; timestampMs: number; readingId: string } => ({ spaceId, timestampMs, readingId });
    const claims = await records.claims(P2, [
      place(here, 1_000, 'd1~1000~+'),
      place(there, 1_000, 'd1~1000~-'),
      place(here, 3_000, 'd1~3000~+.n'),
      place(here, 4_000, 'd1~4000~+'),
    ]);
    expect(
      claims
        .map(({ spaceId, timestampMs, entrances, exits, primary, signs }) => ({
          spaceId,
          timestampMs,
          delta: entrances - exits,
          primary,
          signs,
        }))
        .sort((a, b) => a.spaceId - b.spaceId || a.timestampMs - b.timestampMs),
    ).toEqual([
      { spaceId: here, timestampMs: 1_000, delta: 1, primary: true, signs: 1 },
      { spaceId: here, timestampMs: 3_000, delta: 1, primary: true, signs: 0 },
      { spaceId: there, timestampMs: 1_000, delta: -1, primary: false, signs: 1 },
    ]);
    // Another partition's rows are not its own.
    expect(await records.claims(P1, [place(here, 1_000, 'd1~1000~+')])).toEqual([]);
    const before = await ports().eventsByTime(here);
    for (let n = 0; n < 2; n++) await records.completeBlock(P2, 1);
    expect(await ports().eventsByTime(here)).toEqual(before);
    expect((await history.events(here, 0, 10_000, 1)).map(({ timestampMs }) => timestampMs)).toEqual([
      1_000, 2_000, 3_000,
    ]);
  });

  it('P1 T17 the newest instants of a space at which readings stand, up to a block and an instant', async () => {
    const { history } = ports();
    const space = 44 as SpaceId;
    const named = { dpuId: 'd8', name: 'x' };
    const some = Array.from({ length: 300 }, (_, n) => row(space, 10_000 + n, 1, { dpuId: 'd8' }));
    await history.storeBlock(
      block(P2, 100, row(space, 1_000, 1), row(space, 1_000, 1, named), row(space, 2_000, 1), ...some),
    );
    // A move of nearly all, in rows that are more than one query reads.
    await history.storeBlock(
      block(
        P2,
        101,
        row(space, 1_000, 1, { ...named, sign: -1 }),
        row(space, 2_000, 1, { sign: -1 }),
        ...some.map((event): LoggedEvent => ({ ...event, sign: -1 })),
        row(space, 40_000, -1),
      ),
    );
    const newest = async (number: number, limit: number, toMs = END_MS, afterMs = -1): Promise<[number, number][]> =>
      (await history.newestInstants({ spaceId: space, block: number, afterMs, upToMs: toMs, limit })).map(
        ({ timestampMs, readings }) => [timestampMs, readings],
      );
    expect(await newest(101, 10)).toEqual([
      [40_000, 1],
      [1_000, 1],
    ]);
    expect(await newest(101, 1)).toEqual([[40_000, 1]]);
    expect(await newest(101, 1, 39_999)).toEqual([[1_000, 1]]);
    expect(await newest(101, 1, 39_999, 1_000)).toEqual([]);
    expect(await newest(101, 1, 999)).toEqual([]);
    expect(await newest(100, 2)).toEqual([
      [10_299, 1],
      [10_298, 1],
    ]);
    expect(await newest(100, 9, 9_999)).toEqual([
      [2_000, 1],
      [1_000, 2],
    ]);
    expect(await newest(99, 1)).toEqual([]);
  });

  it('P1 a block that was stored without its views is completed, once', async () => {
    const { history, records } = ports();
    const space = 43 as SpaceId;
    const month = 32 * 86_400_000;
    await history.storeBlock(
      block(
        P2,
        90,
        row(space, 61_000, 1, { dpuId: 'd9' }),
        row(space, 62_000, -1, { dpuId: 'd9' }),
        row(space, month, 1, { dpuId: 'd9' }),
      ),
    );
    const [before, page] = [
      await ports().eventsByTime(space),
      {
        dpuIds: ['d9' as DpuId],
        fromMs: 0,
        toMs: month + 1,
        after: { dpuId: '' as DpuId, timestampMs: -1, readingId: '' },
        limit: 10,
      },
    ];
    expect(before).toHaveLength(3);
    await ports().loseFromViews(space, P2, 90);
    expect(await ports().eventsByTime(space)).toEqual([]);
    for (let n = 0; n < 2; n++) await records.completeBlock(P2, 90);
    expect(await ports().eventsByTime(space)).toEqual(before);
    expect((await history.readingsOfDpus(page)).readings).toHaveLength(3);
    expect((await history.events(space, 0, month, 90)).map(({ timestampMs }) => timestampMs)).toEqual([
      61_000,
      62_000,
      month,
    ]);
  });

  it('P1 rows are read up to a block, in event order, with retractions applied', async () => {
    const { history } = ports();
    const space = 21 as SpaceId;
    const some = { dpuId: 'd3' };
    await history.storeBlock(block(P0, 11, row(21, 200, -1, some), row(21, 100, 1, some), row(21, 100, -1, some)));
    await history.storeBlock(block(P0, 12, row(21, 150, 1, some), row(21, 100, 1, { ...some, sign: -1 })));
    const at = async (n: number): Promise<[number, number][]> =>
      (await history.events(space, 0, 1_000, n)).map(({ timestampMs, entrances, exits }) => [
        timestampMs,
        entrances - exits,
      ]);
    // `~+` stands before `~-`.
    expect(await at(11)).toEqual([
      [100, 1],
      [100, -1],
      [200, -1],
    ]);
    expect(await at(12)).toEqual([
      [100, -1],
      [150, 1],
      [200, -1],
    ]);
    expect(await history.events(space, 100, 150, 12)).toHaveLength(1);
    expect(await history.segments(space, [0, 100, 150, 300], 12)).toEqual([
      { sum: -1, lowestNet: -1, highestNet: -1, riseMax: 0, entrances: 0, exits: 1 },
      { sum: 1, lowestNet: 1, highestNet: 1, riseMax: 0, entrances: 1, exits: 0 },
      { sum: -1, lowestNet: -1, highestNet: -1, riseMax: 0, entrances: 0, exits: 1 },
    ]);
    const runs = await history.occupancySegments([
      { spaceId: space, block: 12, afterMs: 0 },
      { spaceId: 22 as SpaceId, block: 12, afterMs: 0 },
    ]);
    expect(runs.get(space)).toMatchObject({ sum: -1, lowestNet: -1, highestNet: 0, riseMax: 1 });
    expect(runs.get(22 as SpaceId)).toMatchObject({ sum: 0, entrances: 0, exits: 0 });
  });

  it('P1 a reading is found by all of its fields, retracted or not', async () => {
    const { history } = ports();
    const some = { dpuId: 'd4' };
    await history.storeBlock(
      block(
        P2,
        3,
        row(31, 500, 1, { ...some, name: 'n' }),
        row(31, 600, -1, some),
        row(31, 600, -1, { ...some, sign: -1 }),
        row(31, 700, 1, { ...some, primary: false }),
      ),
    );
    await history.storeBlock(block(P2, 4, row(31, 400, -1, { ...some, name: 'n' })));
    const dpuId = 'd4' as DpuId;
    const found = await history.findReadings([
      // All but the first and the ninth differ in one field from what is stored.
      { dpuId, timestampMs: 500, measure: personMeasure(1), name: 'n' },
      { dpuId, timestampMs: 501, measure: personMeasure(1), name: 'n' },
      { dpuId, timestampMs: 500, measure: personMeasure(-1), name: 'n' },
      { dpuId, timestampMs: 500, measure: personMeasure(1), name: 'm' },
      { dpuId, timestampMs: 500, measure: personMeasure(1) },
      { dpuId: 'd5' as DpuId, timestampMs: 500, measure: personMeasure(1), name: 'n' },
      { dpuId, timestampMs: 600, measure: personMeasure(-1), name: 'n' },
      { dpuId, timestampMs: 600, measure: personMeasure(1) },
      { dpuId, timestampMs: 600, measure: personMeasure(-1) },
      { dpuId, timestampMs: 700, measure: personMeasure(1) },
    ]);
    expect(found.map(readingIdOf).sort()).toEqual(['d4~500~+.n', 'd4~600~-']);
    expect(await history.newestReadings([dpuId, 'nobody' as DpuId])).toEqual(new Map([[dpuId, 600]]));
    expect(await pagesOf(history, dpuId)).toEqual(['d4~400~-.n', 'd4~500~+.n', 'd4~600~-']);
  });

  it('P1 a reading with a previous form of id is found by its fields and keeps its id; the earliest of several with one id counts', async () => {
    const { history } = ports();
    const before = { dpuId: 'd6', hasPreviousId: true } as const;
    // 900 was retracted when 800 came, and moved; at 800 the exit wins.
    await history.storeBlock(
      block(
        P2,
        5,
        row(32, 900, 1, { ...before, name: 'n' }),
        row(32, 900, 1, { ...before, name: 'n', sign: -1 }),
        row(32, 800, 1, { ...before, name: 'n' }),
        row(32, 700, 1, { ...before, name: 'm' }),
      ),
    );
    await history.storeBlock(
      block(
        P2,
        6,
        row(32, 800, 1, { ...before, name: 'n', sign: -1 }),
        row(32, 800, -1, { ...before, name: 'n' }),
        row(32, 900, -1, { dpuId: 'd6', name: 'n' }),
        row(32, 900, -1, { dpuId: 'd6' }),
      ),
    );
    const dpuId = 'd6' as DpuId;
    const found = await history.findReadings([
      { dpuId, timestampMs: 700, measure: personMeasure(1), name: 'm' },
      { dpuId, timestampMs: 701, measure: personMeasure(1), name: 'm' },
      { dpuId, timestampMs: 700, measure: personMeasure(1) },
      { dpuId, timestampMs: 900, measure: personMeasure(1), name: 'n' },
      { dpuId, timestampMs: 900, measure: personMeasure(-1), name: 'n' },
    ]);
    expect(
      found.sort((a, b) => a.timestampMs - b.timestampMs || directionOf(a.measure) - directionOf(b.measure)),
    ).toEqual([
      { dpuId, timestampMs: 700, measure: personMeasure(1), name: 'm', hasPreviousId: true },
      { dpuId, timestampMs: 900, measure: personMeasure(-1), name: 'n' },
      { dpuId, timestampMs: 900, measure: personMeasure(1), name: 'n', hasPreviousId: true },
    ]);
    expect(await pagesOf(history, dpuId)).toEqual(['d6.m', 'd6.n', 'd6~900~-', 'd6~900~-.n']);
  });

  const standingOf = (total: number): Measure =>
    standingMeasure({ totalEntrances: total, totalExits: 0, counterEpoch: null });
  const revisionOf = (revision: number): Measure => revisionMeasure({ entrances: 1, exits: 2, startMs: 500, revision });
  it.each([
    ['standings', 's', standingOf, revisionOf(7)],
    ['revisions', 'r', revisionOf, standingOf(7)],
  ] as const)(
    'P1 finds the %s of a DPU at an instant, and at the nearest before and after it',
    async (kind, prefix, measureOf, another) => {
      const { history } = ports();
      const dpuId = `${prefix}1` as DpuId;
      const reading = (timestampMs: number, n: number, name?: string): Reading => ({
        dpuId,
        timestampMs,
        measure: measureOf(n),
        ...(name === undefined ? {} : { name }),
      });
      const [first, second, oldest] = [reading(1_000, 1), reading(1_000, 2), reading(900, 0)];
      const [next, last] = [reading(3_000, 3, 'n'), reading(4_000, 4)];
      // Between them people, whose names look like standings and revisions, and other measures.
      const others: Reading[] = [
        { dpuId, timestampMs: 2_000, measure: personMeasure(1), name: '~t5' },
        { dpuId, timestampMs: 2_100, measure: personMeasure(1), name: 'a~2100~1-2-500r7' },
        { dpuId, timestampMs: 2_200, measure: personMeasure(-1) },
        { dpuId, timestampMs: 2_300, measure: intervalMeasure({ entrances: 1, exits: 2 }, 500), name: 'r7' },
        { dpuId, timestampMs: 2_400, measure: another },
        { ...reading(2_500, 9), dpuId: `${prefix}2` as DpuId },
      ];
      const rows = [first, second, oldest, next, last, ...others].map((some) =>
        loggedEvent(
          {
            ...some,
            spaceId: 31 as SpaceId,
            doorwayId: 1 as DoorwayId,
            entrances: 0,
            exits: 0,
            isEgress: false,
            sign: 1,
            primary: true,
          },
          1,
        ),
      );
      await history.storeBlock(block(P1, kind === 'standings' ? 40 : 41, ...rows));
      const around = async (...instants: number[]): Promise<string[]> =>
        (await history.neighbours(instants.map((timestampMs) => ({ kind, dpuId, timestampMs }))))
          .map(identityOf)
          .sort();
      const ids = (...of: Reading[]): string[] => of.map(identityOf).sort();
      const at = async (...instants: number[]): Promise<string[]> =>
        (await history.readingsAt(instants.map((timestampMs) => ({ dpuId, timestampMs })))).map(identityOf).sort();
      expect(await at(1_000, 2_100, 2_500, 5)).toEqual(ids(first, second, ...others.slice(1, 2)));
      expect(await around(2_500)).toEqual(ids(first, second, next));
      expect(await around(1_000)).toEqual(ids(oldest, first, second, next));
      expect(await around(END_MS)).toEqual(ids(last));
      expect(await around(0)).toEqual(ids(oldest));
      expect(await around(...Array.from({ length: 12 }, (_, n) => 1_000 + n * 250))).toEqual(
        ids(oldest, first, second, next, last),
      );
      const both = await history.neighbours([
        { kind: 'standings', dpuId, timestampMs: END_MS },
        { kind: 'revisions', dpuId, timestampMs: END_MS },
      ]);
      expect(both.map(({ timestampMs }) => timestampMs).sort()).toEqual([2_400, 4_000]);
      const nobody = `${prefix}3` as DpuId;
      expect(await history.neighbours([{ kind, dpuId: nobody, timestampMs: 2_000 }])).toEqual([]);
    },
  );
});

/** The ids of a DPU's readings, read one per page. */
async function pagesOf(history: History, dpuId: DpuId): Promise<string[]> {
  const ids: string[] = [];
  for (let after: ReadingPlace | null = { dpuId: '' as DpuId, timestampMs: -1, readingId: '' }; after;) {
    const page: DpuReadingsPage = await history.readingsOfDpus({
      dpuIds: [dpuId],
      fromMs: 0,
      toMs: 1_000,
      limit: 1,
      after,
    });
    ids.push(...page.readings.map(readingIdOf));
    after = page.end;
  }
  return ids;
}
