// During a move, readings up to its place count under the new topology, and later ones still under the old one.
import { expect, it } from 'vitest';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { personMeasure } from '../../src/domain/measure.ts';
import { doorwayAt } from '../../src/domain/placement.ts';
import type { Reading } from '../../src/domain/reading.ts';
import { viewsOf } from '../../src/recovery/view-of-reading.ts';
import { placeOf } from '../../src/router/reattribution.ts';
import { commitHeader } from '../support/commit-header.ts';
import { memoryTopology } from '../support/memory-topology.ts';

const [ROUTER, DPU] = [0 as Partition, 'd' as DpuId];
const [OLD, NEW] = [1 as DoorwayId, 2 as DoorwayId];
const readingAt = (timestampMs: number): Reading => ({ dpuId: DPU, timestampMs, measure: personMeasure(1) });

it('until the move is committed', async () => {
  const { topology } = memoryTopology();
  const { history } = topology;
  const hall = { name: 'hall', timeZone: 'UTC', dailyReset: null, capacity: null };
  await topology.execute({ kind: 'createSpace', fields: hall }, 'loopback');
  const sides = { ingressSpaceId: 1 as SpaceId, egressSpaceId: null };
  for (const name of ['old', 'new'])
    await topology.execute({ kind: 'createDoorway', fields: { name, ...sides } }, 'loopback');
  await topology.execute({ kind: 'createDpu', id: DPU, doorwayId: OLD, effectiveMs: 0 }, 'loopback');
  const before = history.seq;
  await topology.execute({ kind: 'placeDpu', id: DPU, doorwayId: NEW, effectiveMs: 100 }, 'loopback');

  const doorwaysUnder = (header: ReturnType<typeof commitHeader> | undefined): unknown => {
    const [viewOf, isLost] = viewsOf(history, new Map([[ROUTER, header]]), 1);
    const doorways = [50, 150, 250, 350].map((ms) => doorwayAt(viewOf(readingAt(ms)).dpu(DPU)?.placements ?? [], ms));
    return [doorways, isLost, viewOf.progressOf(ROUTER)];
  };
  const reattribution = { toSeq: history.seq, after: placeOf(readingAt(250)) };
  expect(doorwaysUnder(commitHeader({ topologySeq: before }))).toEqual([
    [OLD, OLD, OLD, OLD],
    false,
    { topologySeq: before, reattribution: null },
  ]);
  expect(doorwaysUnder(commitHeader({ topologySeq: before, reattribution }))).toEqual([
    [OLD, NEW, NEW, OLD],
    false,
    { topologySeq: before, reattribution },
  ]);
  const whole = [[OLD, NEW, NEW, NEW], { topologySeq: history.seq, reattribution: null }] as const;
  expect(doorwaysUnder(undefined)).toEqual([whole[0], false, whole[1]]);
  // The router had followed a topology that is not in the log any more.
  expect(doorwaysUnder(commitHeader({ topologySeq: history.seq + 1 }))).toEqual([whole[0], true, whole[1]]);
});
