// When time is marked in the log, and what an answer waits for.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { reportSpace } from '../../actors/partition/space-report.ts';
import type { DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import type { ShardRunner } from '../../src/shards/shard-runner.ts';
import { Ticks } from '../../src/shards/ticks.ts';
import { encodeCommit } from '../../src/domain/commit-codec.ts';
import { DEFAULT_SETTINGS } from '../../src/domain/topology.ts';
import { commitHeader } from '../support/commit-header.ts';
import { fakeOf } from '../support/fake-of.ts';

const [SHARD, SPACE, NOON] = [0 as Partition, 1 as SpaceId, Date.UTC(2026, 0, 1, 12)];
const DELAY_MS = DEFAULT_SETTINGS.idleTimeoutMs + DEFAULT_SETTINGS.outOfOrdernessMs;

/** A shard whose router's clock stands at noon. */
function quietShard(): { shard: ShardRunner; fold: PartitionFold; moveClock: (ms: number) => void } {
  const fold = new PartitionFold(SHARD, 1);
  let seq = 0;
  const moveClock = (clockMs: number): void => {
    const configs = [
      {
        spaceId: SPACE,
        timeZone: 'UTC',
        dailyReset: null,
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
  const shard = fakeOf<ShardRunner>('ShardRunner', {
    isOwner: true,
    host: { fold },
    report: (spaceId: SpaceId, atMs: number) => reportSpace(fold, spaceId, atMs),
  });
  return { shard, fold, moveClock };
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

test('N1 an instant that time alone has made final is so in the first answer, and costs one mark', async () => {
  const { shard, moveClock } = quietShard();
  const nowMs = NOON + 3_600_000;
  const marked: Partition[] = [];
  const { ticks } = ticksWith((router) => {
    marked.push(router);
    moveClock(nowMs);
  }, nowMs);
  const atMs = nowMs - DELAY_MS;
  expect((await ticks.report(shard, SPACE, atMs))?.watermarkMs).toBeGreaterThanOrEqual(atMs);
  expect((await ticks.report(shard, SPACE, atMs))?.watermarkMs).toBeGreaterThanOrEqual(atMs);
  expect(marked).toEqual([0]);
});

test('an answer waits a bounded time for a router that does not come, and not at every question', async () => {
  const { shard } = quietShard();
  const marked: Partition[] = [];
  const { ticks, elapsed } = ticksWith((router) => void marked.push(router), NOON + 3_600_000);
  expect((await ticks.report(shard, SPACE, NOON + 1_000))?.watermarkMs).toBe(NOON - DELAY_MS);
  const waited = elapsed();
  expect(waited).toBeGreaterThan(0);
  expect(waited).toBeLessThan(1_000);
  for (let n = 0; n < 3; n++) await ticks.report(shard, SPACE, NOON + 1_000);
  expect([marked, elapsed()]).toEqual([[0], waited]);
});

test('a question whose clocks are fresh costs nothing', async () => {
  const { shard } = quietShard();
  const marked: Partition[] = [];
  const { ticks, elapsed } = ticksWith((router) => void marked.push(router), NOON + 900);
  for (const atMs of [NOON + 900, NOON - DELAY_MS, NOON - 3_600_000]) await ticks.report(shard, SPACE, atMs);
  expect([marked, elapsed()]).toEqual([[], 0]);
});
