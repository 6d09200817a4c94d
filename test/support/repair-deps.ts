// What a repair of the logs needs, on the ports in memory.
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { RepairDeps } from '../../src/recovery/repair-logs.ts';
import { UnreadableReadings } from '../../src/recovery/unreadable-readings.ts';
import { PARTITIONS, type Ports } from '../conformance/ports.ts';

/** @param epoch that of `ports.events` */
export function repairDeps(ports: Ports, epoch = new LogEpoch()): RepairDeps {
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
    unreadable: new UnreadableReadings({
      readings: ports.readings,
      records: ports.recovery,
      storedSeq: async () => Infinity,
    }),
    partitions: PARTITIONS,
    epoch,
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
