// A router routes on only with the topology that it has followed.
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { LogWentBack } from '../../src/domain/log-mark.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { Router } from '../../src/router/router.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { memoryPorts, PARTITIONS, type Ports } from '../conformance/ports.ts';
import { commitHeader } from '../support/commit-header.ts';
import { spaceCalled } from '../support/space-called.ts';

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
  const router = new Router({
    partition: P0,
    partitions: PARTITIONS,
    epoch: new LogEpoch(),
    readings: ports.readings,
    events: ports.events,
    history: ports.history,
    deadLetters: ports.deadLetters,
    topology: found,
    times: { latestOf: ({ timeMs }) => timeMs, earliestMs: 0 },
    commitItems: 1_000,
    timing: MACHINE_TIMING,
    pageReadings: 10,
    newCommitId: () => 'c2',
    storedBeforeSeq: async () => 0,
    topologyCaughtUp: async () => Promise.resolve(),
    topologyReached: async () => Promise.resolve(),
  });
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
