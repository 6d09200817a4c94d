// What a router asks history about the DPUs from which it hears for the first time.
import { expect, it } from 'vitest';
import type { DpuId, Partition } from '../../src/domain/ids.ts';
import { personMeasure } from '../../src/domain/measure.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { NewestLookups } from '../../src/router/newest-lookups.ts';
import { ReadingMemory } from '../../src/router/reading-memory.ts';

const [OWN, PARTITIONS] = [1 as Partition, 4];
const DPUS = Array.from({ length: 2_000 }, (_, n) => `d${n}` as DpuId);
const ours = DPUS.filter((id) => partitionOfDpu(id, PARTITIONS) === OWN);
/** History has readings of every third DPU. */
const storedMs = (id: DpuId): number | undefined => (Number(id.slice(1)) % 3 === 0 ? 1_000 : undefined);

function lookups({
  takesMs,
  waiting = [],
}: {
  readonly takesMs: number | ((dpus: number) => number);
  readonly waiting?: readonly DpuId[];
}): {
  readonly memory: ReadingMemory;
  readonly topology: TopologyHistory;
  readonly asked: DpuId[][];
  learn(...ids: readonly DpuId[]): Promise<void>;
} {
  const [memory, topology] = [new ReadingMemory(), new TopologyHistory()];
  const asked: DpuId[][] = [];
  let nowMs = 0;
  const register = (from: number, to: number): void =>
    topology.apply({
      seq: topology.seq + 1,
      fact: {
        kind: 'batch',
        doc: DPUS.slice(from, to).map((id) => ({
          kind: 'dpu',
          doc: { id, placements: [], createdMs: 0, updatedMs: 0, deleted: false },
        })),
      },
    });
  register(0, DPUS.length);
  const newest = new NewestLookups(
    {
      ...{ partition: OWN, partitions: PARTITIONS, topology },
      history: {
        newestReadings: async (ids) => {
          asked.push([...ids]);
          nowMs += typeof takesMs === 'number' ? takesMs : takesMs(ids.length);
          return Promise.resolve(new Map(ids.flatMap((id) => (storedMs(id) ? [[id, storedMs(id) ?? 0]] : []))));
        },
      },
      timing: { now: () => nowMs },
    },
    memory,
  );
  return {
    memory,
    topology,
    asked,
    learn: async (...ids) => newest.learn(new Set(ids), (most) => waiting.slice(0, most)),
  };
}

it('D1 a router learns the newest stored reading of each DPU once, and of others of its partition along with it', async () => {
  const { memory, asked, learn } = lookups({ takesMs: 1 });
  for (const id of ours) if (!memory.knowsNewest(id)) await learn(id);
  expect(asked.flat().sort()).toEqual([...ours].sort());
  expect(asked.length).toBeLessThan(8);
  for (const dpuId of ours) {
    const isAsked = (timestampMs: number): boolean =>
      memory.mayBeStored({ dpuId, timestampMs, measure: personMeasure(1) });
    expect([isAsked(1_000), isAsked(1_001)]).toEqual([storedMs(dpuId) !== undefined, false]);
  }
});

it('a router asks for few others while queries for many are slow', async () => {
  const { asked, learn } = lookups({ takesMs: (dpus) => 5 * dpus });
  for (const id of ours.slice(-40)) await learn(id);
  expect(Math.max(...asked.slice(8).map(({ length }) => length))).toBeLessThanOrEqual(5);
});

it('a router asks for many others while queries for few are as slow, because ClickHouse is busy', async () => {
  for (const takesMs of [100, (dpus: number) => 100 + dpus / 4]) {
    const { asked, learn, memory } = lookups({ takesMs });
    for (const id of ours) if (!memory.knowsNewest(id)) await learn(id);
    expect(asked.length).toBeLessThan(8);
  }
});

it('a router asks for fewer others again once ClickHouse is no longer busy, and queries for many are slow', async () => {
  let isBusy = true;
  const { asked, learn } = lookups({ takesMs: (dpus) => (isBusy ? 100 : 0) + 2 * dpus });
  const sizes = (): number[] => asked.map(({ length }) => length);
  for (const id of ours.slice(-4)) await learn(id);
  expect(sizes()).toEqual([17, 33, 65, 33]);
  isBusy = false;
  for (const id of ours.slice(-14, -4)) await learn(id);
  expect(
    sizes()
      .slice(-4)
      .every((size) => size > 1 && size < 17),
  ).toBe(true);
});

it('a router asks for nothing that it knows, and for a DPU that is not registered', async () => {
  const { asked, learn, memory } = lookups({ takesMs: 1 });
  for (const id of ours.slice(0, 10)) memory.learnNewest(id, undefined);
  await learn();
  expect(asked).toEqual([]);
  await learn('unknown' as DpuId);
  expect(asked).toEqual([['unknown', ...ours.slice(10, 26)]]);
});

it('a router asks for those whose messages wait, before any others', async () => {
  const waiting = ours.slice(-40);
  const { asked, learn, memory } = lookups({ takesMs: 1, waiting });
  memory.learnNewest(waiting[0] as DpuId, undefined);
  await learn(ours[0] as DpuId);
  expect(asked).toEqual([[ours[0], ...waiting.slice(1), ...ours.slice(1, 17)]]);
  expect(waiting.every((id) => memory.knowsNewest(id))).toBe(true);
});
