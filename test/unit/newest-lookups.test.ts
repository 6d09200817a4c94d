// What a router asks history about the DPUs from which it hears for the first time.
import { expect, it, vi } from 'vitest';
import type { DpuId, Partition } from '../../src/domain/ids.ts';
import { personMeasure } from '../../src/domain/measure.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { NewestLookups } from '../../src/router/newest-lookups.ts';
import { ReadingMemory } from '../../src/router/reading-memory.ts';

const [OWN, PARTITIONS] = [1 as Partition, 4];
const DPUS = Array.from({ length: 4_000 }, (_, n) => `d${n}` as DpuId);
const ours = DPUS.filter((id) => partitionOfDpu(id, PARTITIONS) === OWN);
/** History has readings of every third DPU. */
const storedMs = (id: DpuId): number | undefined => (Number(id.slice(1)) % 3 === 0 ? 1_000 : undefined);

function lookups({
  registered = DPUS,
  waiting = [],
}: {
  readonly registered?: readonly DpuId[];
  readonly waiting?: readonly DpuId[];
} = {}): {
  readonly memory: ReadingMemory;
  /** The DPUs of each query. */
  readonly asked: DpuId[][];
  /** How many times it began to look at all that are registered. */
  passes(): number;
  register(ids: readonly DpuId[]): void;
  learn(...ids: readonly DpuId[]): Promise<void>;
} {
  const [memory, topology] = [new ReadingMemory(), new TopologyHistory()];
  const asked: DpuId[][] = [];
  const register = (ids: readonly DpuId[]): void => {
    const doc = ids.map((id) => ({
      kind: 'dpu' as const,
      doc: { id, placements: [], createdMs: 0, updatedMs: 0, deleted: false },
    }));
    topology.apply({ seq: topology.seq + 1, fact: { kind: 'batch', doc } });
  };
  register(registered);
  const all = vi.spyOn(topology, 'dpuIds');
  const newest = new NewestLookups(
    {
      ...{ partition: OWN, partitions: PARTITIONS, topology },
      history: {
        newestReadings: async (ids) => {
          asked.push([...ids]);
          return Promise.resolve(new Map(ids.flatMap((id) => (storedMs(id) ? [[id, storedMs(id) ?? 0]] : []))));
        },
      },
    },
    memory,
  );
  return {
    ...{ memory, asked, register, passes: () => all.mock.calls.length },
    learn: async (...ids) => newest.learn(new Set(ids), (most) => waiting.slice(0, most)),
  };
}

it('D1 a router learns the newest stored reading of each DPU once, and of others of its partition along with it', async () => {
  const { memory, asked, learn } = lookups();
  for (const id of ours) if (!memory.knowsNewest(id)) await learn(id);
  expect(asked.flat().sort()).toEqual([...ours].sort());
  expect(asked.map(({ length }) => length)).toEqual([256, 256, 256, ours.length - 768]);
  for (const dpuId of ours) {
    const isAsked = (timestampMs: number): boolean =>
      memory.mayBeStored({ dpuId, timestampMs, measure: personMeasure(1) });
    expect([isAsked(1_000), isAsked(1_001)]).toEqual([storedMs(dpuId) !== undefined, false]);
  }
});

it('a query asks for all DPUs of a commit, however many they are', async () => {
  const { asked, learn } = lookups({ waiting: ours.slice(-40) });
  await learn(...ours.slice(0, 300));
  expect(asked).toEqual([ours.slice(0, 300)]);
});

it('a router learns those that were registered after it had asked for all the others', async () => {
  const { asked, passes, register, learn } = lookups({ registered: DPUS.slice(0, 200) });
  const [before, after] = [ours.filter((id) => DPUS.indexOf(id) < 200), ours.filter((id) => DPUS.indexOf(id) >= 200)];
  await learn(before[0] as DpuId);
  await learn('unknown' as DpuId);
  expect(passes()).toBe(1);
  register(DPUS.slice(200));
  await learn(after[0] as DpuId);
  expect(asked).toEqual([before, ['unknown'], after.slice(0, 256)]);
});

it('a router asks for nothing that it knows, and for a DPU that is not registered', async () => {
  const { asked, learn, memory } = lookups();
  for (const id of ours.slice(0, 10)) memory.learnNewest(id, undefined);
  await learn();
  expect(asked).toEqual([]);
  await learn('unknown' as DpuId);
  expect(asked).toEqual([['unknown', ...ours.slice(10, 265)]]);
});

it('a router asks for those whose messages wait, before any others', async () => {
  const known = ours.slice(300, 600);
  const waiting = ours.slice(-40);
  const { asked, learn, memory } = lookups({ waiting: [...known, ...waiting] });
  for (const dpuId of [...known, waiting[0] as DpuId]) memory.learnNewest(dpuId, undefined);
  await learn(ours[0] as DpuId);
  expect(asked).toEqual([[ours[0], ...waiting.slice(1), ...ours.slice(1, 217)]]);
  expect(waiting.every((id) => memory.knowsNewest(id))).toBe(true);
});

it('a router finds its own DPUs among many of other partitions', async () => {
  const others = Array.from({ length: 40_000 }, (_, n) => `o${n}` as DpuId).filter(
    (id) => partitionOfDpu(id, PARTITIONS) !== OWN,
  );
  const { asked, learn } = lookups({ registered: [...others, ...ours] });
  for (let n = 0; n < 6; n++) await learn(`unknown${n}` as DpuId);
  expect(asked.slice(0, 3)).toEqual([['unknown0'], ['unknown1'], ['unknown2']]);
  expect(asked.flat().slice(3)).toEqual(expect.arrayContaining(ours.slice(0, 256)));
});
