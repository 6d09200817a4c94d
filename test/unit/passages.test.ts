// Which spaces are asked who passed a doorway or a DPU, and when an interval is final.
import { expect, it } from 'vitest';
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { AsKnown } from '../../src/counts/as-known.ts';
import { Passages } from '../../src/counts/passages.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import type { PlacementRecord, TopologyFact } from '../../src/domain/topology.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { PassagesQuery } from '../../src/ports/history.ts';
import { fakeOf } from '../support/fake-of.ts';
import { intervalEvent } from '../support/interval-event.ts';

const [DOOR, BACK] = [1, 2] as [DoorwayId, DoorwayId];
const DPU = 'd' as DpuId;
const NOW = 70_000;

function doorway(id: DoorwayId, ingress: number | null, egress: number | null = null): TopologyFact {
  const sides = { ingressSpaceId: ingress as SpaceId | null, egressSpaceId: egress as SpaceId | null };
  return { kind: 'doorway', doc: { id, name: String(id), ...sides, createdMs: 0, updatedMs: 0, deleted: false } };
}

function dpu(...placements: [doorwayId: DoorwayId | null, fromMs: number][]): TopologyFact {
  const records = placements.map(([doorwayId, fromMs]): PlacementRecord => ({ doorwayId, fromMs }));
  return { kind: 'dpu', doc: { id: DPU, placements: records, createdMs: 0, updatedMs: 0, deleted: false } };
}

/** Nothing is stored. Space n has an unstored reading of one person more than the space before it, and a watermark. */
function asking(facts: readonly TopologyFact[], later: readonly TopologyFact[] = []) {
  const history = new TopologyHistory();
  const apply = (some: readonly TopologyFact[]): void => {
    for (const fact of some) history.apply({ seq: history.seq + 1, fact });
  };
  apply(facts);
  const asked: PassagesQuery[] = [];
  const report = async (spaceId: SpaceId): Promise<KnownReport> => {
    const event = { spaceId, dpuId: DPU, doorwayId: DOOR, timestampMs: 50, sign: 1 } as const;
    const unstored = [intervalEvent(event, [spaceId, 0])];
    const log = { epoch: 1, seq: 9, storedBlock: 3, isStale: false };
    return fakeOf<KnownReport>('report', { spaceId, ...log, unstored, watermarkMs: spaceId * 100 });
  };
  const passages = new Passages({
    topology: { history, catchUp: async () => apply([...later].splice(0, history.seq === facts.length ? 9 : 0)) },
    reports: { isCutOff: false, report },
    history: {
      passages: async (query) => {
        asked.push(query);
        return query.edgesMs.slice(1).map(() => ({ entrances: 0, exits: 0 }));
      },
    },
    asKnown: fakeOf<AsKnown>('AsKnown', {}),
    timing: { pause: async () => undefined },
    now: () => NOW,
  });
  return { passages, spaces: () => asked.flatMap((query) => query.spaces.map(({ spaceId }) => spaceId)) };
}

it('T25 asks about a doorway in every space that was ever its ingress space, or its egress space while it had no other', async () => {
  const { passages, spaces } = asking([
    doorway(DOOR, null, 4),
    doorway(DOOR, 2, 4),
    doorway(BACK, 7),
    doorway(DOOR, 1, 5),
  ]);
  const { intervals } = await passages.of({ doorwayId: DOOR }, () => [0, 100]);
  expect(spaces()).toEqual([4, 2, 1]);
  expect(intervals).toEqual([{ startMs: 0, endMs: 100, entrances: 7, exits: 0, isFinal: true }]);
});

it('T25 asks about a DPU in the spaces of all doorways at which any version of its placements had it in the span', async () => {
  const { passages, spaces } = asking([
    doorway(DOOR, 1),
    doorway(BACK, 2),
    doorway(3 as DoorwayId, 3),
    dpu([DOOR, -1]),
    dpu([DOOR, -1], [BACK, 40]),
    dpu([DOOR, -1], [BACK, 40], [3 as DoorwayId, 100]),
    dpu([DOOR, -1], [3 as DoorwayId, 100]),
  ]);
  expect((await passages.of({ dpuId: DPU }, () => [0, 40, 100])).intervals.map(({ entrances }) => entrances)).toEqual([
    0, 3,
  ]);
  expect(spaces()).toEqual([1, 2]);
});

it('T25 asks again if the topology is newer than what the process had read', async () => {
  const { passages, spaces } = asking([doorway(DOOR, 1)], [doorway(DOOR, 2)]);
  expect((await passages.of({ doorwayId: DOOR }, () => [0, 100])).intervals).toMatchObject([{ entrances: 3 }]);
  expect(spaces()).toEqual([1, 2]);
});

it('T25 an interval is final by the watermarks of the spaces in which its readings count now', async () => {
  const bounds = [0, 60, 101, 160, 201, 500];
  const of = async (...facts: TopologyFact[]): Promise<boolean[]> =>
    (await asking(facts).passages.of({ dpuId: DPU }, () => bounds)).intervals.map(({ isFinal }) => isFinal);
  const doors = [doorway(DOOR, 1), doorway(BACK, 2)];
  expect(await of(...doors, dpu([DOOR, -1]))).toEqual([true, true, false, false, false]);
  expect(await of(...doors, dpu([DOOR, -1], [BACK, 101]))).toEqual([true, true, true, true, false]);
  // Within the third interval it was at both.
  expect(await of(...doors, dpu([DOOR, -1], [BACK, 102]))).toEqual([true, true, false, true, false]);
  // At no doorway.
  expect(await of(...doors, dpu([null, -1], [BACK, 60], [null, 101]))).toEqual([false, true, false, false, false]);
});
