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
import { unreadableIn } from '../../src/recovery/unreadable-readings.ts';
import { commitHeader } from '../support/commit-header.ts';
import { instead } from '../support/instead.ts';
import { repairDeps } from '../support/repair-deps.ts';
import { memoryPorts, PARTITIONS, type MemoryPorts, type Ports } from '../conformance/ports.ts';
import {
  passedIn,
  personMeasure,
  revisionMeasure,
  standingMeasure,
  type Measure,
  type Passed,
} from '../../src/domain/measure.ts';
import { identityOf, type Reading } from '../../src/domain/reading.ts';
import type { ReadingPlace } from '../../src/domain/commit.ts';
import { placeOf } from '../../src/router/reattribution.ts';

describe('a repair', () => {
  let ports: MemoryPorts;
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
    await ports.recovery.beginEpoch(1, '');
    await store(ports, none, 2, { ...asserted, sign: -1 }, 1);
    await store(ports, none, 3, { ...asserted, spaceId: 2 as SpaceId, doorwayId: 2 as DoorwayId }, 1);

    await repairLogs(deps);
    const claims = await ports.recovery.claimsOf([reading]);
    expect(claims.filter(({ signs }) => signs !== 0).map(({ spaceId, signs }) => [spaceId, signs])).toEqual([[1, 1]]);
  });

  it('L3 reports the messages that repairs before it had found when they were killed', async () => {
    for (let n = 0; n < 5; n++) await ports.readings.tick(0 as Partition);
    ports.streams.readings.damage(2);
    ports.streams.readings.damage(3);
    const history = instead(ports.history, { lastBlock: async () => Promise.reject(new Error('killed')) });
    const first = repairDeps({ ...ports, history }, ports.epoch);
    expect(await inspectLogs(first)).not.toEqual([]);
    await expect(repairLogs(first)).rejects.toThrow('killed');

    const second = repairDeps(ports, ports.epoch);
    // It looks for no messages before the epoch is finished.
    expect((await inspectLogs(second)).map(({ log }) => log)).toEqual(['epoch']);
    const { unreadable } = await repairLogs(second);
    expect(unreadable).toMatchObject({ messages: 2, ranges: [[2, 3]] });
    expect((await ports.recovery.reports(1)).map(({ report }) => unreadableIn(report))).toEqual([unreadable]);
    // The first process may live on, and does not report them again.
    expect(await first.unreadable.report()).toBe(undefined);
    await ports.recovery.beginEpoch(3, '');
    expect((await repairLogs(repairDeps(ports, ports.epoch))).unreadable).toBe(undefined);
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
      // Its row is in ClickHouse, and its commit, which also has the other reading's, is lost.
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

  it.each([
    ['is deleted', false],
    // The router has got as far as that standing, and not to the next one.
    ['is being restored', true],
  ])('L3 T21 corrects the standing that depends on a lost one, beyond one that %s', async (_, restoring) => {
    const [first, fresh, deleted, next] = [
      standing(1_000, 100),
      standing(2_000, 106),
      standing(2_500, 109),
      standing(3_000, 110),
    ] as const;
    const doc = { dpuId: DPU, readingId: identityOf(deleted), reason: '', recordedMs: 0, restored: false };
    const deletion: TopologyFact = { kind: 'deletion', doc };
    const restoration: TopologyFact = { kind: 'deletion', doc: { ...doc, restored: true } };
    const { deps, view, mark } = await twoSpaces(
      ports,
      [deletion],
      restoring ? [restoration, placeOf(deleted)] : undefined,
    );
    const entered = (reading: Reading, entrances: number): SpaceEvent =>
      eventOf(view, reading, { entrances, exits: 0 });
    await store(ports, mark, 1, entered(first, 0));
    await store(ports, mark, 1, entered(deleted, 0));
    await store(ports, mark, 2, entered(next, 10));
    await store(ports, { seq: mark.seq + 1, commitId: 'lost' }, 3, entered(fresh, 6));

    await repairLogs(deps);
    const claims = await ports.recovery.claimsOf([first, fresh, deleted, next]);
    const asserted = claims
      .filter(({ signs }) => signs !== 0)
      .map(({ spaceId, timestampMs, entrances, signs }) => [timestampMs, spaceId, entrances, signs]);
    expect(asserted.sort(([a = 0], [b = 0]) => a - b)).toEqual([
      [1_000, 1, 0, 1],
      [2_000, 1, 6, 1],
      // The next standing still counts as if it was deleted, and the router will correct that.
      restoring ? [2_500, 1, 3, 1] : [2_500, 0, 0, 1],
      [3_000, 1, 4, 1],
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

/** Two spaces with a doorway each, a DPU above the first, and a commit of each router. @returns the mark of the last one, too */
async function twoSpaces(
  ports: Ports,
  more: readonly TopologyFact[] = [],
  progress?: readonly [change: TopologyFact, after: ReadingPlace],
): Promise<{ deps: RepairDeps; view: TopologyView; mark: CommitMark }> {
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
    ...more,
  ];
  for (const [seq, fact] of facts.entries()) await ports.topology.append(fact, seq);
  const deps = repairDeps(ports);
  await deps.catchUpTopology();
  const view = deps.topology.latest();
  const reattribution = progress ? { toSeq: view.seq + 1, after: progress[1] } : null;
  if (progress) await ports.topology.append(progress[0], view.seq);
  await deps.catchUpTopology();
  let mark = { seq: 0, commitId: '' };
  for (let router = 0; router < PARTITIONS; router++) {
    const header = commitHeader({
      router: router as Partition,
      commitId: `c${router}`,
      topologySeq: view.seq,
      topologyDigest: deps.topology.digestAt(view.seq) ?? null,
      reattribution,
    });
    const outcome = await ports.events.commit(header, new Map(), 0);
    if (outcome.kind === 'committed') mark = { seq: outcome.seq, commitId: header.commitId };
  }
  return { deps, view, mark };
}

/** The spaces in which a reading of the DPU counts. */
function eventOf(view: TopologyView, reading: Reading, passed: Passed): SpaceEvent {
  const [event] = attribute(view, reading, passed, 1);
  if (!event) throw new Error('the reading counts nowhere');
  return event;
}

async function store(ports: Ports, mark: CommitMark, number: number, event: SpaceEvent, epoch = 0): Promise<void> {
  const partition = partitionOfSpace(event.spaceId, PARTITIONS);
  await ports.history.storeBlock(blockOf(epoch, partition, number, [loggedEvent(event, 0)], mark));
}
