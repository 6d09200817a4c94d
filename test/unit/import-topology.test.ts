// An import that is interrupted, or that another process gets in the way of.
import { describe, expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import { factsOf } from '../../src/domain/topology.ts';
import type { TopologyDocument } from '../../src/domain/topology-document.ts';
import { DocumentRefused, importTopology, type ImportResult } from '../../src/topology/import-topology.ts';
import { memoryTopology, type MemoryTopology } from '../support/memory-topology.ts';

const place = (line: number): { line: number; at: string } => ({ line, at: '' });
const ROOMS = 7;

/** Rooms in a row, each with a door to the next and a DPU above it, of which some readings are excluded. */
const BUILDING: TopologyDocument = {
  spaces: Array.from({ length: ROOMS }, (_, n) => ({ ...place(n + 1), name: `room ${n}` })),
  doorways: Array.from({ length: ROOMS }, (_, n) => ({
    ...place(n + 101),
    name: `door ${n}`,
    ingressSpace: `room ${n}`,
    egressSpace: n === 0 ? null : `room ${n - 1}`,
  })),
  dpus: Array.from({ length: ROOMS }, (_, n) => ({
    ...place(n + 201),
    id: `d${n}` as DpuId,
    isDeclared: true,
    placements: [{ ...place(n + 201), doorway: `door ${n}`, fromMs: -1 }],
  })),
  devices: [],
  exclusions: Array.from({ length: ROOMS }, (_, n) => ({
    ...place(n + 301),
    dpuId: `d${n}` as DpuId,
    fromMs: n,
    toMs: n + 10,
    reason: 'a test',
  })),
  errors: [],
  errorsCount: 0,
  unreadable: new Set(),
};
const ENTRIES = 4 * ROOMS;

const imported = ({ topology }: MemoryTopology): Promise<ImportResult> =>
  importTopology(topology, BUILDING, {
    by: 'loopback',
    entriesPerBatch: 2,
    now: () => 0,
    timing: { yield: async () => undefined },
    onProgress: () => undefined,
  });

const stored = ({ entries }: MemoryTopology): unknown[] => entries.flatMap(({ fact }) => factsOf(fact));

describe('an import', () => {
  it('E3 that stops anywhere is completed by a second run, to the same topology', async () => {
    const whole = memoryTopology();
    await imported(whole);
    const batches = whole.entries.length;
    expect(batches).toBe(Math.ceil(ENTRIES / 2));
    for (let stopped = 0; stopped < batches; stopped++) {
      const memory = memoryTopology();
      let appends = 0;
      memory.onAppend = () => {
        if (appends++ === stopped) throw new Error('nobody answers');
      };
      await expect(imported(memory)).rejects.toMatchObject({ kind: 'unavailable' });
      expect(memory.entries).toHaveLength(stopped);
      const { changesCount } = await imported(memory);
      expect(changesCount).toBe(ENTRIES - 2 * stopped);
      expect(stored(memory)).toEqual(stored(whole));
    }
  });

  it('E3 keeps its references while other processes register things in between', async () => {
    const memory = memoryTopology();
    let others = 0;
    memory.onAppend = () => {
      if (others >= 20) return;
      others += 1;
      const fields = { name: `other ${others}`, timeZone: 'UTC', dailyReset: null, capacity: null };
      const id = memory.entries.reduce(
        (most, { fact }) =>
          factsOf(fact).reduce((high, each) => (each.kind === 'space' ? Math.max(high, each.doc.id) : high), most),
        0,
      );
      // Behind the back of the service, so that what it was about to append is refused.
      (memory.entries as unknown[]).push({
        seq: memory.entries.length + 1,
        fact: { kind: 'space', doc: { id: id + 1, ...fields, createdMs: 0, updatedMs: 0, deleted: false } },
      });
      memory.wake();
    };
    await imported(memory);
    expect(others).toBe(20);
    const view = memory.topology.history.latest();
    expect(view.spaces()).toHaveLength(ROOMS + others);
    for (let n = 0; n < ROOMS; n++) {
      const [doorway] = view.doorwaysCalled(`door ${n}`);
      const [into, from] = [doorway?.ingressSpaceId, doorway?.egressSpaceId].map((id) => id && view.space(id)?.name);
      expect([into, from]).toEqual([`room ${n}`, n === 0 ? null : `room ${n - 1}`]);
      expect(view.exclusions(`d${n}` as DpuId)).toMatchObject([{ fromMs: n, toMs: n + 10, reason: 'a test' }]);
    }
    expect(new Set(view.spaces().map(({ id }) => id)).size).toBe(ROOMS + others);
    expect((await imported(memory)).changesCount).toBe(0);
  });

  it('E3 says how far it came when another process took what the rest needs', async () => {
    const memory = memoryTopology();
    let appends = 0;
    memory.onAppend = () => {
      appends += 1;
      if (appends !== 4) return;
      const [space] = memory.topology.history.latest().spacesCalled('room 0');
      (memory.entries as unknown[]).push({
        seq: memory.entries.length + 1,
        fact: { kind: 'space', doc: { ...space, name: 'renamed' } },
      });
      memory.wake();
    };
    const refusal = await imported(memory).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DocumentRefused);
    expect(refusal).toMatchObject({
      written: 6,
      errors: [{ line: 101, path: 'ingress_space', detail: 'there is no space "room 0"' }],
    });
  });
});
