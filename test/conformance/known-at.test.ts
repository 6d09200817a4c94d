// The rows that had been asserted or retracted up to a place in the log, and the recorded places. One suite for both implementations.
import { expect, it } from 'vitest';
import { blockOf, type Block, type BlockMark } from '../../actors/partition/block.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import type { LogPlace } from '../../src/domain/log-place.ts';
import type { Direction } from '../../src/domain/measure.ts';
import { personEvent } from '../support/person-event.ts';
import { describePorts } from './ports.ts';

const [P0, P1, P2] = [0, 1, 2] as Partition[] as [Partition, Partition, Partition];
const SPACE = 61 as SpaceId;

function row(seq: number, timestampMs: number, delta: Direction, sign: 1 | -1 = 1, spaceId = SPACE): LoggedEvent {
  const place = { spaceId, dpuId: 'd1' as DpuId, doorwayId: 1 as DoorwayId, timestampMs };
  return loggedEvent(personEvent({ ...place, sign, primary: true }, delta), seq);
}

const mark = (seq: number, cutMs: number, completeSeq: number): BlockMark => ({
  ...{ seq, commitId: `c${seq}`, cutMs, completeSeq },
});

const BLOCKS: readonly Block[] = [
  // Of the first epoch. The row of commit 9 was late.
  blockOf(0, P0, 1, [row(3, 1_000, 1), row(5, 2_000, 1), row(4, 3_000, -1)], mark(8, 10_000, 5)),
  blockOf(0, P0, 2, [row(9, 1_500, 1)], mark(9, 12_000, 9)),
  // A repair began the second one.
  blockOf(1, P0, 3, [row(0, 2_500, 1)]),
  blockOf(1, P0, 4, [row(6, 2_000, 1, -1), row(7, 4_000, 1)], mark(7, 20_000, 6)),
  blockOf(1, P1, 1, [row(11, 5_000, 1, 1, 62 as SpaceId)], mark(12, 19_000, 12)),
];

const at = (epoch: number, seq: number): LogPlace => ({ epoch, seq });

describePorts('what was known', (ports) => {
  it('P1 T24 nothing is recorded at first', async () => {
    const { logPlaces, history } = ports();
    expect(await logPlaces.knownFrom(P0)).toEqual({ firstMs: undefined, floor: undefined });
    expect(await logPlaces.placeAt(P0, 99_000)).toBeUndefined();
    expect(await logPlaces.completeSeq(P0, 0)).toBe(0);
    for (const block of BLOCKS) await history.storeBlock(block);
    await history.storeBlock(BLOCKS[0] as Block);
  });

  it('P1 T24 the events of a place are those of commits up to it, and of earlier epochs', async () => {
    const { history } = ports();
    const known = async (upTo?: LogPlace, block = 4): Promise<number[]> =>
      (await history.events(SPACE, 0, 10_000, block, upTo)).map(({ timestampMs }) => timestampMs);
    expect(await known()).toEqual([1_000, 1_500, 2_500, 3_000, 4_000]);
    expect(await known(at(0, 3))).toEqual([1_000]);
    expect(await known(at(0, 4))).toEqual([1_000, 3_000]);
    expect(await known(at(0, 8))).toEqual([1_000, 2_000, 3_000]);
    expect(await known(at(0, 9))).toEqual([1_000, 1_500, 2_000, 3_000]);
    expect(await known(at(1, 0))).toEqual([1_000, 1_500, 2_000, 2_500, 3_000]);
    expect(await known(at(1, 6))).toEqual([1_000, 1_500, 2_500, 3_000]);
    expect(await known(at(1, 7))).toEqual(await known());
    // The bound of blocks remains.
    expect(await known(at(1, 7), 1)).toEqual([1_000, 2_000, 3_000]);
  });

  it('P1 T24 segments and the newest readings of a place are of the same events', async () => {
    const { history } = ports();
    const [run] = await history.segments(SPACE, [0, 10_000], 4, at(0, 5));
    expect(run).toMatchObject({ sum: 1, entrances: 2, exits: 1, highestNet: 2 });
    const newest = async (upTo: LogPlace): Promise<unknown> =>
      history.newestInstants({ spaceId: SPACE, block: 4, afterMs: 0, upToMs: 2_000, limit: 1, upTo });
    expect(await newest(at(0, 9))).toEqual([{ timestampMs: 2_000, readings: 1 }]);
    expect(await newest(at(1, 6))).toEqual([{ timestampMs: 1_500, readings: 1 }]);
  });

  it('P1 T26 so are pages', async () => {
    const { eventPages } = ports();
    const range = { fromMs: 0, toMs: 10_000 };
    const page = async (upTo: LogPlace | undefined, desc = false, block = 4): Promise<number[]> => {
      const query = { spaceId: SPACE, block, upTo, range, after: null, desc, limit: 10 };
      return (await eventPages.eventPage(query)).events.map(({ timestampMs }) => timestampMs);
    };
    expect(await page(undefined)).toEqual([1_000, 1_500, 2_500, 3_000, 4_000]);
    expect(await page(at(0, 8))).toEqual([1_000, 2_000, 3_000]);
    expect(await page(at(0, 9), true)).toEqual([3_000, 2_000, 1_500, 1_000]);
    expect(await page(at(1, 6))).toEqual([1_000, 1_500, 2_500, 3_000]);
    expect(await page(at(1, 7), false, 1)).toEqual([1_000, 2_000, 3_000]);
    const after = { timestampMs: 1_000, readingId: 'd1~1000~+' };
    const rest = await eventPages.eventPage({
      ...{ spaceId: SPACE, block: 4, upTo: at(0, 8), range, after, desc: false, limit: 10 },
    });
    expect(rest.events.map(({ timestampMs, entrances, exits }) => [timestampMs, entrances, exits])).toEqual([
      [2_000, 1, 0],
      [3_000, 0, 1],
    ]);
    expect(await eventPages.newestBlock(SPACE, range)).toBe(4);
    expect(await eventPages.newestBlock(SPACE, { fromMs: 1_500, toMs: 1_999 })).toBe(2);
  });

  it.each([BEGINNING_MS, 0, 1_500, 1_999, 3_000, 10_000, END_MS])(
    'P1 T26 so is the number of events, whatever the watermark of the place: %i',
    async (watermarkMs) => {
      const { eventPages } = ports();
      const counted = (upTo?: LogPlace, block = 4, range = { fromMs: 0, toMs: 10_000 }): Promise<number> =>
        eventPages.countEvents({ spaceId: SPACE, range, block, upTo, watermarkMs });
      expect(await counted()).toBe(5);
      expect([await counted(at(0, 3)), await counted(at(0, 9)), await counted(at(1, 6))]).toEqual([1, 4, 4]);
      expect(await counted(at(0, 9), 1)).toBe(3);
      expect(await counted(at(1, 6), 4, { fromMs: 1_500, toMs: 3_000 })).toBe(3);
      expect(await counted(at(1, 7), 4, { fromMs: 4_000, toMs: END_MS })).toBe(1);
      expect(await counted(at(1, 7), 4, { fromMs: 5_000, toMs: 4_000 })).toBe(0);
    },
  );

  it('P1 T24 a time stands for the newest place that any shard recorded, with the last block of the own shard', async () => {
    const { logPlaces } = ports();
    expect(await logPlaces.placeAt(P0, 9_999)).toBeUndefined();
    expect(await logPlaces.placeAt(P0, 10_000)).toEqual({ ...at(0, 8), block: 1 });
    expect(await logPlaces.placeAt(P0, 18_999)).toEqual({ ...at(0, 9), block: 2 });
    expect(await logPlaces.placeAt(P0, 19_000)).toEqual({ ...at(1, 12), block: 2 });
    expect(await logPlaces.placeAt(P1, 19_000)).toEqual({ ...at(1, 12), block: 1 });
    expect(await logPlaces.placeAt(P2, 19_000)).toEqual({ ...at(1, 12), block: 0 });
    expect(await logPlaces.knownFrom(P0)).toEqual({ firstMs: 10_000, floor: undefined });
    expect(await logPlaces.completeSeq(P0, 0)).toBe(9);
    expect(await logPlaces.completeSeq(P0, 1)).toBe(6);
    expect(await logPlaces.completeSeq(P1, 0)).toBe(0);
  });

  it('P1 T28 lists have the rows of blocks up to one of each shard', async () => {
    const { eventPages } = ports();
    const range = { fromMs: 0, toMs: 10_000 };
    const first = { sort: 'timestamp', desc: false, offset: 0, limit: 10, filter: undefined, after: null };
    const times = (found: readonly { timestampMs: number }[]): number[] => found.map(({ timestampMs }) => timestampMs);
    const lists = async (blocks?: readonly number[]): Promise<unknown> => [
      times(await eventPages.spacesByTime({ range, after: null, desc: false, limit: 10, blocks })),
      await eventPages.countAllEvents(range, blocks),
      times(await eventPages.readings({ ...first, blocks })),
      await eventPages.countReadings(undefined, blocks),
    ];
    // The row of block 2 was late; block 4 retracts a row of block 1.
    expect(await lists([1, 0, 0])).toEqual([[1_000, 2_000, 3_000], 3, [1_000, 2_000, 3_000], 3]);
    expect(await lists([2, 1, 0])).toEqual([
      ...[[1_000, 1_500, 2_000, 3_000, 5_000], 5],
      ...[[1_000, 1_500, 2_000, 3_000, 5_000], 5],
    ]);
    const all = [
      ...[[1_000, 1_500, 2_000, 2_000, 2_500, 3_000, 4_000, 5_000], 6],
      ...[[1_000, 1_500, 2_500, 3_000, 4_000, 5_000], 6],
    ];
    expect(await lists([4, 1, 0])).toEqual(all);
    expect(await lists()).toEqual(all);
    expect(await lists([0, 0, 0])).toEqual([[], 0, [], 0]);
    const asked = [{ spaceId: SPACE, block: 1, afterMs: 1_000 }];
    expect((await eventPages.segmentsOf(asked, 2_500)).get(SPACE)).toMatchObject({ sum: 1, entrances: 1, exits: 0 });
    expect(times((await eventPages.eventsOf(asked, range)).get(SPACE) ?? [])).toEqual([1_000, 2_000, 3_000]);
  });

  it('P1 events of several spaces are divided each at an instant of its own, up to a block of its own', async () => {
    const { history } = ports();
    const spaces = [
      { spaceId: SPACE, block: 2, dividedMs: 2_000 },
      { spaceId: 62 as SpaceId, block: 1, dividedMs: 9_000 },
      { spaceId: 63 as SpaceId, block: 9, dividedMs: 0 },
    ];
    const edges = [-1, 1_000, 1_499, 4_000, 9_000];
    const segments = await history.segmentsOfSpaces(spaces, edges);
    const sums = (id: number): number[] =>
      edges.slice(1).map((_, n) => segments.get(id as SpaceId)?.[n]?.entrances ?? 0);
    expect([sums(61), sums(62), sums(63)]).toEqual([
      [1, 0, 2, 0],
      [0, 0, 0, 1],
      [0, 0, 0, 0],
    ]);
    for (const [n, edge] of edges.slice(1).entries())
      expect(segments.get(SPACE)?.[n]).toEqual(
        (await history.segments(SPACE, [edges[n] ?? 0, Math.max(edges[n] ?? 0, Math.min(edge, 2_000))], 2))[0],
      );
    const events = await history.eventsOfSpaces(spaces, 5_000);
    expect(events.get(SPACE)).toEqual(await history.events(SPACE, 2_000, 5_000, 2));
    expect([events.get(SPACE)?.length, events.get(62 as SpaceId) ?? [], events.get(63 as SpaceId) ?? []]).toEqual([
      ...[1, [], []],
    ]);
    expect(await history.eventsOfSpaces([], 5_000)).toEqual(new Map());
  });

  it('P1 T28 a time stands for the last block that each shard had cut', async () => {
    const { logPlaces } = ports();
    const cutBy = async (atMs: number): Promise<readonly number[]> => logPlaces.blocksCutBy([4, 1, 0], atMs);
    expect(await cutBy(9_999)).toEqual([0, 0, 0]);
    expect(await cutBy(10_000)).toEqual([1, 0, 0]);
    expect(await cutBy(18_999)).toEqual([2, 0, 0]);
    expect(await cutBy(19_000)).toEqual([2, 1, 0]);
    expect(await cutBy(20_000)).toEqual([4, 1, 0]);
    expect(await logPlaces.blocksFromMs()).toEqual(expect.any(Number));
  });

  it('P1 stored claims have the last commit of a reading in a space', async () => {
    const { records } = ports();
    const place = (timestampMs: number) => ({ spaceId: SPACE, timestampMs, readingId: `d1~${timestampMs}~+` });
    const claims = await records.claims(P0, [place(2_000), place(2_500)]);
    expect(
      claims
        .map(({ timestampMs, signs, last }) => [timestampMs, signs, last])
        .sort(([a], [b]) => Number(a) - Number(b)),
    ).toEqual([
      [2_000, 0, at(1, 6)],
      [2_500, 1, at(1, 0)],
    ]);
  });
});
