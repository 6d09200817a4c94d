// Repairs of logs that went back, over the ports in memory: once is enough.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { TopologyFact } from '../../src/domain/topology.ts';
import { inspectLogs } from '../../src/recovery/inspect-logs.ts';
import { repairLogs, type RepairDeps } from '../../src/recovery/repair-logs.ts';
import { memoryPorts, PARTITIONS, type Ports } from '../conformance/ports.ts';

describe('a repair', () => {
  let ports: Ports;
  beforeEach(async () => (ports = await memoryPorts()));
  afterEach(async () => ports.close());

  it('L3 of a topology that has other entries than its copy is not needed again', async () => {
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
});

function space(id: number, name: string): TopologyFact {
  const dates = { createdMs: 0, updatedMs: 0, deleted: false };
  return {
    kind: 'space',
    doc: { id: id as SpaceId, name, timeZone: 'UTC', dailyReset: null, capacity: null, ...dates },
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
