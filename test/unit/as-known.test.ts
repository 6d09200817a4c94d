// Which earlier moments can be answered, and how the others are refused.
import { describe, expect, it } from 'vitest';
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { AsKnown, type KnownAt } from '../../src/counts/as-known.ts';
import type { PagesOfSpace } from '../../src/counts/space-events.ts';
import type { AsOf } from '../../src/domain/as-of.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { LogPlace } from '../../src/domain/log-place.ts';
import { EMPTY_SEGMENT } from '../../src/domain/segment.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { History } from '../../src/ports/history.ts';
import type { KnownFrom, RecordedPlace } from '../../src/ports/log-places.ts';
import { fakeOf } from '../support/fake-of.ts';
import { spaceCalled } from '../support/space-called.ts';

const SPACE = 1 as SpaceId;
const NOW = Date.UTC(2026, 10, 27, 12);
const FIRST = Date.UTC(2026, 10, 27, 8);

interface Case {
  readonly report?: Partial<KnownReport>;
  readonly from?: KnownFrom | (() => Promise<KnownFrom>);
  readonly place?: RecordedPlace;
  readonly completeSeq?: number;
  /** Collects the places up to which history is queried. */
  readonly onAsked?: (upTo: LogPlace | undefined) => void;
}

const NO_PAGES = fakeOf<PagesOfSpace>('EventPages', {});
const topology = new TopologyHistory();
topology.apply({ seq: 1, storedMs: FIRST, fact: { kind: 'space', doc: spaceCalled('hall', SPACE) } });
topology.apply({
  seq: 2,
  storedMs: FIRST + 1_000,
  fact: { kind: 'reset', doc: { spaceId: SPACE, timestampMs: FIRST, count: 5, recordedMs: FIRST + 1_000 } },
});

function asKnown({ report, from, place, completeSeq = 0, onAsked = () => undefined }: Case = {}): AsKnown {
  return new AsKnown({
    partitions: 1,
    topology,
    reports: {
      isCutOff: false,
      report: async () =>
        Promise.resolve(
          fakeOf<KnownReport>('report', {
            ...{ spaceId: SPACE, epoch: 1, seq: 100, storedBlock: 7, unstored: [], watermarkMs: NOW, isStale: false },
            ...report,
          }),
        ),
    },
    history: fakeOf<History>('History', {
      segments: async (_, edges, __, upTo) => {
        onAsked(upTo);
        return Promise.resolve(edges.slice(1).map(() => EMPTY_SEGMENT));
      },
      newestInstants: async () => Promise.resolve([{ timestampMs: FIRST + 500, readings: 1 }]),
    }),
    places: {
      placeAt: async () => Promise.resolve(place),
      knownFrom: async () => (typeof from === 'function' ? from() : (from ?? { firstMs: FIRST, floor: undefined })),
      completeSeq: async () => Promise.resolve(completeSeq),
    },
    pages: NO_PAGES,
    now: () => NOW,
  });
}

const asOf = (more: Partial<AsOf> = {}): { readonly asOf: readonly AsOf[] } => {
  const topologySeq = more.topologySeq ?? 2;
  return {
    asOf: [
      {
        spaceId: SPACE,
        epoch: 1,
        seq: 50,
        topologySeq,
        topologyDigest: topology.digestAt(topologySeq) ?? 0,
        watermarkMs: FIRST,
        atMs: FIRST + 60_000,
        isStale: false,
        ...more,
      },
    ],
  };
};

describe('what was known', () => {
  it('T24 is of the events up to the place, of the resets up to its topology, and as final as then', async () => {
    const asked: unknown[] = [];
    const before = await asKnown().count(SPACE, undefined, asOf({ topologySeq: 1, isStale: true }));
    expect(before).toMatchObject({ count: 0, timestampMs: FIRST + 60_000, watermarkMs: FIRST, isStale: true });
    const after = await asKnown({ onAsked: (upTo) => asked.push(upTo) }).count(SPACE, FIRST + 1, asOf());
    expect(after).toMatchObject({ count: 5, isFinal: false, asOf: asOf({ atMs: FIRST + 1 }).asOf[0] });
    expect(asked).toEqual([{ epoch: 1, seq: 50 }]);
  });

  it('T24 by a time is of the newest recorded place, and what was stored there is final', async () => {
    const known = asKnown({ place: { epoch: 1, seq: 40, block: 3 } });
    const answer = await known.count(SPACE, undefined, { atMs: FIRST + 900 });
    expect(answer).toMatchObject({
      count: 0,
      timestampMs: FIRST + 900,
      watermarkMs: FIRST + 500,
      isFinal: false,
      asOf: { seq: 40, topologySeq: 1 },
    });
    expect(await known.count(SPACE, FIRST + 500, { atMs: FIRST + 1_000 })).toMatchObject({ count: 5, isFinal: true });
  });
});

describe('a moment that cannot be answered exactly', () => {
  const refused: [why: string, options: Case, at: KnownAt, message: RegExp][] = [
    ['a time in the future', {}, { atMs: NOW + 1 }, /is in the future/],
    ['a time before anything was recorded', {}, { atMs: FIRST - 1 }, /too early: .* from 2026-11-27T08:00:00.000Z on/],
    [
      'a time while nothing is recorded',
      { from: { firstMs: undefined, floor: undefined } },
      { atMs: FIRST },
      /nothing has been recorded yet/,
    ],
    [
      'a time before rows knew their commit',
      { place: { epoch: 0, seq: 30, block: 1 }, from: { firstMs: FIRST, floor: { epoch: 1, seq: 10 } } },
      { atMs: FIRST },
      /too early/,
    ],
    [
      'a place before rows knew their commit',
      { from: { firstMs: FIRST, floor: { epoch: 1, seq: 51 } } },
      asOf(),
      /too early/,
    ],
    [
      'the place of another space',
      {},
      asOf({ spaceId: 2 as SpaceId }),
      /about space 2, and this question is about space 1/,
    ],
    [
      'a place of an earlier epoch that was not stored completely',
      { completeSeq: 49 },
      asOf({ epoch: 0 }),
      /before the logs were repaired/,
    ],
    ['a topology that the log lost', {}, asOf({ topologyDigest: 1 }), /topology log does not have/],
  ];
  it.each(refused)('T24 is refused: %s', async (_, options, at, message) => {
    const answer = asKnown(options).count(SPACE, undefined, at);
    await expect(answer).rejects.toMatchObject({ kind: 'invalid', field: 'known_at' });
    await expect(answer).rejects.toThrow(message);
  });

  it('T24 is neither a complete place of an earlier epoch, nor the first place after an upgrade', async () => {
    expect(await asKnown({ completeSeq: 50 }).count(SPACE, undefined, asOf({ epoch: 0 }))).toMatchObject({ count: 5 });
    const floor = { firstMs: FIRST, floor: { epoch: 1, seq: 50 } };
    expect(await asKnown({ from: floor }).count(SPACE, undefined, asOf())).toMatchObject({ count: 5 });
  });

  it.each([
    ['the fold is behind', asOf({ seq: 101 })],
    ['the fold is of an earlier epoch', asOf({ epoch: 2 })],
    ['this process has not read the topology up to there', asOf({ topologySeq: 3 })],
  ])('T24 is unavailable for now if %s', async (_, at) => {
    await expect(asKnown().count(SPACE, undefined, at)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

it('T24 asks once from when on a shard has places, also for several questions at a time, and again after a failure', async () => {
  let [asked, isReadable] = [0, false];
  const known = asKnown({
    from: async () => {
      asked++;
      if (!isReadable) throw new Failure('unavailable', 'ClickHouse does not answer');
      return Promise.resolve({ firstMs: FIRST, floor: undefined });
    },
  });
  const questions = async (): Promise<unknown> =>
    Promise.all([1, 2].map(async () => known.count(SPACE, undefined, asOf())));
  await expect(questions()).rejects.toMatchObject({ kind: 'unavailable' });
  isReadable = true;
  await questions();
  await questions();
  expect(asked).toBe(2);
});

it('T24 leaves out events in memory that came after the place, and all of them for an earlier epoch', async () => {
  const event = (seq: number): LoggedEvent =>
    fakeOf<LoggedEvent>('event', {
      ...{ seq, timestampMs: FIRST + seq, readingId: `r${seq}`, entrances: 1, exits: 0, sign: 1 },
    });
  const asked: unknown[] = [];
  const history: Partial<History> = {
    segments: async (_, edges) => Promise.resolve(edges.slice(1).map(() => EMPTY_SEGMENT)),
    events: async (...[, , , , upTo]) => {
      asked.push(upTo);
      return Promise.resolve([]);
    },
    newestInstants: async () => Promise.resolve([]),
  };
  const known = new AsKnown({
    partitions: 1,
    topology,
    reports: {
      isCutOff: false,
      report: async () =>
        Promise.resolve(
          fakeOf<KnownReport>('report', {
            ...{ spaceId: SPACE, epoch: 1, seq: 100, storedBlock: 7, watermarkMs: BEGINNING_MS, isStale: false },
            unstored: [event(49), event(50), event(51)],
          }),
        ),
    },
    history: fakeOf<History>('History', history),
    places: {
      placeAt: async () => Promise.resolve(undefined),
      knownFrom: async () => Promise.resolve({ firstMs: FIRST, floor: undefined }),
      completeSeq: async () => Promise.resolve(1_000),
    },
    pages: NO_PAGES,
    now: () => NOW,
  });
  expect(await known.count(SPACE, undefined, asOf())).toMatchObject({ count: 7 });
  expect(asked).toEqual([{ epoch: 1, seq: 50 }]);
  expect(await known.count(SPACE, undefined, asOf({ epoch: 0 }))).toMatchObject({ count: 5 });
});
