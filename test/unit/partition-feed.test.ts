// When the feed of a partition sends changes: the first change of a space at once, the following ones grouped.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { FeedBatch, FeedItem } from '../../src/live/feed-message.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import type { SpaceEvent } from '../../src/domain/space-event.ts';
import { DEFAULT_SETTINGS } from '../../src/domain/topology.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { PartitionFeed, type FeedFreshness } from '../../src/live/partition-feed.ts';
import { PartitionRelay } from '../../src/live/partition-relay.ts';
import { encodeCommit } from '../../src/domain/commit-codec.ts';
import { END_MS } from '../../src/domain/instant.ts';
import { ALWAYS_FRESH } from '../support/always-fresh.ts';
import { commitHeader } from '../support/commit-header.ts';
import { eventually } from '../support/eventually.ts';
import { logOfOneRouter, ROUTER } from '../support/log-of-one-router.ts';
import { MemoryChangeChannel } from '../support/memory-change-channel.ts';
import { personEvent } from '../support/person-event.ts';

const entrance = (spaceId: number, timestampMs: number): SpaceEvent =>
  personEvent(
    {
      spaceId: spaceId as SpaceId,
      dpuId: 'd' as DpuId,
      doorwayId: 1 as DoorwayId,
      timestampMs,
      sign: 1,
      primary: true,
    },
    1,
  );

test('the first change of a space is sent at once, and those within the next 20 ms as one', async () => {
  vi.useFakeTimers({
    toFake: [
      'setTimeout',
      'clearTimeout',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'performance',
    ],
  });
  let feed: PartitionFeed | undefined;
  try {
    const nowMs = 1_000_000;
    const log = logOfOneRouter(
      Array.from({ length: 8 }, (_, n) => ({ events: [entrance(n === 3 ? 2 : 1, nowMs + n)], clockMs: nowMs + n })),
      DEFAULT_SETTINGS,
    );
    const fold = new PartitionFold(ROUTER, 1);
    const channel = new MemoryChangeChannel();
    const sent: FeedBatch['items'][number][] = [];
    channel.subscribe(ROUTER, ({ items }) => sent.push(...items));
    feed = new PartitionFeed({
      fold,
      channel,
      now: () => nowMs + 100,
      freshness: ALWAYS_FRESH,
      topology: new TopologyHistory(),
    });
    await feed.answer({ all: true, spaceIds: [], epochMin: 0, isRenewal: false, after: null });
    const apply = (n: number): void => {
      const entry = log[n];
      if (entry) fold.apply(entry);
    };
    const counts = (): [SpaceId, number][] =>
      sent
        .splice(0)
        .flatMap((item): [SpaceId, number][] => (item.kind === 'count' ? [[item.spaceId, item.count]] : []));

    apply(0);
    await vi.advanceTimersByTimeAsync(0);
    expect(counts()).toEqual([[1, 1]]);
    // Changes within the 20 ms are grouped. Another space's first change does not wait for them.
    apply(1);
    apply(2);
    apply(3);
    await vi.advanceTimersByTimeAsync(0);
    expect(counts()).toEqual([[2, 1]]);
    await vi.advanceTimersByTimeAsync(19);
    expect(counts()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(counts()).toEqual([[1, 3]]);
    // Long after the last change the next one is sent at once again.
    await vi.advanceTimersByTimeAsync(100);
    apply(4);
    await vi.advanceTimersByTimeAsync(0);
    expect(counts()).toEqual([[1, 4]]);
  } finally {
    // Its timer is a fake one, and is shared by all feeds of the process.
    feed?.close();
    vi.useRealTimers();
  }
});

test('the count after a reset is sent when its time has come, also if the reset was recorded later than others', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  let feed: PartitionFeed | undefined;
  try {
    let nowMs = 1_000_000;
    const fold = new PartitionFold(ROUTER, 1);
    const channel = new MemoryChangeChannel();
    const sent: [number, number][] = [];
    channel.subscribe(ROUTER, ({ items }) => {
      for (const item of items) if (item.kind === 'count') sent.push([item.spaceId, item.count]);
    });
    const configure = (seq: number, ...resets: { readonly timestampMs: number; readonly count: number }[]): void => {
      const dpus = [{ dpuId: 'd' as DpuId, fromMs: 0, toMs: END_MS }];
      const config = { spaceId: 1 as SpaceId, timeZone: 'UTC', dailyReset: null, dailyResetCount: 0, resets, dpus };
      const section = { events: [], heartbeats: [], configs: [config], settings: undefined };
      const header = commitHeader({ commitId: `c${seq}`, previousSeq: seq - 1, clockMs: nowMs });
      const data = encodeCommit(header, new Map([[ROUTER, section]]));
      fold.apply({ seq, timeMs: nowMs, subject: 'routers.0', data });
    };
    const pass = async (ms: number): Promise<void> => {
      for (let left = ms; left > 0; left -= 500) {
        nowMs += 500;
        await vi.advanceTimersByTimeAsync(500);
      }
    };
    const far = { timestampMs: nowMs + 60_000, count: 9 };
    configure(1, far);
    const topology = new TopologyHistory();
    feed = new PartitionFeed({ fold, channel, now: () => nowMs, freshness: ALWAYS_FRESH, topology });
    await feed.answer({ all: true, spaceIds: [], epochMin: 0, isRenewal: false, after: null });
    await pass(5_000);
    expect(sent.splice(0)).toEqual([]);
    configure(2, { timestampMs: nowMs + 2_000, count: 4 }, far);
    await pass(1_500);
    expect(sent.splice(0)).toEqual([]);
    await pass(1_000);
    expect(sent.splice(0)).toEqual([[1, 4]]);
    await pass(60_000);
    expect(sent.splice(0)).toEqual([[1, 9]]);
  } finally {
    // Its timer is a fake one, and is shared by all feeds of the process.
    feed?.close();
    vi.useRealTimers();
  }
});

test('T17 a change of a space whose newest reading was retracted is told once history has said which one is left', async () => {
  const SETTINGS = { ...DEFAULT_SETTINGS, blockRowsMax: 3, idleTimeoutMs: 0, outOfOrdernessMs: 0 };
  const log = logOfOneRouter(
    [
      { events: [entrance(1, 1_000), entrance(1, 1_001)], clockMs: 5_000 },
      { events: [{ ...entrance(1, 1_001), sign: -1 }], clockMs: 5_000 },
      { events: [entrance(1, 900)], clockMs: 5_001 },
      { events: [entrance(1, 901)], clockMs: 5_002 },
    ],
    SETTINGS,
  );
  const fold = new PartitionFold(ROUTER, 1);
  const channel = new MemoryChangeChannel();
  const told: FeedBatch['items'][number][] = [];
  channel.subscribe(ROUTER, ({ items }) => told.push(...items));
  const feed = new PartitionFeed({
    fold,
    channel,
    now: () => 6_000,
    freshness: ALWAYS_FRESH,
    topology: new TopologyHistory(),
  });
  try {
    const [first, second] = log;
    if (first) fold.apply(first);
    const { counts } =
      (await feed.answer({ all: true, spaceIds: [], epochMin: 0, isRenewal: false, after: null })) ?? {};
    expect(counts).toMatchObject([{ count: { count: 2, lastReadingMs: 1_001, isSettled: true } }]);
    if (second) fold.apply(second);
    fold.blockStored(1);
    for (const due of fold.correctionsDue()) fold.correct(due, { net: 1, lowestNet: 0 });
    expect(fold.newestReadingsDue()).toEqual([{ spaceId: 1, block: 1 }]);
    await new Promise(setImmediate);
    expect(told.filter(({ kind }) => kind === 'count')).toEqual([]);
    fold.newestReadingRead({ spaceId: 1 as SpaceId, block: 1 }, 1_000);
    await eventually(() =>
      expect(told.filter(({ kind }) => kind === 'count')).toMatchObject([
        { count: 1, lastReadingMs: 1_000, isSettled: true },
      ]),
    );
  } finally {
    feed.close();
  }
});

/** The test decides which spaces are stale, from the next look on. */
class ToldFreshness implements FeedFreshness {
  next: readonly number[] = [];
  looks = 0;
  #stale: readonly number[] = [];

  async learn(): Promise<void> {
    this.#stale = this.next;
    return Promise.resolve();
  }

  look(): boolean {
    this.looks += 1;
    const hasChanged = this.#stale !== this.next;
    this.#stale = this.next;
    return hasChanged;
  }

  isStale(spaceId: SpaceId): boolean {
    return this.#stale.includes(spaceId);
  }

  forget(): void {
    this.#stale = [];
  }
}

describe('a fold that is behind', () => {
  const SETTINGS = { ...DEFAULT_SETTINGS, blockRowsMax: 3, idleTimeoutMs: 0, outOfOrdernessMs: 0 };
  const log = logOfOneRouter(
    [
      { events: [entrance(1, 1_000), entrance(2, 1_000)], clockMs: 1_000 },
      { events: [entrance(1, 1_001)], clockMs: 1_001 },
      { events: [{ ...entrance(1, 1_001), sign: -1 }], clockMs: 5_000 },
      { events: [entrance(1, 900)], clockMs: 5_001 },
      { events: [entrance(1, 901)], clockMs: 5_002 },
      { events: [entrance(1, 7_000)], clockMs: 5_003 },
    ],
    SETTINGS,
  );
  const heard: string[] = [];
  let nowMs: number;
  let fold: PartitionFold;
  let freshness: ToldFreshness;
  let feed: PartitionFeed;
  let relay: PartitionRelay;

  const textOf = (item: FeedItem): string =>
    item.kind === 'count' ? `${item.spaceId}: ${item.count}${item.isStale ? ' stale' : ''}` : item.kind;
  const apply = (n: number): void => {
    const entry = log[n];
    if (entry) fold.apply(entry);
  };
  /** The newest reading of space 1 is retracted, and what is left only history knows. */
  const hold = (): void => {
    apply(2);
    fold.blockStored(1);
    for (const due of fold.correctionsDue()) fold.correct(due, { net: 1, lowestNet: 0 });
    expect(fold.newestReadingsDue()).toEqual([{ spaceId: 1, block: 1 }]);
  };
  const hears = async (items: readonly string[]): Promise<void> => {
    await eventually(() => expect(heard).toEqual(items), 5_000);
    heard.length = 0;
  };

  beforeEach(() => {
    heard.length = 0;
    nowMs = 6_000;
    fold = new PartitionFold(ROUTER, 1);
    freshness = new ToldFreshness();
    const channel = new MemoryChangeChannel();
    feed = new PartitionFeed({ fold, channel, freshness, topology: new TopologyHistory(), now: () => nowMs });
    relay = new PartitionRelay(ROUTER, channel, {
      item: (_, item) => heard.push(textOf(item)),
      stale: () => heard.push('no owner'),
      renewed: () => {
        for (const spaceId of relay.spaceIds) heard.push(`renewed ${textOf(relay.count(spaceId) as FeedItem)}`);
      },
    });
    apply(0);
  });
  afterEach(() => {
    relay.close();
    feed.close();
  });

  test('T30 goes on with its changes, of which each says whether the count is stale', async () => {
    await relay.watch([1, 2] as SpaceId[], undefined);
    expect(heard.splice(0)).toEqual(['renewed 1: 1', 'renewed 2: 1']);
    freshness.next = [1];
    await hears(['1: 1 stale']);
    apply(1);
    await hears(['1: 2 stale']);
    freshness.next = [];
    await hears(['1: 2']);
  });

  test('T30 says so in its first answer', async () => {
    freshness.next = [1];
    await relay.watch([1, 2] as SpaceId[], undefined);
    expect(heard.splice(0)).toEqual(['renewed 1: 1 stale', 'renewed 2: 1']);
  });

  test('an answer while a change is held back says what was published', async () => {
    apply(1);
    await relay.watch([1] as SpaceId[], undefined);
    heard.length = 0;
    hold();
    const question = { all: false, spaceIds: [1 as SpaceId], epochMin: 0, isRenewal: false, after: null };
    const answered = async (): Promise<string[]> =>
      ((await feed.answer(question))?.counts ?? []).map(({ count }) => textOf(count));
    // Otherwise nobody would tell the one who asks, if the space settles as it was, or becomes stale again.
    expect(await answered()).toEqual(['1: 2']);
    freshness.next = [1];
    await hears(['correction', '1: 2 stale']);
    expect(await answered()).toEqual(['1: 2 stale']);
  });

  test('a change that is held back is not counted again with each reading, but when its time is up', async () => {
    apply(1);
    await relay.watch([1] as SpaceId[], undefined);
    hold();
    await hears(['renewed 1: 2', 'correction']);
    const counts = vi.spyOn(fold, 'watermarkOf');
    apply(3);
    apply(4);
    await hears(['correction']);
    const twoLooks = async (): Promise<void> => {
      const { looks } = freshness;
      await eventually(() => expect(freshness.looks).toBeGreaterThan(looks + 1));
    };
    await twoLooks();
    expect(counts).not.toHaveBeenCalled();
    const states = vi.spyOn(fold, 'state');
    await twoLooks();
    expect(states).not.toHaveBeenCalled();
    nowMs += 10_000;
    await hears(['1: 3']);
  });

  test('a reading from the near future that settles a change is sent when its time comes, without another log entry', async () => {
    apply(1);
    await relay.watch([1] as SpaceId[], undefined);
    hold();
    for (const n of [3, 4, 5]) apply(n);
    await hears(['renewed 1: 2', 'correction']);
    nowMs = 7_000;
    await hears(['1: 4']);
  });

  test('T30 says so at once of a space whose change is held back, and says that it is fresh with that change', async () => {
    apply(1);
    await relay.watch([1] as SpaceId[], undefined);
    expect(heard.splice(0)).toEqual(['renewed 1: 2']);
    hold();
    freshness.next = [1];
    await hears(['correction', '1: 2 stale']);
    freshness.next = [];
    const { looks } = freshness;
    await eventually(() => expect(freshness.looks).toBeGreaterThan(looks + 1));
    expect(heard).toEqual([]);
    fold.newestReadingRead({ spaceId: 1 as SpaceId, block: 1 }, 1_000);
    await hears(['1: 1']);
  });
});
