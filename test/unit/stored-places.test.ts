// Which blocks a list includes: now, at a place and at a time, and while a shard does not say what it has stored.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { reportSpace } from '../../actors/partition/space-report.ts';
import { StoredPlaces, type StoredKnownAt } from '../../src/counts/stored-places.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { Partition } from '../../src/domain/ids.ts';
import type { StoredTotals } from '../../src/ports/history.ts';
import { partitionOfSpace } from '../../src/domain/partition.ts';
import { formatStoredPlace, parseStoredPlace, STORED_PLACE_PATTERN } from '../../src/domain/stored-place.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { SpaceReports } from '../../src/ports/reports.ts';
import { fakeOf } from '../support/fake-of.ts';
import { spaceCalled } from '../support/space-called.ts';

const PARTITIONS = 3;
const topology = new TopologyHistory();
topology.apply({ seq: 1, storedMs: 1_000, fact: { kind: 'space', doc: spaceCalled('hall', 1) } });
topology.apply({ seq: 2, storedMs: 2_000, fact: { kind: 'space', doc: spaceCalled('lobby', 1) } });
const placeAt = (seq: number) => ({ seq, digest: topology.digestAt(seq) ?? 0 });

interface Setting {
  readonly stored?: readonly number[];
  /** The last block that has rows. */
  readonly last?: readonly number[];
  readonly cut?: readonly number[];
  /** Null if it is not recorded. */
  readonly fromMs?: number | null;
  readonly failure?: Error;
  readonly onReport?: () => void;
}

function placesOf({
  stored = [4, 0, 9],
  last = [9, 9, 9],
  cut = [4, 0, 9],
  fromMs = 1_000,
  failure,
  onReport,
}: Setting): StoredPlaces {
  const reports = fakeOf<SpaceReports>('SpaceReports', {
    report: async (spaceId, atMs) => {
      onReport?.();
      if (failure) throw failure;
      const partition = partitionOfSpace(spaceId, PARTITIONS);
      const report = reportSpace(new PartitionFold(partition, 1), spaceId, atMs);
      return Promise.resolve({ ...report, storedBlock: stored[partition] ?? 0, isStale: false });
    },
  });
  const places = {
    blocksCutBy: async () => Promise.resolve(cut),
    blocksFromMs: async () => Promise.resolve(fromMs ?? undefined),
  };
  const totals = last.map((lastBlock, shard): [Partition, StoredTotals] => [
    shard as Partition,
    { readings: 0, lastBlock },
  ]);
  const history = { storedTotals: async () => Promise.resolve(new Map(totals)) };
  return new StoredPlaces({ history, partitions: PARTITIONS, topology, reports, places, now: () => 9_000 });
}

const unavailable = new Failure('unavailable', 'the shard of the space has no owner at the moment');
const nameOf = async (places: StoredPlaces, knownAt: StoredKnownAt): Promise<string | undefined> =>
  (await places.at(knownAt)).view.spaces()[0]?.name;

describe('the place of a list', () => {
  it('T28 has the blocks that each shard has stored', async () => {
    const { place, view } = await placesOf({}).now();
    expect(place).toEqual({ topology: placeAt(2), blocks: [4, 0, 9] });
    expect(view).toBe(topology.latest());
  });

  it('T28 leaves out blocks without rows, whose numbers a rebuild uses again', async () => {
    expect((await placesOf({ stored: [11, 2, 3], last: [10, 0, 5] }).now()).place?.blocks).toEqual([10, 0, 3]);
  });

  it('T28 cannot be answered by a ClickHouse that lacks blocks of it', async () => {
    const place = { topology: placeAt(2), blocks: [1, 2, 3] };
    await expect(placesOf({ last: [1, 1, 3] }).at({ place })).rejects.toThrow(/does not have all/);
  });

  it('T28 is asked for once by questions at the same time', async () => {
    let asked = 0;
    const places = placesOf({ onReport: () => (asked += 1) });
    await Promise.all([places.now(), places.now(), places.at({ atMs: 1_500 })]);
    expect(asked).toBe(PARTITIONS);
    await places.now();
    expect(asked).toBe(2 * PARTITIONS);
  });

  it('T28 is unknown while a shard does not say what it has stored, and the list is answered nevertheless', async () => {
    const places = placesOf({ failure: unavailable });
    expect(await places.now()).toEqual({ place: undefined, view: topology.latest() });
    await expect(places.at({ atMs: 1_500 })).rejects.toThrow(unavailable);
    await expect(placesOf({ failure: new Error('a defect') }).now()).rejects.toThrow('a defect');
    // What a place has was stored when it was given.
    const place = { topology: placeAt(1), blocks: [1, 2, 3] };
    expect((await places.at({ place })).place).toEqual(place);
  });

  it('T28 of a time leaves out blocks that are still on their way', async () => {
    const places = placesOf({ stored: [3, 5, 9], cut: [4, 0, 9] });
    expect((await places.at({ atMs: 1_500 })).place).toEqual({ topology: placeAt(1), blocks: [3, 0, 9] });
    expect(await nameOf(places, { atMs: 1_500 })).toBe('hall');
    expect(await nameOf(places, { atMs: 2_000 })).toBe('lobby');
  });

  it.each<[string, Setting, StoredKnownAt, RegExp]>([
    ['a time in the future', {}, { atMs: 9_001 }, /in the future/],
    ['a time before rows had their block', {}, { atMs: 999 }, /too early: .*1970-01-01T00:00:01.000Z on/],
    ['any time, if that is not recorded', { fromMs: null }, { atMs: 1_500 }, /too early/],
    ['a place of fewer shards', {}, { place: { topology: placeAt(2), blocks: [1, 2] } }, /number of partitions/],
    ['a place of another log', {}, { place: { topology: { seq: 2, digest: 1 }, blocks: [1, 2, 3] } }, /does not have/],
  ])('T28 refuses %s', async (_, setting, knownAt, reason) => {
    const places = placesOf(setting);
    await expect(places.at(knownAt)).rejects.toThrow(reason);
  });
});

it('T28 a place is read as it was written, and not with a typing error', () => {
  const blocks = fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(0xffffffff), blocks, fc.nat(), (seq, digest, list, at) => {
      const place = { topology: { seq, digest }, blocks: list };
      const text = formatStoredPlace(place);
      expect(text).toMatch(new RegExp(STORED_PLACE_PATTERN));
      expect(parseStoredPlace(text)).toEqual(place);
      const n = at % text.length;
      const other = text[n] === 'a' ? 'b' : 'a';
      expect(parseStoredPlace(text.slice(0, n) + other + text.slice(n + 1))).not.toEqual(place);
    }),
  );
  for (const text of ['', 'stored-1-2', 'topology-1-2', `${formatStoredPlace({ topology: placeAt(1), blocks: [1] })}0`])
    expect(parseStoredPlace(text)).toBeUndefined();
});
