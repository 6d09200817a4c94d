// When a tick is published, and how long an answer waits for it.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import { Ticks } from '../../src/shards/ticks.ts';
import { encodeCommit } from '../../src/domain/commit-codec.ts';
import { DEFAULT_SETTINGS } from '../../src/domain/topology.ts';
import { commitHeader } from '../support/commit-header.ts';

const [SHARD, SPACE, NOON] = [0 as Partition, 1 as SpaceId, Date.UTC(2026, 0, 1, 12)];
const DELAY_MS = DEFAULT_SETTINGS.idleTimeoutMs + DEFAULT_SETTINGS.outOfOrdernessMs;

/** The fold of a shard whose router's clock is at noon. */
function quietFold(): { fold: PartitionFold; moveClock: (ms: number) => void } {
  const fold = new PartitionFold(SHARD, 1);
  let seq = 0;
  const moveClock = (clockMs: number): void => {
    const configs = [
      {
        spaceId: SPACE,
        timeZone: 'UTC',
        dailyReset: null,
        dailyResetCount: 0,
        dpus: [{ dpuId: 'd' as DpuId, fromMs: BEGINNING_MS, toMs: END_MS }],
        resets: [],
      },
    ];
    const section = { events: [], heartbeats: [], configs: seq === 0 ? configs : [], settings: undefined };
    fold.apply({
      seq: seq + 1,
      timeMs: clockMs,
      subject: 'routers.0',
      data: encodeCommit(commitHeader({ previousSeq: seq, clockMs }), new Map([[SHARD, section]])),
    });
    seq += 1;
  };
  moveClock(NOON);
  return { fold, moveClock };
}

function ticksWith(tick: (router: Partition) => void, nowMs: number): { ticks: Ticks; elapsed: () => number } {
  let elapsedMs = 0;
  const timing = {
    now: () => elapsedMs,
    random: () => 0,
    yield: async () => undefined,
    pause: async (ms: number) => {
      elapsedMs += ms;
      return Promise.resolve();
    },
  };
  const ticks = new Ticks({
    tick: async (router) => Promise.resolve(tick(router)),
    intervalMs: 1_000,
    nowMs: () => nowMs,
    timing,
    log: pino({ level: 'silent' }),
  });
  return { ticks, elapsed: () => elapsedMs };
}

test('N1 an instant that becomes final by time alone is final in the first answer, at the cost of one tick', async () => {
  const { fold, moveClock } = quietFold();
  const nowMs = NOON + 3_600_000;
  const marked: Partition[] = [];
  const { ticks } = ticksWith((router) => {
    marked.push(router);
    moveClock(nowMs);
  }, nowMs);
  const atMs = nowMs - DELAY_MS;
  for (let n = 0; n < 2; n++) {
    await ticks.advance(fold, SPACE, atMs);
    expect(fold.watermarkOf(SPACE)).toBeGreaterThanOrEqual(atMs);
  }
  expect(marked).toEqual([0]);
});

test('an answer waits a bounded time for a silent router, and not for every question', async () => {
  const { fold } = quietFold();
  const marked: Partition[] = [];
  const { ticks, elapsed } = ticksWith((router) => void marked.push(router), NOON + 3_600_000);
  await ticks.advance(fold, SPACE, NOON + 1_000);
  expect(fold.watermarkOf(SPACE)).toBe(NOON - DELAY_MS);
  const waited = elapsed();
  expect(waited).toBeGreaterThan(0);
  expect(waited).toBeLessThan(1_000);
  for (let n = 0; n < 3; n++) await ticks.advance(fold, SPACE, NOON + 1_000);
  expect([marked, elapsed()]).toEqual([[0], waited]);
});

test('a question costs no tick if the clocks are fresh', async () => {
  const { fold } = quietFold();
  const marked: Partition[] = [];
  const { ticks, elapsed } = ticksWith((router) => void marked.push(router), NOON + 900);
  for (const atMs of [NOON + 900, NOON - DELAY_MS, NOON - 3_600_000]) await ticks.advance(fold, SPACE, atMs);
  expect([marked, elapsed()]).toEqual([[], 0]);
});
