// Options of a device do not apply to payloads that were read before them, whatever the clocks of the logs say.
import { describe, expect, it } from 'vitest';
import type { DpuId, Partition } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import type { Device, SingleFact } from '../../src/domain/topology.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { payloadsReadTo } from '../../src/topology/payloads-read-to.ts';
import { commitHeader } from '../support/commit-header.ts';
import { memoryTopology } from '../support/memory-topology.ts';

const PARTITIONS = 4;
const [one, other] = ['d1', 'd2'] as DpuId[] as [DpuId, DpuId];
const of = (device: DpuId): Partition => partitionOfDpu(device, PARTITIONS);

/** @param newest when the newest entry of each partition was stored @param clocks of the routers; null: no commit yet */
function readTo(newest: Record<number, number>, clocks: Record<number, number>): ReturnType<typeof payloadsReadTo> {
  return payloadsReadTo(
    PARTITIONS,
    { newestMs: async (partition) => newest[partition] ?? BEGINNING_MS },
    {
      lastCommit: async (partition) => {
        const clockMs = clocks[partition];
        return { seq: 1, header: clockMs === undefined ? undefined : commitHeader({ clockMs }) };
      },
    },
  );
}

describe('payloads of devices have been read up to', () => {
  it('what was stored last, or the clock of the router if that is later, because a clock may go back', async () => {
    expect(await readTo({ [of(one)]: 90 }, { [of(one)]: 100 })([one])).toBe(100);
    expect(await readTo({ [of(one)]: 110 }, { [of(one)]: 100 })([one])).toBe(110);
    expect(await readTo({ [of(one)]: 90 }, {})([one])).toBe(90);
    expect(await readTo({}, {})([one])).toBe(0);
  });

  it('the latest of their partitions, and no other counts', async () => {
    expect(of(one)).not.toBe(of(other));
    const reached = readTo({ [of(one)]: 90, [of(other)]: 200 }, {});
    expect([await reached([one]), await reached([one, other])]).toEqual([90, 200]);
  });
});

it('options apply after that time, or after they were stored if that is later', () => {
  const doc: Device = { id: one, adapter: 'xovis', options: {}, createdMs: 0, updatedMs: 0, deleted: false };
  for (const [afterMs, storedMs] of [
    [100, 90],
    [90, 100],
  ] as const) {
    const history = new TopologyHistory();
    history.apply({ seq: 1, storedMs, fact: { kind: 'device', doc, afterMs } });
    expect([history.deviceAt(one, 100), history.deviceAt(one, 101)]).toEqual([undefined, doc]);
  }
});

it('options are stored with that time, and refused while it is not known', async () => {
  const { topology, entries } = memoryTopology(
    () => 0,
    async (devices) => {
      if (devices.includes(other)) throw new Error('nobody answers');
      return 123;
    },
  );
  const put = async (id: DpuId): Promise<SingleFact> =>
    topology.execute({ kind: 'setAdapter', id, adapter: 'xovis', options: null }, 'loopback');
  await put(one);
  expect(entries.at(-1)?.fact).toMatchObject({ kind: 'device', afterMs: 123 });
  await expect(put(other)).rejects.toMatchObject({ kind: 'unavailable' });
  expect(entries).toHaveLength(1);
});
