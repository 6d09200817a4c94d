// The comparison of the logs with ClickHouse: shards at different sequences, blocks stored meanwhile, no answer.
import { beforeEach, describe, expect, it } from 'vitest';
import type { KnownReport, SpaceReport } from '../../actors/partition/space-report.ts';
import { Comparisons, findingsOf, type Comparison } from '../../src/counts/comparison.ts';
import { encodeCommit } from '../../src/domain/commit-codec.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { partitionOfSpace } from '../../src/domain/partition.ts';
import type { StoredTotals } from '../../src/ports/history.ts';
import type { LogCursor } from '../../src/ports/log.ts';
import type { LastCommit } from '../../src/ports/space-events-log.ts';
import { commitHeader } from '../support/commit-header.ts';
import { fakeOf } from '../support/fake-of.ts';
import { personEvent } from '../support/person-event.ts';

const PARTITIONS = 2;
const [P0, P1] = [0, 1] as Partition[] as [Partition, Partition];
type Reported = Pick<SpaceReport, 'seq' | 'storedBlock' | 'totals'>;

/** Three commits of router 0; each asserts one reading to each shard. */
const header = (n: number): ReturnType<typeof commitHeader> =>
  commitHeader({
    router: P0,
    commitId: `c${n}`,
    previousSeq: n - 1,
    readingsSeq: n,
    counters: { received: 2 * n, fresh: 2 * n, held: 0, excluded: 0, deleted: 0, duplicate: 0, dead: 0 },
  });
const section = (n: number, spaceId: number) => ({
  events: [
    personEvent(
      {
        spaceId: spaceId as SpaceId,
        dpuId: 'd' as DpuId,
        doorwayId: 1 as DoorwayId,
        timestampMs: n,
        sign: 1,
        primary: true,
      },
      1,
    ),
  ],
  heartbeats: [],
  configs: [],
  settings: undefined,
});
const entry = (n: number) => ({
  seq: n,
  timeMs: n,
  subject: 'routers.0',
  data: encodeCommit(
    header(n),
    new Map([
      [P0, section(n, 1)],
      [P1, section(n, 2)],
    ]),
  ),
});

describe('the comparison with ClickHouse', () => {
  let reported: Map<Partition, Reported[]>;
  let stored: Map<Partition, StoredTotals>[];
  let upTo: number;
  let log: readonly number[];
  const shard = (
    seq: number,
    storedBlock: number,
    folded: number,
    readings: number,
    cutBlock = storedBlock,
  ): Reported => ({
    seq,
    storedBlock,
    totals: { folded, stored: readings, cutBlock },
  });
  /** Returns the values one after the other, and then the last one for ever. */
  const next = <T>(of: T[]): T | undefined => (of.length > 1 ? of.shift() : of[0]);

  beforeEach(() => {
    reported = new Map([
      [P0, [shard(3, 5, 3, 3)]],
      [P1, [shard(3, 7, 3, 2)]],
    ]);
    stored = [
      new Map([
        [P0, { readings: 3, lastBlock: 5 }],
        [P1, { readings: 2, lastBlock: 7 }],
      ]),
    ];
    [upTo, log] = [0, [1, 2, 3]];
  });
  const compare = async (): Promise<Comparison> =>
    new Comparisons({
      partitions: PARTITIONS,
      timing: { pause: async () => Promise.resolve() },
      reports: {
        report: async (spaceId) => {
          const one = next(reported.get(partitionOfSpace(spaceId, PARTITIONS)) ?? []);
          if (!one) throw new Failure('unavailable', 'nobody owns it');
          return fakeOf<KnownReport>('report', { totals: undefined, ...one, isStale: false });
        },
      },
      events: {
        lastCommit: async (router): Promise<LastCommit> =>
          Promise.resolve(router === P0 ? { seq: 3, header: header(3) } : { seq: 0, header: undefined }),
        open: async (_, afterSeq) =>
          Promise.resolve({
            behind: 0,
            wake: () => undefined,
            close: async () => Promise.resolve(),
            next: async () => Promise.resolve(log.filter((n) => n > afterSeq).map(entry)),
          } satisfies LogCursor),
      },
      history: {
        storedTotals: async () => Promise.resolve(next(stored) ?? new Map()),
        readingsUpTo: async () => Promise.resolve(upTo),
      },
    }).read();

  it('A3 holds if both have the same readings', async () => {
    const comparison = await compare();
    expect(comparison).toEqual({ stored: 5, differences: [], unknown: [], missing: 0 });
    expect(findingsOf(comparison)).toEqual([]);
  });

  it('A3 holds for shards at different sequences, by counting the commits between them', async () => {
    reported.set(P1, [shard(1, 7, 1, 2)]);
    expect((await compare()).missing).toBe(0);
    // If those commits are truncated, the result is unknown.
    log = [3];
    const comparison = await compare();
    expect(comparison.missing).toBeUndefined();
    expect(findingsOf(comparison)).toEqual([expect.stringContaining('too far behind')]);
  });

  it('A3 asks again if a block was stored between the two queries', async () => {
    reported.set(P1, [shard(3, 6, 3, 1), shard(3, 7, 3, 2)]);
    expect((await compare()).differences).toEqual([]);
    // If a block is stored during every attempt, it compares the rows up to that block.
    reported.set(P1, [shard(3, 6, 3, 1, 7)]);
    upTo = 1;
    expect((await compare()).differences).toEqual([]);
    upTo = 0;
    expect((await compare()).differences).toEqual([
      { shard: P1, block: 6, expected: 1, stored: 0, unknownBlock: undefined },
    ]);
    // Nobody has cut that block.
    reported.set(P1, [shard(3, 6, 3, 1, 6)]);
    upTo = 1;
    expect((await compare()).differences).toEqual([{ shard: P1, block: 6, expected: 1, stored: 1, unknownBlock: 7 }]);
  });

  it('A3 notices a shard that was rebuilt from a history that had lost a reading', async () => {
    reported.set(P0, [shard(3, 5, 2, 2)]);
    stored = [
      new Map([
        [P0, { readings: 2, lastBlock: 5 }],
        [P1, { readings: 2, lastBlock: 7 }],
      ]),
    ];
    const comparison = await compare();
    expect(comparison).toMatchObject({ differences: [], missing: 1 });
    expect(findingsOf(comparison)).toEqual([expect.stringMatching(/^all shards together: they have 1 reading fewer/)]);
  });

  it.each([
    ['nobody answers', undefined],
    ['a checkpoint did not know', { seq: 3, storedBlock: 7 }],
  ])('A3 says which shards it could not compare where %s', async (_, one) => {
    reported.set(P1, one ? [one] : []);
    const comparison = await compare();
    expect(comparison).toMatchObject({ stored: 3, unknown: [P1], missing: undefined });
    expect(findingsOf(comparison)).toEqual([expect.stringMatching(/^not compared: shard 1\./)]);
  });
});
