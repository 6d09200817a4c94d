// A router that is told to stop while it restores ends, whatever it was waiting for.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { Router } from '../../src/router/router.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { memoryPorts, PARTITIONS, type Ports } from '../conformance/ports.ts';

const P0 = 0 as Partition;
let ports: Ports;
beforeAll(async () => {
  ports = await memoryPorts();
  const counters = { received: 0, fresh: 0, held: 0, duplicate: 0, dead: 0 };
  await ports.events.commit({ kind: 'position', router: P0, commitId: 'c1', previousSeq: 0, payloads: {}, readingsSeq: 0, previousReadingsSeq: 0, backlogs: [], isMove: false, topologySeq: 7, reattribution: null, previousFormSeq: 0, clockMs: BEGINNING_MS, counters }, [], 0);
});
afterAll(async () => ports.close());

/** Its topology does not come to what another process has routed with. */
function routerThatWaits(onWaiting: () => void): Router {
  return new Router({
    partition: P0, partitions: PARTITIONS, readings: ports.readings, events: ports.events, history: ports.history, deadLetters: ports.deadLetters,
    topology: new TopologyHistory(), skewMs: 0, fairBytes: 1_000, timing: MACHINE_TIMING, pageReadings: 10, newCommitId: () => 'c2', storedBeforeSeq: async () => 0,
    topologyReached: async () => {
      onWaiting();
      return new Promise(() => undefined);
    },
  });
}

it('stops before it has heard its last position', async () => {
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
