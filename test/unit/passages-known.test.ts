// Who passed a doorway or a DPU, as it was known: the place of an answer, and what it stands for.
import { describe, expect, it } from 'vitest';
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { AsKnown } from '../../src/counts/as-known.ts';
import { Passages, type PassagesAnswer, type PassagesKnownAt } from '../../src/counts/passages.ts';
import type { PagesOfSpace } from '../../src/counts/space-events.ts';
import { formatAsOf, type AsOf } from '../../src/domain/as-of.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { TopologyFact } from '../../src/domain/topology.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { History, PassagesQuery } from '../../src/ports/history.ts';
import type { RecordedPlace } from '../../src/ports/log-places.ts';
import { fakeOf } from '../support/fake-of.ts';
import { intervalEvent } from '../support/interval-event.ts';
import { spaceCalled } from '../support/space-called.ts';

const DPU = 'd' as DpuId;
const FIRST_MS = 1_000;
const TIMES = { createdMs: 0, updatedMs: 0, deleted: false };
const BOUNDS = [0, 100, 200];

const doorway = (id: number, ingress: number, deleted = false): TopologyFact => ({
  kind: 'doorway',
  doc: {
    ...{ id: id as DoorwayId, name: String(id), ingressSpaceId: ingress as SpaceId, egressSpaceId: null },
    ...TIMES,
    deleted,
  },
});
const dpu = (...placements: [doorwayId: number | null, fromMs: number][]): TopologyFact => ({
  kind: 'dpu',
  doc: {
    ...{ id: DPU, ...TIMES },
    placements: placements.map(([doorwayId, fromMs]) => ({ doorwayId: doorwayId as DoorwayId | null, fromMs })),
  },
});

/** One shard for two spaces. */
class World {
  readonly topology = new TopologyHistory();
  readonly queries: PassagesQuery[] = [];
  /** Event times of the readings in memory, by their sequence in the log. One person enters with each. */
  readonly events = new Map<number, readonly [spaceId: number, timestampMs: number]>();
  seq = 9;
  nowMs = 5_000;
  /** How many people history has in each interval. */
  stored: (query: PassagesQuery) => number = () => 0;
  watermarkOf = (spaceId: number): number => spaceId * 100;
  /** Entries of the topology that this process has not read yet. */
  unread: TopologyFact[] = [];
  isReadable = true;
  /** What a time stands for, each time that it is asked. */
  places: readonly RecordedPlace[] = [{ epoch: 1, seq: 9, block: 3 }];
  readonly asKnown = new AsKnown({
    partitions: 2,
    topology: this.topology,
    reports: { isCutOff: false, report: async (spaceId) => this.#report(spaceId) },
    history: fakeOf<History>('History', {
      newestInstants: async ({ spaceId }) => [{ timestampMs: this.watermarkOf(spaceId), readings: 1 }],
    }),
    places: {
      placeAt: async () => {
        const [place, ...more] = this.places;
        this.places = more.length > 0 ? more : this.places;
        return place;
      },
      knownFrom: async () => ({ firstMs: FIRST_MS, floor: undefined }),
      completeSeq: async () => 0,
    },
    pages: fakeOf<PagesOfSpace>('EventPages', {}),
    now: () => this.nowMs,
  });
  readonly #passages = new Passages({
    topology: {
      history: this.topology,
      catchUp: async () => {
        if (!this.isReadable) throw new Error('the stream has no leader');
        this.apply(...this.unread.splice(0));
      },
    },
    reports: { isCutOff: false, report: async (spaceId) => this.#report(spaceId) },
    history: {
      passages: async (query) => {
        this.queries.push(query);
        return query.edgesMs.slice(1).map(() => ({ entrances: this.stored(query), exits: 0 }));
      },
    },
    asKnown: this.asKnown,
    timing: { pause: async () => undefined },
    now: () => this.nowMs,
  });

  constructor(...facts: TopologyFact[]) {
    this.apply(...facts);
  }

  /** Each is stored in the millisecond of its sequence. */
  apply(...facts: TopologyFact[]): void {
    for (const fact of facts) {
      const seq = this.topology.seq + 1;
      this.topology.apply({ seq, fact, storedMs: seq });
    }
  }

  async ask(of: number | DpuId, bounds: readonly number[] = BOUNDS): Promise<PassagesAnswer> {
    return this.#passages.of(typeof of === 'number' ? { doorwayId: of as DoorwayId } : { dpuId: of }, () => bounds);
  }

  async askKnown(of: number | DpuId, at: PassagesKnownAt, bounds: readonly number[] = BOUNDS): Promise<PassagesAnswer> {
    const source = typeof of === 'number' ? { doorwayId: of as DoorwayId } : { dpuId: of };
    return this.#passages.asKnown(source, () => bounds, at);
  }

  #report(spaceId: SpaceId): KnownReport {
    const unstored = [...this.events]
      .filter(([, [id]]) => id === spaceId)
      .map(([seq, [, timestampMs]]): LoggedEvent => {
        const place = { spaceId, dpuId: DPU, doorwayId: 1 as DoorwayId, timestampMs, sign: 1 } as const;
        return { ...intervalEvent(place, [1, 0]), seq };
      });
    const log = { epoch: 1, seq: this.seq, storedBlock: 3, isStale: false };
    return fakeOf<KnownReport>('report', { spaceId, ...log, unstored, watermarkMs: this.watermarkOf(spaceId) });
  }
}

const again = async (world: World, of: number | DpuId, { place }: PassagesAnswer): Promise<PassagesAnswer> =>
  world.askKnown(of, place);
const terms = ({ intervals, place, nowMs }: PassagesAnswer) => ({ intervals, place, nowMs });
const spacesNamed = ({ place }: PassagesAnswer): number[] =>
  'asOf' in place ? place.asOf.map(({ spaceId }) => spaceId) : [];
const asOf = ({ place }: PassagesAnswer): readonly AsOf[] => ('asOf' in place ? place.asOf : []);

describe('an answer about who passed', () => {
  it('T26 is the same again by its place, after late readings, another ingress space and a deletion', async () => {
    const world = new World(doorway(1, 1), dpu([1, -1]));
    world.events.set(4, [1, 50]);
    for (const of of [1, DPU]) {
      const before = await world.ask(of);
      expect(before.intervals).toMatchObject([
        { entrances: 1, isFinal: true },
        { entrances: 0, isFinal: false },
      ]);
      expect([spacesNamed(before), before.nowMs]).toEqual([[1], 5_000]);
      const later = new World(doorway(1, 1), dpu([1, -1]));
      later.apply(doorway(1, 2), dpu([null, -1]), doorway(1, 2, true));
      for (const [seq, timestampMs] of [
        [4, 50],
        [10, 60],
      ] as const)
        later.events.set(seq, [1, timestampMs]);
      Object.assign(later, { seq: 10, nowMs: 9_000, watermarkOf: () => 900 });
      expect(terms(await again(later, of, before))).toEqual(terms(before));
      // Space 2 came later: its readings are those of a later moment.
      const upTo = { epoch: 1, seq: 9 };
      expect(later.queries).toMatchObject([
        { spaces: [{ spaceId: 2, block: 3 }], upTo, edgesMs: [-1, 99, 199] },
        { spaces: [{ spaceId: 1, block: 3 }], upTo, edgesMs: [-1, 99, 199] },
      ]);
    }
  });

  it('T26 is by the clock of then', async () => {
    const zoned = (timeZone: string): TopologyFact => ({
      kind: 'space',
      doc: { ...spaceCalled('hall', 1), timeZone },
    });
    const world = new World(zoned('UTC'), doorway(1, 1));
    const before = await world.ask(1);
    world.apply(zoned('Asia/Kolkata'));
    world.nowMs = 9_000;
    expect((await world.ask(1)).view.space(1 as SpaceId)?.timeZone).toBe('Asia/Kolkata');
    const known = await again(world, 1, before);
    expect(known.view.space(1 as SpaceId)?.timeZone).toBe('UTC');
    expect(known.nowMs).toBe(5_000);
  });

  it('T26 names the spaces in which the readings of the intervals count, and is given for no others', async () => {
    const world = new World(doorway(1, 1), doorway(2, 2), doorway(3, 3), dpu([1, -1], [2, 100], [3, 200]));
    const before = await world.ask(DPU);
    expect(spacesNamed(before)).toEqual([1, 2]);
    const first = await world.ask(DPU, [0, 100]);
    expect(spacesNamed(first)).toEqual([1]);
    await expect(world.askKnown(DPU, first.place)).rejects.toThrow(
      'is the place of an answer about space 1, and this question is about space 2',
    );
    // The place of more spaces is one for fewer.
    expect(terms(await world.askKnown(DPU, before.place, [0, 100]))).toEqual(terms(first));
    const count = { ...(asOf(await world.ask(3))[0] as AsOf), watermarkMs: 150 };
    expect((await world.askKnown(3, { asOf: [count] })).intervals.map(({ isFinal }) => isFinal)).toEqual([true, false]);
  });

  it('T26 of a DPU that has been moved away names a space in which its readings may still be', async () => {
    const world = new World(doorway(1, 1), dpu([1, -1]), dpu([null, -1]));
    world.events.set(4, [1, 50]);
    const before = await world.ask(DPU);
    expect(spacesNamed(before)).toEqual([1]);
    expect(before.intervals).toMatchObject([{ entrances: 1, isFinal: false }, { isFinal: false }]);
    world.events.set(11, [1, 51]);
    world.seq = 12;
    expect(terms(await again(world, DPU, before))).toEqual(terms(before));
  });

  it('T26 of a DPU that was at no doorway has a place in the topology alone', async () => {
    const world = new World(doorway(1, 1), dpu([null, -1]));
    const before = await world.ask(DPU);
    const digest = world.topology.digestAt(2);
    expect(before.place).toEqual({ topology: { seq: 2, digest, atMs: 5_000 } });
    const count = asOf(await world.ask(1));
    world.apply(dpu([1, -1]));
    world.nowMs = 9_000;
    expect(terms(await again(world, DPU, before))).toEqual(terms(before));
    expect((await world.askKnown(DPU, { atMs: FIRST_MS })).place).toMatchObject({
      asOf: [{ spaceId: 1, atMs: 1_000 }],
    });
    // The place of a count contains one in the topology.
    expect(terms(await world.askKnown(DPU, { asOf: count }))).toEqual(terms(before));
    await expect(world.askKnown(1, before.place)).rejects.toMatchObject({
      field: 'known_at',
      message: 'is a place in the topology log alone, and this question is about space 1',
    });
  });

  it('T26 is of one place and one topology', async () => {
    const world = new World(doorway(1, 1), doorway(2, 2), dpu([1, -1], [2, 100]));
    const [one, two] = asOf(await world.ask(DPU)) as [AsOf, AsOf];
    world.apply(doorway(3, 3));
    const digest = world.topology.digestAt(4) ?? 0;
    for (const other of [
      { ...two, seq: 8 },
      { ...two, epoch: 0 },
      { ...two, topologySeq: 4, topologyDigest: digest },
    ])
      await expect(world.askKnown(DPU, { asOf: [one, other] })).rejects.toMatchObject({
        kind: 'invalid',
        field: 'known_at',
        message: 'has places of several moments, and this question is about one',
      });
    expect(spacesNamed(await world.askKnown(DPU, { asOf: [two, one] }))).toEqual([1, 2]);
  });

  it('T26 is checked as other places are', async () => {
    const world = new World(doorway(1, 1));
    const [place] = asOf(await world.ask(1)) as [AsOf];
    const known = (more: Partial<AsOf>): Promise<PassagesAnswer> =>
      world.askKnown(1, { asOf: [{ ...place, ...more }] });
    await expect(known({ epoch: 0 })).rejects.toThrow('is shortly before the logs were repaired');
    await expect(known({ topologyDigest: 1 })).rejects.toThrow('topology log does not have any more');
    await expect(known({ topologySeq: 2 })).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(known({ seq: 10 })).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(world.askKnown(1, { atMs: FIRST_MS - 1 })).rejects.toThrow('is too early: what was known can be told');
    await expect(world.askKnown(1, { atMs: 5_001 })).rejects.toThrow('is in the future');
  });
});

describe('T26 a place whose events are newer than its topology', () => {
  /** A process that is behind in the topology gave it: with the events of a move to space 2, without its entry. */
  const moves: [string, number | DpuId, () => World, TopologyFact][] = [
    ['a doorway', 1, () => new World(doorway(1, 1), dpu([1, -1])), doorway(1, 2)],
    ['the doorway of a DPU', DPU, () => new World(doorway(1, 1), dpu([1, -1])), doorway(1, 2)],
    ['a DPU', DPU, () => new World(doorway(1, 1), doorway(2, 2), dpu([1, -1])), dpu([2, -1])],
  ];
  const newer = {
    kind: 'invalid',
    field: 'known_at',
    message:
      'is a moment whose events are newer than its topology: readings of this question are already in space 2, where only a later change puts them',
  };

  it.each(moves)('is refused for %s that was moved, wherever it is read', async (_, of, worldBefore, move) => {
    for (const isRead of [true, false]) {
      const world = worldBefore();
      const asOfCount = asOf(await world.ask(of));
      world.events.set(9, [2, 50]);
      if (isRead) world.apply(move);
      else world.unread = [move];
      await expect(world.askKnown(of, { asOf: asOfCount })).rejects.toMatchObject(newer);
      // Readings outside the question, and those of a later moment, say nothing about it.
      expect((await world.askKnown(of, { asOf: asOfCount }, [60, 200])).intervals).toMatchObject([{ entrances: 0 }]);
      world.events.clear();
      world.events.set(10, [2, 50]);
      expect((await world.askKnown(of, { asOf: asOfCount })).intervals[0]).toMatchObject({ entrances: 0 });
    }
  });

  it.each(moves)('is refused for %s also if history has the readings', async (_, of, worldBefore, move) => {
    const world = worldBefore();
    const asOfCount = asOf(await world.ask(of));
    world.apply(move);
    world.stored = ({ spaces, upTo }) => (upTo && spaces.some(({ spaceId }) => spaceId === 2) ? 1 : 0);
    await expect(world.askKnown(of, { asOf: asOfCount })).rejects.toMatchObject(newer);
  });

  it('is refused for a DPU that by its topology was at no doorway', async () => {
    const world = new World(doorway(1, 1), doorway(2, 2), dpu([null, -1]));
    const asOfCount = asOf(await world.ask(1));
    world.apply(dpu([2, -1]));
    world.events.set(9, [2, 50]);
    await expect(world.askKnown(DPU, { asOf: asOfCount })).rejects.toMatchObject(newer);
  });

  it('is not asked for while the topology cannot be read', async () => {
    const world = new World(doorway(1, 1));
    const asOfCount = asOf(await world.ask(1));
    world.isReadable = false;
    for (const knownAt of [{ asOf: asOfCount }, { atMs: 2_000 }])
      await expect(world.askKnown(1, knownAt)).rejects.toMatchObject({
        kind: 'unavailable',
        message: 'the logs cannot be read at the moment',
      });
  });
});

describe('for a time', () => {
  it('T26 it has all entries of the topology that were stored by then, also if the process had not read them', async () => {
    const world = new World(doorway(1, 1));
    world.unread = [doorway(1, 2)];
    world.events.set(9, [2, 50]);
    const found = await world.askKnown(1, { atMs: 2_000 });
    expect(found).toMatchObject({ view: { seq: 2 }, intervals: [{ entrances: 1 }, { entrances: 0 }] });
    expect(asOf(found)).toMatchObject([{ spaceId: 2, topologySeq: 2 }]);
  });

  const moved = (): World => new World(doorway(1, 1), doorway(2, 2), dpu([1, -1], [2, 100]));

  it('T26 it is that of the newest recorded place, which gives the same again', async () => {
    const world = moved();
    world.events.set(4, [1, 50]);
    world.events.set(9, [1, 60]);
    world.places = [{ epoch: 1, seq: 8, block: 3 }];
    const found = await world.askKnown(DPU, { atMs: 2_000 });
    expect(found).toMatchObject({ nowMs: 2_000, intervals: [{ entrances: 1 }, { entrances: 0 }] });
    expect(asOf(found)).toMatchObject([
      { spaceId: 1, seq: 8, watermarkMs: 100 },
      { spaceId: 2, seq: 8, watermarkMs: 200 },
    ]);
    expect(terms(await again(world, DPU, found))).toEqual(terms(found));
  });

  it('T26 it is one place, also if another one is recorded meanwhile', async () => {
    const world = moved();
    world.places = [7, 8, 9].map((seq) => ({ epoch: 1, seq, block: 3 }));
    expect(asOf(await world.askKnown(DPU, { atMs: 2_000 })).map(({ seq }) => seq)).toEqual([9, 9]);
    world.places = Array.from({ length: 20 }, (_, n) => ({ epoch: 1, seq: n % 9, block: 3 }));
    await expect(world.askKnown(DPU, { atMs: 2_000 })).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

it('T26 a place with more than 100 spaces would be too long: it is as final as the one that is least so', async () => {
  const spaces = Array.from({ length: 101 }, (_, n) => n + 1);
  const inAll = dpu(...spaces.map((n): [number, number] => [n, n === 1 ? -1 : n - 1]));
  const bounds = [0, 30, 60, 200];
  const world = new World(...spaces.map((n) => doorway(n, n)), inAll);
  world.watermarkOf = (spaceId) => (spaceId === 70 ? 40 : 1_000);
  const found = await world.ask(DPU, bounds);
  expect(found.intervals.map(({ isFinal }) => isFinal)).toEqual([true, false, false]);
  expect(asOf(found)).toMatchObject([{ spaceId: 1, watermarkMs: 40 }]);
  expect(terms(await world.askKnown(DPU, found.place, bounds))).toEqual(terms(found));
  const byTime = await world.askKnown(DPU, { atMs: 2_000 }, bounds);
  expect(byTime.intervals).toEqual(found.intervals);
  // With a space less, each counts by itself, and all are named.
  const fewer = await world.ask(DPU, [1, 30, 60, 200]);
  expect(fewer.intervals.map(({ isFinal }) => isFinal)).toEqual([true, true, false]);
  expect(asOf(fewer)).toHaveLength(100);
  expect(asOf(fewer).map(formatAsOf).join(',').length).toBeLessThan(8_000);
});
