// Which entries of TOPOLOGY are named as the cause of a correction.
import { expect, it } from 'vitest';
import { TopologyChanges } from '../../src/counts/changes-behind.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import type { SingleFact } from '../../src/domain/topology.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { spaceCalled } from '../support/space-called.ts';

const [D1, D2] = [1, 2] as [DoorwayId, DoorwayId];
const STAMPS = { createdMs: 0, updatedMs: 0, deleted: false };
const doorway = (id: DoorwayId, ingress: number | null, egress: number | null): SingleFact => ({
  kind: 'doorway',
  doc: {
    ...{ id, name: `door ${id}`, ...STAMPS },
    ingressSpaceId: ingress as SpaceId | null,
    egressSpaceId: egress as SpaceId | null,
  },
});
const dpu = (id: string, ...placements: (readonly [DoorwayId, number])[]): SingleFact => ({
  kind: 'dpu',
  doc: {
    ...{ id: id as DpuId, ...STAMPS },
    placements: placements.map(([doorwayId, fromMs]) => ({ doorwayId, fromMs })),
  },
});
const exclusion = (id: string, fromMs: number, toMs: number, deleted = false): SingleFact => ({
  kind: 'exclusion',
  doc: { ...{ id: 1, dpuId: id as DpuId, fromMs, toMs, reason: 'a test', recordedMs: 0 }, deleted },
});

const FACTS: readonly SingleFact[] = [
  { kind: 'space', doc: spaceCalled('hall', 1) },
  doorway(D1, 1, null),
  doorway(D2, 1, null),
  dpu('a', [D1, -1]),
  dpu('b', [D1, -1]),
  // 6 moves one of them from an instant on, 7 exchanges the sides of the doorway that it left, and 8 excludes it.
  dpu('a', [D1, -1], [D2, 1_000]),
  doorway(D1, null, 1),
  exclusion('a', 1_500, 2_000),
  exclusion('a', 1_500, 2_000, true),
];
const topology = new TopologyHistory();
for (const [n, fact] of FACTS.entries()) topology.apply({ seq: n + 1, fact });

it.each([
  ['a', 1_000, 1_200, 5, 9, 'move', [6]],
  ['a', 1_000, 1_499, 5, 8, 'move', [6]],
  ['a', 999, 999, 5, 9, 'doorway', [7]],
  ['a', 999, 1_000, 5, 9, 'changes', [6, 7]],
  ['a', 1_999, 1_999, 6, 8, 'exclusion', [8]],
  ['a', 1_999, 1_999, 8, 9, 'exclusion_removed', [9]],
  ['a', 1_000, 2_000, 6, 9, 'changes', [8, 9]],
  ['b', 0, 5_000, 5, 9, 'doorway', [7]],
  ['b', 0, 5_000, 7, 9, 'changes', []],
  // Not read yet.
  ['b', 0, 5_000, 7, 10, 'changes', []],
] as const)(
  'T27 readings of %s from %i to %i that followed the entries after %i up to %i: %s %j',
  (id, firstMs, lastMs, afterSeq, toSeq, kind, seqs) => {
    const found = new TopologyChanges(topology).behind({ afterSeq, toSeq }, { dpuId: id as DpuId, firstMs, lastMs });
    expect([found.kind, found.entries.map(({ seq }) => seq)]).toEqual([kind, seqs]);
  },
);

it('T27 nothing is named if TOPOLOGY may have lost the entries, and has others in their place', () => {
  const named = (of: TopologyHistory, digest?: number): unknown[] => {
    const followed = { afterSeq: 5, toSeq: 6, ...(digest === undefined ? {} : { digest }) };
    const readings = { dpuId: 'a' as DpuId, firstMs: 1_000, lastMs: 1_200 };
    return new TopologyChanges(of).behind(followed, readings).entries.map(({ seq }) => seq);
  };
  const digest = topology.digestAt(6);
  expect(named(topology, digest)).toEqual([6]);
  const replaced = new TopologyHistory();
  for (const entry of topology.entries(0, 5)) replaced.apply(entry);
  replaced.apply({ seq: 6, fact: exclusion('a', 900, 1_300) });
  expect(named(replaced)).toEqual([6]);
  expect(named(replaced, digest)).toEqual([]);
  // Not every commit has a digest. Then nothing is certain once the logs were repaired.
  replaced.apply({
    seq: 7,
    fact: { kind: 'epoch', doc: { epoch: 1, begunMs: 0, spaceIdsAbove: 0, doorwayIdsAbove: 0 } },
  });
  expect(named(replaced)).toEqual([]);
  expect(named(replaced, replaced.digestAt(6))).toEqual([6]);
});
