// Repairs of logs that went back, on ports in memory. A repaired log is not repaired again.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { loggedEvent } from '../../src/domain/log-entry.ts';
import type { CommitMark } from '../../src/domain/log-mark.ts';
import { partitionOfSpace } from '../../src/domain/partition.ts';
import { attribute, type SpaceEvent } from '../../src/domain/space-event.ts';
import { TopologyHistory, type TopologyView } from '../../src/domain/topology-history.ts';
import type { TopologyFact } from '../../src/domain/topology.ts';
import { inspectLogs } from '../../src/recovery/inspect-logs.ts';
import { repairLogs, type RepairDeps } from '../../src/recovery/repair-logs.ts';
import { commitHeader } from '../support/commit-header.ts';
import { repairDeps } from '../support/repair-deps.ts';
import { memoryPorts, PARTITIONS, type Ports } from '../conformance/ports.ts';
import {
  passedIn,
  personMeasure,
  revisionMeasure,
  standingMeasure,
  type Measure,
  type Passed,
} from '../../src/domain/measure.ts';
import type { Reading } from '../../src/domain/reading.ts';

describe('a repair', () => {
  let ports: Ports;
  beforeEach(async () => (ports = await memoryPorts()));
  afterEach(async () => ports.close());

  it('L3 of a topology that differs from its copy is done once', async () => {
    // An older copy of the store was restored: the log has `b` and `c` where `x`, `y` and `z` had been copied.
    const other = new TopologyHistory();
    for (const [n, name] of ['a', 'x', 'y', 'z', 'w'].entries()) other.apply({ seq: n + 1, fact: space(n + 1, name) });
    await ports.recovery.copyTopology(
      other.entries(0, other.seq).map((entry) => ({ ...entry, digest: other.digestAt(entry.seq) ?? 0 })),
      0,
    );
    for (const [n, name] of ['a', 'b', 'c'].entries()) await ports.topology.append(space(n + 1, name), n);

    const deps = repairDeps(ports);
    expect((await inspectLogs(deps)).map(({ log }) => log)).toContain('TOPOLOGY');
    expect((await repairLogs(deps)).topology).toEqual({ restored: 0, lost: 4 });
    await deps.catchUpTopology();
    expect((await inspectLogs(deps)).map(({ log }) => log)).not.toContain('TOPOLOGY');
    expect(
      deps.topology
        .latest()
        .spaces()
        .map(({ name }) => name),
    ).toEqual(['a', 'b', 'c']);
  });

  it('L3 checks again what a killed repair has stored', async () => {
    const { deps, view, mark } = await twoSpaces(ports);
    const reading = { dpuId: DPU, timestampMs: 1_000, measure: personMeasure(1) };
    const asserted = eventOf(view, reading, passedIn(reading.measure));
    await store(ports, mark, 1, asserted);
    // The one that was killed knew of a move, which was lost before this one.
    const none = { seq: 0, commitId: '' };
    await ports.recovery.beginEpoch(1);
    await store(ports, none, 2, { ...asserted, sign: -1 }, 1);
    await store(ports, none, 3, { ...asserted, spaceId: 2 as SpaceId, doorwayId: 2 as DoorwayId }, 1);

    await repairLogs(deps);
    const claims = await ports.recovery.claimsOf([reading]);
    expect(claims.filter(({ signs }) => signs !== 0).map(({ spaceId, signs }) => [spaceId, signs])).toEqual([[1, 1]]);
  });

  const standing = (timestampMs: number, totalEntrances: number): Reading => ({
    dpuId: DPU,
    timestampMs,
    measure: standingMeasure({ totalEntrances, totalExits: 0, counterEpoch: null }),
  });
  const revision = (entrances: number, of: number): Reading => ({
    dpuId: DPU,
    timestampMs: 2_000,
    measure: revisionMeasure({ entrances, exits: 0, startMs: 1_000, revision: of }),
  });
  it.each([
    ['a standing', [standing(1_000, 100), 0], [standing(3_000, 110), 10, 4], [standing(2_000, 106), 6]],
    ['a revision', [revision(9, 0), 0], [revision(7, 1), 7, 0], [revision(8, 2), 8]],
  ] as const)(
    'L3 corrects the reading that depends on %s whose commit is lost',
    async (_, [other, itsPeople], [dependent, before, after], [stored, people]) => {
      const { deps, view, mark } = await twoSpaces(ports);
      const entered = (reading: Reading, entrances: number): SpaceEvent =>
        eventOf(view, reading, { entrances, exits: 0 });
      await store(ports, mark, 1, entered(other, itsPeople));
      await store(ports, mark, 2, entered(dependent, before));
      // Its row is in ClickHouse, and what its commit says of the other one is lost.
      await store(ports, { seq: mark.seq + 1, commitId: 'lost' }, 3, entered(stored, people));

      await repairLogs(deps);
      const claims = await ports.recovery.claimsOf([other, dependent, stored]);
      const asserted = claims
        .filter(({ signs }) => signs !== 0)
        .map(({ measure, entrances, signs }): [Measure, number, number] => [measure, entrances, signs]);
      expect(new Set(asserted)).toEqual(
        new Set([
          [other.measure, itsPeople, 1],
          [dependent.measure, after, 1],
          [stored.measure, people, 1],
        ]),
      );
    },
  );
});

const DPU = 'd1' as DpuId;
const DATES = { createdMs: 0, updatedMs: 0, deleted: false };

function space(id: number, name: string): TopologyFact {
  return {
    kind: 'space',
    doc: { id: id as SpaceId, name, timeZone: 'UTC', dailyReset: null, capacity: null, ...DATES },
  };
}

/** Two spaces with a doorway each, a DPU above the first, and a commit of each router. @returns the mark of the last one, too */
async function twoSpaces(ports: Ports): Promise<{ deps: RepairDeps; view: TopologyView; mark: CommitMark }> {
  const doorway = (id: number): TopologyFact => ({
    kind: 'doorway',
    doc: { id: id as DoorwayId, name: `w${id}`, ingressSpaceId: id as SpaceId, egressSpaceId: null, ...DATES },
  });
  const placements = [{ doorwayId: 1 as DoorwayId, fromMs: BEGINNING_MS }];
  const facts: TopologyFact[] = [
    space(1, 'a'),
    space(2, 'b'),
    doorway(1),
    doorway(2),
    { kind: 'dpu', doc: { id: DPU, placements, ...DATES } },
  ];
  for (const [seq, fact] of facts.entries()) await ports.topology.append(fact, seq);
  const deps = repairDeps(ports);
  await deps.catchUpTopology();
  const view = deps.topology.latest();
  let mark = { seq: 0, commitId: '' };
  for (let router = 0; router < PARTITIONS; router++) {
    const header = commitHeader({
      router: router as Partition,
      commitId: `c${router}`,
      topologySeq: view.seq,
      topologyDigest: deps.topology.digestAt(view.seq) ?? null,
    });
    const outcome = await ports.events.commit(header, new Map(), 0);
    if (outcome.kind === 'committed') mark = { seq: outcome.seq, commitId: header.commitId };
  }
  return { deps, view, mark };
}

/** Where a reading of DPU counts. */
function eventOf(view: TopologyView, reading: Reading, passed: Passed): SpaceEvent {
  const [event] = attribute(view, reading, passed, 1);
  if (!event) throw new Error('the reading counts nowhere');
  return event;
}

async function store(ports: Ports, mark: CommitMark, number: number, event: SpaceEvent, epoch = 0): Promise<void> {
  const partition = partitionOfSpace(event.spaceId, PARTITIONS);
  await ports.history.storeBlock(blockOf(epoch, partition, number, [loggedEvent(event, 0)], mark));
}
