// Repairs of logs that went back, on ports in memory. A repaired log is not repaired again.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { loggedEvent } from '../../src/domain/log-entry.ts';
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { partitionOfSpace } from '../../src/domain/partition.ts';
import { attribute, type SpaceEvent } from '../../src/domain/space-event.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { TopologyFact } from '../../src/domain/topology.ts';
import { inspectLogs } from '../../src/recovery/inspect-logs.ts';
import { repairLogs, type RepairDeps } from '../../src/recovery/repair-logs.ts';
import { commitHeader } from '../support/commit-header.ts';
import { memoryPorts, PARTITIONS, type Ports } from '../conformance/ports.ts';
import { passedIn, personMeasure } from '../../src/domain/measure.ts';

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
    const [from, to] = [1 as SpaceId, 2 as SpaceId];
    const doorway = (id: SpaceId): TopologyFact => ({
      kind: 'doorway',
      doc: { id: id as number as DoorwayId, name: `w${id}`, ingressSpaceId: id, egressSpaceId: null, ...DATES },
    });
    const placements = [{ doorwayId: 1 as DoorwayId, fromMs: BEGINNING_MS }];
    const facts: TopologyFact[] = [
      space(from, 'a'),
      space(to, 'b'),
      doorway(from),
      doorway(to),
      { kind: 'dpu', doc: { id: DPU, placements, ...DATES } },
    ];
    for (const [seq, fact] of facts.entries()) await ports.topology.append(fact, seq);
    const deps = repairDeps(ports);
    await deps.catchUpTopology();
    const view = deps.topology.latest();
    const reading = { dpuId: DPU, timestampMs: 1_000, measure: personMeasure(1) };
    const [asserted] = attribute(view, reading, passedIn(reading.measure), 1);
    if (!asserted) throw new Error('the reading counts nowhere');
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
    const store = async (epoch: number, number: number, event: SpaceEvent): Promise<unknown> =>
      ports.history.storeBlock(
        blockOf(epoch, partitionOfSpace(event.spaceId, PARTITIONS), number, [loggedEvent(event, 0)], mark),
      );
    await store(0, 1, asserted);
    // The killed repair knew of a move that has been lost since.
    mark = { seq: 0, commitId: '' };
    await ports.recovery.beginEpoch(1);
    await store(1, 2, { ...asserted, sign: -1 });
    await store(1, 3, { ...asserted, spaceId: to, doorwayId: 2 as DoorwayId });

    await repairLogs(deps);
    const claims = await ports.recovery.claimsOf([reading]);
    expect(claims.filter(({ signs }) => signs !== 0).map(({ spaceId, signs }) => [spaceId, signs])).toEqual([
      [from, 1],
    ]);
  });
});

const DPU = 'd1' as DpuId;
const DATES = { createdMs: 0, updatedMs: 0, deleted: false };

function space(id: number, name: string): TopologyFact {
  return {
    kind: 'space',
    doc: { id: id as SpaceId, name, timeZone: 'UTC', dailyReset: null, capacity: null, ...DATES },
  };
}

function repairDeps(ports: Ports): RepairDeps {
  const topology = new TopologyHistory();
  const catchUpTopology = async (): Promise<void> => {
    for (const end = await ports.topology.lastSeq(); topology.seq < end;) {
      const fact = await ports.topology.at(topology.seq + 1);
      if (!fact) throw new Error('TOPOLOGY is shorter than it was');
      topology.apply({ seq: topology.seq + 1, fact });
    }
  };
  let commits = 0;
  return {
    ...ports,
    partitions: PARTITIONS,
    epoch: new LogEpoch(),
    topology,
    catchUpTopology,
    topologyReached: catchUpTopology,
    topologyLog: ports.topology,
    partitionRecords: ports.records,
    records: ports.recovery,
    newCommitId: () => `repair-${++commits}`,
    nowMs: () => 0,
  };
}
