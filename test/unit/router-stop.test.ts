// A router that is stopped while it restores ends, whatever it is waiting for.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import type { Router } from '../../src/router/router.ts';
import { memoryPorts, type Ports } from '../conformance/ports.ts';
import { commitHeader } from '../support/commit-header.ts';
import { routerOn } from '../support/router-on.ts';

const P0 = 0 as Partition;
let ports: Ports;
beforeAll(async () => {
  ports = await memoryPorts();
  await ports.events.commit(commitHeader({ router: P0, topologySeq: 7 }), new Map(), 0);
});
afterAll(async () => ports.close());

/** Its topology never catches up with the one that another process has routed with. */
function routerThatWaits(onWaiting: () => void): Router {
  return routerOn(ports, P0, {
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
