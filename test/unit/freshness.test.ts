// The age of a fold, measured by the log ends that were read and by durations on this process's own clock.
import { beforeEach, describe, expect, test } from 'vitest';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { encodeCommit } from '../../src/domain/commit-codec.ts';
import type { SpaceConfig } from '../../src/domain/commit.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import { DEFAULT_SETTINGS } from '../../src/domain/topology.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import type { Timing } from '../../src/runtime/timing.ts';
import { Freshness } from '../../src/shards/freshness.ts';
import type { FoldFreshness } from '../../src/shards/fold-freshness.ts';
import { LogEnd } from '../../src/shards/log-end.ts';
import { STALE_AFTER_MS } from '../../src/shards/log-ends.ts';
import { commitHeader } from '../support/commit-header.ts';
import { logOfOneRouter, ROUTER } from '../support/log-of-one-router.ts';
import { personEvent } from '../support/person-event.ts';

const SPACE = 1 as SpaceId;
const SECOND = 1_000;

let nowMs: number;
let meanwhile: () => void;
/** A clock that advances only while something waits. */
const timing: Timing = {
  now: () => nowMs,
  random: () => 0.5,
  pause: async (ms) => {
    nowMs += ms;
    meanwhile();
    await Promise.resolve();
  },
  yield: async () => Promise.resolve(),
};
const settle = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  nowMs = 100 * SECOND;
  meanwhile = () => undefined;
});

describe('the end of a log', () => {
  test('is read at most once a second, and only if somebody asks', async () => {
    let asked = 0;
    const end = new LogEnd(async () => Promise.resolve(++asked), timing);
    for (let n = 0; n < 30; n++) {
      end.ask();
      await settle();
      nowMs += 100;
    }
    expect(asked).toBe(3);
  });

  test('shows when a reader last had everything, and since when it has been behind', async () => {
    let place = 10;
    const end = new LogEnd(async () => Promise.resolve(place), timing);
    expect([end.completeAt(10), end.missingSince(10)]).toEqual([-Infinity, undefined]);
    for (place of [10, 10, 15, 20]) {
      end.ask();
      await settle();
      nowMs += SECOND;
    }
    // Read at 100, 101, 102 and 103 s.
    expect([20, 19, 15, 14, 10, 9].map((read) => end.completeAt(read) / SECOND)).toEqual([
      103,
      102,
      102,
      101,
      101,
      -Infinity,
    ]);
    expect([20, 19, 14, 9].map((read) => (end.missingSince(read) ?? 0) / SECOND)).toEqual([0, 103, 102, 100]);
  });

  test('is unknown while no answer comes, and an outdated answer changes nothing', async () => {
    const answers: ((place: number) => void)[] = [];
    const end = new LogEnd(async () => new Promise((resolve) => answers.push(resolve)), timing);
    for (let n = 0; n < 3; n++) {
      end.ask();
      nowMs += SECOND;
    }
    expect([end.completeAt(99), end.missingSince(99)]).toEqual([-Infinity, 100 * SECOND]);
    answers[2]?.(30);
    await settle();
    answers[0]?.(10);
    await settle();
    expect([end.completeAt(30), end.completeAt(29), end.missingSince(30)]).toEqual([
      102 * SECOND,
      -Infinity,
      undefined,
    ]);
  });

  test('is unknown again after the log went back, and read at once', async () => {
    let asked = 0;
    const end = new LogEnd(async () => Promise.resolve(10 * ++asked), timing);
    end.ask();
    await settle();
    expect(end.completeAt(10)).toBe(100 * SECOND);
    end.forget();
    expect([end.completeAt(10), end.missingSince(99)]).toEqual([-Infinity, undefined]);
    end.ask();
    await settle();
    expect([asked, end.completeAt(20)]).toEqual([2, 100 * SECOND]);
  });

  test('is not what was read before the log went back', async () => {
    const answers: ((place: number) => void)[] = [];
    const end = new LogEnd(async () => new Promise((resolve) => answers.push(resolve)), timing);
    end.ask();
    end.forget();
    end.ask();
    answers[0]?.(20);
    await settle();
    answers[1]?.(10);
    await settle();
    expect([end.completeAt(10), end.missingSince(10)]).toEqual([100 * SECOND, undefined]);
  });

  test('is unknown if it cannot be read, whatever is asked next', async () => {
    const end = new LogEnd(async () => Promise.reject(new Error('no leader')), timing);
    end.ask();
    await settle();
    nowMs += SECOND;
    end.ask();
    await settle();
    expect(end.missingSince(Infinity)).toBe(100 * SECOND);
  });
});

describe('a fold', () => {
  const log = logOfOneRouter(
    Array.from({ length: 20 }, (_, n) => ({
      events: [
        personEvent(
          {
            spaceId: SPACE,
            dpuId: 'd' as DpuId,
            doorwayId: 1 as DoorwayId,
            timestampMs: n,
            sign: 1,
            primary: true,
          },
          1,
        ),
      ],
      clockMs: 1_000 + n,
    })),
    DEFAULT_SETTINGS,
  );
  let fold: PartitionFold;
  let freshness: Freshness;
  /** The log ends in NATS, and whether NATS answers. */
  let ends: { seq: number; newestMs: number; isSilent: boolean };
  const apply = (count: number): void => {
    for (const entry of log.filter(({ seq }: StoredEntry) => seq > fold.seq).slice(0, count)) fold.apply(entry);
  };
  const answer = async <T>(value: T): Promise<T> =>
    ends.isSilent ? new Promise(() => undefined) : Promise.resolve(value);

  beforeEach(() => {
    fold = new PartitionFold(ROUTER, 1);
    apply(5);
    ends = { seq: 5, newestMs: 1_004, isSilent: false };
    freshness = new Freshness({
      partitions: 1,
      timing,
      events: { end: () => answer(ends.seq) },
      readings: { newestMs: () => answer(ends.newestMs) },
    });
  });
  /** Asks once a second, as clients do. @returns after how many seconds the fold is stale; undefined if it stays fresh */
  const staleAfterSeconds = async (secondsMax = 10): Promise<number | undefined> => {
    for (let second = 0; second <= secondsMax; second++) {
      if (!(await freshness.isFresh(fold, SPACE))) return second;
      await settle();
      nowMs += SECOND;
    }
    return undefined;
  };

  test('that has everything is fresh, even at the first question after a quiet night', async () => {
    expect(await staleAfterSeconds()).toBeUndefined();
    nowMs += 36_000 * SECOND;
    const askedAt = nowMs;
    expect(await freshness.isFresh(fold, SPACE)).toBe(true);
    expect(nowMs - askedAt).toBeLessThan(100);
  });

  test.each([
    [
      'its consumer receives nothing although commits come',
      () => {
        ends.seq = 6;
      },
    ],
    [
      'its router is stuck although readings come',
      () => {
        ends.newestMs = 1_005;
      },
    ],
    [
      'the streams have no leader',
      () => {
        ends.isSilent = true;
      },
    ],
  ])('is stale within seconds when %s', async (_, happen) => {
    expect(await freshness.isFresh(fold, SPACE)).toBe(true);
    nowMs += SECOND;
    happen();
    const seconds = await staleAfterSeconds();
    expect(seconds).toBeGreaterThanOrEqual(2);
    expect(seconds).toBeLessThanOrEqual(STALE_AFTER_MS / SECOND + 1);
  });

  test('that is behind and progresses is as old as the oldest commit it lacks', async () => {
    expect(await freshness.isFresh(fold, SPACE)).toBe(true);
    nowMs += SECOND;
    // One commit a second, folded two seconds later: old, but not stale.
    for (let second = 0; second < 10; second++) {
      ends = { ...ends, seq: ends.seq + 1 };
      if (second >= 2) apply(1);
      expect(await freshness.isFresh(fold, SPACE), `second ${second}`).toBe(true);
      await settle();
      nowMs += SECOND;
    }
    // Six more at once, then one a second again: each is folded eight seconds later.
    ends = { ...ends, seq: ends.seq + 6 };
    expect(await staleAfterSeconds(5)).toBeLessThanOrEqual(4);
    apply(20);
    expect(await freshness.isFresh(fold, SPACE)).toBe(true);
  });

  test('waits at the first question for commits on their way, for at most half a second', async () => {
    ends.seq = 6;
    let pauses = 0;
    meanwhile = () => {
      if (++pauses === 50) apply(1);
    };
    expect(await freshness.isFresh(fold, SPACE)).toBe(true);
    expect(pauses).toBeLessThan(60);
    nowMs += 60 * SECOND;
    ends.seq = 7;
    const askedAt = nowMs;
    expect(await freshness.isFresh(fold, SPACE)).toBe(false);
    expect(nowMs - askedAt).toBeLessThan(600);
    // It does not wait again for commits that it already waited for.
    const againAt = nowMs;
    expect(await freshness.isFresh(fold, SPACE)).toBe(false);
    expect(nowMs).toBe(againAt);
  });

  test('is stale, and the answer comes, if the ends are forgotten while nothing answers', async () => {
    ends.isSilent = true;
    let pauses = 0;
    meanwhile = () => {
      pauses += 1;
      if (pauses === 10) freshness.forgetEnds();
      if (pauses === 2_000) throw new Error('still waits');
    };
    expect(await freshness.isFresh(fold, SPACE)).toBe(false);
  });

  test('lags by the time for which it is known to be behind', async () => {
    expect(await freshness.lag(fold, [ROUTER])).toEqual({ eventsMs: 0, readingsMs: 0 });
    nowMs += 5 * SECOND;
    ends.newestMs = 1_010;
    expect((await freshness.lag(fold, [ROUTER])).readingsMs).toBeLessThan(SECOND);
    nowMs += 20 * SECOND;
    const { eventsMs, readingsMs } = await freshness.lag(fold, [ROUTER]);
    expect(readingsMs).toBeGreaterThan(20 * SECOND);
    expect(eventsMs).toBe(0);
  });

  describe('that somebody keeps looking at', () => {
    let looking: FoldFreshness;
    beforeEach(() => {
      looking = freshness.of(fold);
    });
    /** Looks twice a second. @returns whether the space was stale each time */
    const look = async (seconds: number, each: (half: number) => void = () => undefined): Promise<boolean[]> => {
      const seen: boolean[] = [];
      for (let half = 0; half < 2 * seconds; half++) {
        each(half);
        const was = looking.isStale(SPACE);
        if (!looking.look()) expect(looking.isStale(SPACE)).toBe(was);
        seen.push(looking.isStale(SPACE));
        await settle();
        nowMs += SECOND / 2;
      }
      return seen;
    };

    test('is stale until that is known, and not when it has everything, also after a quiet night', async () => {
      expect(looking.isStale(SPACE)).toBe(true);
      await looking.learn();
      expect(looking.isStale(SPACE)).toBe(false);
      nowMs += 36_000 * SECOND;
      looking.forget();
      const askedAt = nowMs;
      await looking.learn();
      expect([looking.isStale(SPACE), nowMs - askedAt < 100]).toEqual([false, true]);
    });

    test('is stale from the first answer on if it lacks entries, which the answer waits for at most half a second', async () => {
      ends.seq = 6;
      const askedAt = nowMs;
      await looking.learn();
      expect(nowMs - askedAt).toBeLessThan(600);
      expect(looking.isStale(SPACE)).toBe(true);
      // It lacks them for less than three seconds now, and nothing is unknown.
      expect(await look(1)).toEqual([true, true]);
      apply(1);
      expect((await look(2)).at(-1)).toBe(false);
    });

    test('is stale within seconds when it lacks entries, and not any more once it has them', async () => {
      await looking.learn();
      ends.newestMs = 1_005;
      const seen = await look(5);
      expect(seen.indexOf(true)).toBeGreaterThanOrEqual(5);
      expect(seen.indexOf(true)).toBeLessThanOrEqual(8);
      apply(1);
      expect(looking.look()).toBe(true);
      expect(looking.isStale(SPACE)).toBe(false);
    });

    test('is not stale because this process was busy, but is if it is behind whenever it looks', async () => {
      await looking.learn();
      await settle();
      nowMs += SECOND;
      looking.look();
      // The answer can be read only afterwards.
      nowMs += 4 * SECOND;
      expect([looking.look(), looking.isStale(SPACE)]).toEqual([false, false]);
      await settle();
      ends.seq = 6;
      for (let look = 0; look < 4; look++) {
        nowMs += 4 * SECOND;
        looking.look();
        await settle();
      }
      expect(looking.isStale(SPACE)).toBe(true);
    });

    test('is stale while NATS does not answer', async () => {
      await looking.learn();
      ends.isSilent = true;
      expect((await look(5)).at(-1)).toBe(true);
    });

    test.each([4, 5, 6, 7, 8])(
      'that is always %i half seconds behind does not become stale and fresh again and again',
      async (halves) => {
        await looking.learn();
        // Each second one entry more.
        const seen = await look(14, (half) => {
          if (half % 2 === 0) ends.seq += 1;
          if (half >= halves && (half - halves) % 2 === 0) apply(1);
        });
        expect(seen.filter((is, n) => n > 0 && is !== seen[n - 1]).length).toBeLessThanOrEqual(1);
      },
    );

    test('is judged for each space by the routers that the space gets events from', async () => {
      const [near, far] = [SPACE, 2 as SpaceId];
      const partitions = 2;
      const dpuOf = (router: number): DpuId =>
        ['a', 'b', 'c', 'd'].map((id) => id as DpuId).find((id) => partitionOfDpu(id, partitions) === router) ??
        ('' as DpuId);
      const configs = [near, far].map((spaceId, router): SpaceConfig => ({
        ...{ spaceId, timeZone: 'UTC', dailyReset: null, dailyResetCount: 0, resets: [] },
        dpus: [{ dpuId: dpuOf(router), fromMs: 0, toMs: END_MS }],
      }));
      fold = new PartitionFold(ROUTER, partitions);
      const section = { events: [], heartbeats: [], configs, settings: DEFAULT_SETTINGS };
      const data = encodeCommit(commitHeader({ clockMs: 1_000 }), new Map([[ROUTER, section]]));
      fold.apply({ seq: 1, timeMs: 1_000, subject: 'routers.0', data });
      const newestMs = [1_000, 5_000];
      freshness = new Freshness({
        partitions,
        timing,
        events: { end: () => answer(1) },
        readings: { newestMs: (router) => answer(newestMs[router] ?? 0) },
      });
      looking = freshness.of(fold);
      await looking.learn();
      expect([near, far].map((spaceId) => looking.isStale(spaceId))).toEqual([false, true]);
      newestMs[1] = BEGINNING_MS;
      freshness.forgetEnds();
      looking.look();
      await settle();
      looking.look();
      expect([near, far].map((spaceId) => looking.isStale(spaceId))).toEqual([false, false]);
    });
  });
});
