// A router routes on only with the topology that it has followed.
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import { LogWentBack } from '../../src/domain/log-mark.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { memoryPorts, type Ports } from '../conformance/ports.ts';
import { commitHeader } from '../support/commit-header.ts';
import { spaceCalled } from '../support/space-called.ts';
import { routerOn } from '../support/router-on.ts';

const P0 = 0 as Partition;
let ports: Ports;
beforeEach(async () => {
  ports = await memoryPorts();
});
afterEach(async () => ports.close());

function topologyOf(...names: readonly string[]): TopologyHistory {
  const topology = new TopologyHistory();
  for (const [n, name] of names.entries())
    topology.apply({ seq: n + 1, fact: { kind: 'space', doc: spaceCalled(name, n + 1) } });
  return topology;
}

/** One step of a router whose last commit has followed the first two spaces. @returns the sequence of its last commit */
async function step(followed: TopologyHistory, found: TopologyHistory): Promise<number> {
  const header = commitHeader({ router: P0, topologySeq: 2, topologyDigest: followed.digestAt(2) ?? null });
  await ports.events.commit(header, new Map(), 0);
  const router = routerOn(ports, P0, { topology: found });
  await router.restore();
  // So that the step ends.
  await ports.readings.tick(P0);
  try {
    await router.step();
  } finally {
    await router.stop();
  }
  return (await ports.events.lastCommit(P0)).seq;
}

it('L3 refuses a topology that was replaced behind it, and commits nothing', async () => {
  await expect(step(topologyOf('a', 'b'), topologyOf('a', 'x', 'c'))).rejects.toThrow(LogWentBack);
  expect((await ports.events.lastCommit(P0)).seq).toBe(1);
});

it('follows a topology that has grown', async () => {
  expect(await step(topologyOf('a', 'b'), topologyOf('a', 'b', 'c'))).toBeGreaterThan(1);
});
