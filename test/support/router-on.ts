import type { Partition } from '../../src/domain/ids.ts';
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { Router, type RouterDeps } from '../../src/router/router.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { PARTITIONS, type Ports } from '../conformance/ports.ts';

/** A router that runs alone, with an empty topology that has caught up. */
export function routerOn(ports: Ports, partition: Partition, more: Partial<RouterDeps> = {}): Router {
  const { readings, events, history, deadLetters } = ports;
  return new Router({
    ...{ partition, partitions: PARTITIONS, epoch: new LogEpoch(), readings, events, history, deadLetters },
    topology: new TopologyHistory(),
    topologyCaughtUp: async () => undefined,
    topologyReached: async () => undefined,
    times: { latestOf: ({ timeMs }) => timeMs, earliestMs: 0 },
    commitItems: 1_000,
    pageReadings: 10,
    timing: MACHINE_TIMING,
    newCommitId: () => 'c2',
    storedBeforeSeq: async () => 0,
    ...more,
  });
}
