// The problems that /api/v1/health lists, source by source, and that every process lists those of all processes.
import { beforeEach, describe, expect, test } from 'vitest';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { Problem } from '../../src/domain/health.ts';
import type { Partition } from '../../src/domain/ids.ts';
import { Health, type HealthDeps } from '../../src/health/health.ts';
import {
  clockProblems,
  consumerProblems,
  engineProblems,
  LAG_MAX_MS,
  ownerProblems,
  capacityProblems,
  shardProblems,
  topologyProblems,
  TOPOLOGY_BEHIND_MAX_MS,
  type ObservedShard,
} from '../../src/health/sources.ts';
import type { Member } from '../../src/ports/leases.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { Restarts } from '../../src/shards/restarts.ts';

const SHARD = 3 as Partition;
const codesOf = (problems: readonly Problem[]): string[] => problems.map(({ code }) => code);

describe('health', () => {
  const member = (id: string, problems?: readonly Problem[]): Member => ({
    id,
    name: `name of ${id}`,
    takesShards: true,
    standsBy: false,
    ...(problems ? { problems } : {}),
  });
  const health = (deps: Partial<HealthDeps>): Health =>
    new Health({ member: member('a'), own: [], shared: [], members: () => [], timing: MACHINE_TIMING, ...deps });

  test("lists the problems that any process can see, this process's own, and those that other processes announce", async () => {
    const own = { code: 'own', detail: 'own' };
    const asked = health({
      own: [() => [own]],
      shared: [async () => Promise.resolve([{ code: 'shared', detail: 'shared', shard: SHARD }])],
      // Its own announcement is older than what it observes now.
      members: () => [
        member('a', [{ code: 'own', detail: 'of before', process: 'name of a' }]),
        member('b', [{ code: 'other', detail: 'other', process: 'name of b' }]),
        member('c'),
      ],
    });
    expect(await asked.problems()).toEqual([
      { code: 'shared', detail: 'shared', shard: SHARD },
      { ...own, process: 'name of a' },
      { code: 'other', detail: 'other', process: 'name of b' },
    ]);
    expect(asked.announced).toEqual([{ ...own, process: 'name of a' }]);
  });

  test('lists none when everything works, and announces a bounded number', async () => {
    expect(await health({ own: [() => []] }).problems()).toEqual([]);
    const many = health({ own: [() => Array.from({ length: 300 }, () => ({ code: 'many', detail: '' }))] });
    expect(await many.problems()).toHaveLength(300);
    expect(many.announced).toHaveLength(20);
  });

  test('a check that fails is a problem', async () => {
    const failing = health({
      shared: [async () => Promise.reject(new Error('no'))],
      own: [
        () => {
          throw new Error('no');
        },
      ],
    });
    expect(codesOf(await failing.problems())).toEqual(['check_failed', 'check_failed']);
  });

  test('runs its checks without being asked', async () => {
    const over = new AbortController();
    const looking = health({
      own: [
        () => {
          over.abort();
          return [{ code: 'own', detail: '' }];
        },
      ],
    });
    await looking.run(over.signal);
    expect(codesOf(looking.own)).toEqual(['own']);
  });
});

describe('a shard', () => {
  let restarts: Restarts;
  let lag: { eventsMs: number; readingsMs: number };
  beforeEach(() => {
    restarts = new Restarts(MACHINE_TIMING);
    lag = { eventsMs: 0, readingsMs: 0 };
  });
  const seen = async (state: Partial<ObservedShard>, awaitedSeq?: number): Promise<readonly Problem[]> => {
    const shard: ObservedShard = {
      partition: SHARD,
      state: 'running',
      isServing: true,
      refusal: undefined,
      restarts,
      fold: new PartitionFold(SHARD, 4),
      ...state,
    };
    return shardProblems([shard], { lag: async () => Promise.resolve(lag) }, () => awaitedSeq)();
  };

  test('is healthy if it runs and has everything, or if another process runs it', async () => {
    expect(await seen({})).toEqual([]);
    lag = { eventsMs: LAG_MAX_MS, readingsMs: LAG_MAX_MS };
    expect(await seen({})).toEqual([]);
    expect(await seen({ state: 'idle', isServing: false, fold: undefined }, 7)).toEqual([]);
  });

  test.each<[string, RegExp, Partial<ObservedShard>, { eventsMs?: number; readingsMs?: number }, number | undefined]>([
    [
      'shard_refused',
      /of version 9/,
      { state: 'restoring', isServing: false, refusal: new Error('it is of version 9') },
      {},
      undefined,
    ],
    ['shard_restoring', /is being restored/, { state: 'restoring', isServing: false }, {}, undefined],
    ['shard_lagging', /commits.* 61 s/, {}, { eventsMs: 61_000 }, undefined],
    ['shard_lagging', /readings.* 62 s/, {}, { readingsMs: 62_000 }, undefined],
    ['topology_awaited', /entry 7/, {}, {}, 7],
  ])('reports %s', async (code, detail, state, behind, awaitedSeq) => {
    lag = { ...lag, ...behind };
    const problems = await seen(state, awaitedSeq);
    expect(problems).toMatchObject([{ code, shard: SHARD }]);
    expect(problems[0]?.detail).toMatch(detail);
  });

  test('is restarted after one or two failures, and in a crash loop after a third within a minute', async () => {
    let nowMs = 0;
    restarts = new Restarts({ now: () => nowMs });
    for (const atSeconds of [0, 40, 80]) {
      nowMs = atSeconds * 1_000;
      restarts.note(new Error(`at ${atSeconds}`));
      expect(await seen({})).toEqual([]);
    }
    nowMs = 90_000;
    restarts.note(new Error('at 90'));
    expect(await seen({})).toMatchObject([
      {
        code: 'shard_restarting',
        shard: SHARD,
        detail: expect.stringMatching(/3 times within a minute.*at 90/) as string,
      },
    ]);
    nowMs = 141_000;
    expect(await seen({})).toEqual([]);
  });
});

describe('a problem is', () => {
  test('a shard that nobody owns', async () => {
    expect(await ownerProblems(() => ['a', null, 'b'])()).toMatchObject([{ code: 'shard_without_owner', shard: 1 }]);
  });

  test('a silent consumer', async () => {
    expect(
      await consumerProblems(() => [
        { stream: 'READINGS', silent: 0 },
        { stream: 'SPACE_EVENTS', silent: 2 },
      ])(),
    ).toMatchObject([{ code: 'consumer_silent', stream: 'SPACE_EVENTS' }]);
  });

  test('a clock that is off', async () => {
    expect(await clockProblems(() => undefined)()).toEqual([]);
    expect(await clockProblems(() => 'the clock is 7 s behind')()).toMatchObject([
      { code: 'clock_skew', detail: expect.stringMatching(/^the clock is 7 s behind/) as string },
    ]);
  });

  test('a full READINGS stream', async () => {
    expect(await capacityProblems(() => true)()).toEqual([]);
    expect(await capacityProblems(() => false)()).toMatchObject([{ code: 'readings_full', stream: 'READINGS' }]);
  });

  test('an engine that does not answer, or refuses', async () => {
    expect(
      await engineProblems(
        async () => Promise.resolve(1),
        async () => Promise.resolve(true),
      )(),
    ).toEqual([]);
    expect(
      codesOf(
        await engineProblems(
          async () => Promise.reject(new Error('closed')),
          async () => Promise.resolve(false),
        )(),
      ),
    ).toEqual(['nats_unreachable', 'clickhouse_unreachable']);
    expect(
      codesOf(
        await engineProblems(
          async () => new Promise(() => undefined),
          async () => Promise.resolve(true),
        )(),
      ),
    ).toEqual(['nats_unreachable']);
  });

  test('a process that waits for the topology', async () => {
    const topology = { behindMs: TOPOLOGY_BEHIND_MAX_MS, readEnd: async () => Promise.resolve(1) };
    const found: { damage?: string } = {};
    const problems = topologyProblems(topology, () => found.damage);
    expect(await problems()).toEqual([]);
    topology.behindMs += 1;
    expect(codesOf(await problems())).toEqual(['topology_behind']);
    found.damage = 'entry 3 is not returned';
    expect(await problems()).toMatchObject([{ code: 'topology_behind', stream: 'TOPOLOGY', detail: found.damage }]);
  });
});
