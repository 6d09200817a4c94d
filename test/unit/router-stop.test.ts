// A router that is stopped while it restores ends, whatever it is waiting for.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { Router } from '../../src/router/router.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { memoryPorts, PARTITIONS, type Ports } from '../conformance/ports.ts';
import { commitHeader } from '../support/commit-header.ts';
import { LogEpoch } from '../../src/domain/log-epoch.ts';

const P0 = 0 as Partition;
let ports: Ports;
beforeAll(async () => {
  ports = await memoryPorts();
  await ports.events.commit(commitHeader({ router: P0, topologySeq: 7 }), new Map(), 0);
});
afterAll(async () => ports.close());

/** Its topology never catches up with the one that another process has routed with. */
function routerThatWaits(onWaiting: () => void): Router {
  return new Router({
    partition: P0,
    partitions: PARTITIONS,
    epoch: new LogEpoch(),
    readings: ports.readings,
    events: ports.events,
    history: ports.history,
    deadLetters: ports.deadLetters,
    topology: new TopologyHistory(),
    times: { latestOf: ({ timeMs }) => timeMs, earliestMs: 0 },
    commitItems: 1_000,
    timing: MACHINE_TIMING,
    pageReadings: 10,
    newCommitId: () => 'c2',
    storedBeforeSeq: async () => 0,
    topologyCaughtUp: async () => Promise.resolve(),
    topologyReached: async () => {
      onWaiting();
      return new Promise(() => undefined);
    },
  });
}

it('stops before it has read its last commit', async () => {
  const router = routerThatWaits(() => undefined);
  const restoring = router.restore();
  await router.stop();
  await expect(restoring).resolves.toBeUndefined();
}, 60_000);

it('stops while it waits for the topology', async () => {
  let waiting: () => void = () => undefined;
  const isWaiting = new Promise<void>((resolve) => (waiting = resolve));
  const router = routerThatWaits(waiting);
  const restoring = router.restore();
  await isWaiting;
  await router.stop();
  await expect(restoring).resolves.toBeUndefined();
}, 60_000);
