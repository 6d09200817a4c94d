// Readings that were routed or stored when `<dpu>.<id>` was the id of a named reading keep that id.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blockOf } from '../../actors/shard/block.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import { decodeEntry, encodePosition, encodeSpaceEntry, fromTuple, toTuple, type EventTuple, type LoggedEvent, type PositionEntry } from '../../src/domain/log-entry.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import { readingIdOf } from '../../src/domain/reading.ts';
import { readingOf } from '../../src/domain/space-event.ts';
import type { Doorway, TopologyFact } from '../../src/domain/topology.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { ReadingMemory } from '../../src/router/reading-memory.ts';
import { pagesOf } from '../../src/router/reattribution.ts';
import { Router } from '../../src/router/router.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { memoryPorts, PARTITIONS, type Ports } from '../conformance/ports.ts';
import { readTo } from '../support/read-log.ts';

const [D, SPACE, DOORWAY] = ['d' as DpuId, 1 as SpaceId, 1 as DoorwayId];
const ROUTER = partitionOfDpu(D, PARTITIONS);
const BEFORE: EventTuple = [SPACE, D, DOORWAY, 1_000, 1, 1, 1, 1, 'n'];
const NOW: EventTuple = [...BEFORE.slice(0, 8), 'n', 1] as unknown as EventTuple;

describe('an event of the log', () => {
  it('has the id that it had when it was written, also when it is written again', () => {
    expect(fromTuple(BEFORE, 7)).toMatchObject({ readingId: 'd.n', hasPreviousId: true });
    expect(fromTuple(NOW, 7)).toMatchObject({ readingId: 'd~1000~+.n' });
    for (const tuple of [BEFORE, NOW, BEFORE.slice(0, 8) as EventTuple]) {
      expect(toTuple(fromTuple(tuple, 7))).toEqual(tuple);
      expect(readingIdOf(readingOf(fromTuple(tuple, 7)))).toBe(fromTuple(tuple, 7).readingId);
    }
  });

  it('is preceded by a position that says up to where ids had the previous form', () => {
    const { previousFormSeq, ...before } = position({ readingsSeq: 40 });
    expect(previousFormSeq).toBe(0);
    expect(decodeEntry({ seq: 1, data: new TextEncoder().encode(JSON.stringify({ v: 1, ...before })) })).toMatchObject({ previousFormSeq: 40 });
    expect(decodeEntry({ seq: 1, data: encodePosition(position({ readingsSeq: 40 })) })).toMatchObject({ previousFormSeq: 0 });
  });
});

function position(some: Partial<PositionEntry>): PositionEntry {
  return {
    kind: 'position', router: ROUTER, commitId: 'c', previousSeq: 0, payloads: {}, readingsSeq: 0, previousReadingsSeq: 0, backlogs: [], isMove: false, topologySeq: 0,
    reattribution: null, previousFormSeq: 0, clockMs: BEGINNING_MS, counters: { received: 0, fresh: 0, held: 0, duplicate: 0, dead: 0 }, ...some,
  };
}

describe('a change of the topology', () => {
  let ports: Ports;
  let topology: TopologyHistory;
  beforeEach(async () => {
    ports = await memoryPorts();
    topology = new TopologyHistory();
    const dates = { createdMs: 0, updatedMs: 0, deleted: false };
    for (const id of [1, 2] as SpaceId[]) apply({ kind: 'space', doc: { id, name: `s${id}`, timeZone: 'UTC', dailyReset: null, capacity: null, ...dates } });
    leadTo(SPACE);
    apply({ kind: 'dpu', doc: { id: D, placements: [{ doorwayId: DOORWAY, fromMs: BEGINNING_MS }], ...dates } });
  });
  afterEach(async () => ports.close());

  const apply = (fact: TopologyFact): void => topology.apply({ seq: topology.seq + 1, fact });
  const leadTo = (ingressSpaceId: SpaceId): void => apply({ kind: 'doorway', doc: { id: DOORWAY, name: 'door', ingressSpaceId, egressSpaceId: null, createdMs: 0, updatedMs: 0, deleted: false } satisfies Doorway });
  const stored = async (...tuples: readonly EventTuple[]): Promise<void> => ports.history.storeBlock(blockOf(0 as Partition, 1, tuples.map((tuple) => fromTuple(tuple, 1))));

  async function pages(memory: ReadingMemory): Promise<string[]> {
    const change = { before: topology.at(3), after: topology.at(4), spans: new Map([[D, [{ fromMs: BEGINNING_MS, toMs: END_MS }]]]), configs: [], settings: undefined };
    const found: string[] = [];
    for await (const { readings } of pagesOf(change, undefined, ports.history, memory, 1)) found.push(...readings.map(readingIdOf));
    return found;
  }

  it('concerns a reading once that memory and history have under different ids', async () => {
    await stored(BEFORE, [SPACE, D, DOORWAY, 2_000, 1, 1, 1, 1, 'm', 1]);
    const memory = new ReadingMemory();
    for (const [timestampMs, name] of [[1_000, 'n'], [2_000, 'm'], [3_000, 'n']] as const) memory.remember({ dpuId: D, timestampMs, direction: 1, name }, 1);
    expect(await pages(memory)).toEqual(['d.n', 'd~2000~+.m', 'd~3000~+.n']);
  });

  it('does not concern a reading that was retracted because an earlier one had its id', async () => {
    await stored(BEFORE, [SPACE, D, DOORWAY, 2_000, 1, 1, 1, 1, 'n'], [SPACE, D, DOORWAY, 2_000, 1, 1, -1, 1, 'n']);
    const memory = new ReadingMemory();
    // It was sent again.
    memory.remember({ dpuId: D, timestampMs: 2_000, direction: 1, name: 'n' }, 1);
    expect(await pages(memory)).toEqual(['d.n']);
  });

  /** What the previous version has left of one reading, and a router of this version that takes over. */
  async function takenOver(name: string | undefined): Promise<{ router: Router; settle: () => Promise<void> }> {
    const text = JSON.stringify({ timestamp: new Date(1_000).toISOString(), direction: 1, ...(name === undefined ? {} : { id: name }) });
    await ports.readings.append(D, new TextEncoder().encode(text));
    const event = fromTuple(name === undefined ? BEFORE.slice(0, 8) as EventTuple : BEFORE, 1);
    const data = encodeSpaceEntry({ events: [event], heartbeats: [], configs: [], settings: undefined });
    await ports.events.commit(position({ readingsSeq: 1, previousFormSeq: 1, payloads: { [ROUTER]: 1 }, topologySeq: topology.seq }), [{ partition: ROUTER, data }], 0);
    const router = new Router({
      partition: ROUTER, partitions: PARTITIONS, readings: ports.readings, events: ports.events, history: ports.history, deadLetters: ports.deadLetters, topology,
      skewMs: 0, fairBytes: 1_000, timing: MACHINE_TIMING, pageReadings: 10, newCommitId: () => String(Math.random()), storedBeforeSeq: async () => 0, topologyReached: async () => undefined,
    });
    await router.restore();
    leadTo(2 as SpaceId);
    return {
      router,
      settle: async () => {
        await ports.readings.tick(ROUTER);
        await router.step();
      },
    };
  }

  async function eventsOfMoves(): Promise<Pick<LoggedEvent, 'spaceId' | 'readingId' | 'sign'>[]> {
    const end = await ports.events.end();
    const entries = await Promise.all(Array.from({ length: PARTITIONS }, async (_, k) => readTo(await ports.events.open(k as Partition, 0), end)));
    return entries.flat().filter(({ subject }) => subject.startsWith('spaces.')).sort((a, b) => a.seq - b.seq)
      .flatMap((entry) => { const decoded = decodeEntry(entry); return decoded.kind === 'space' ? decoded.events : []; })
      .slice(1).map(({ spaceId, readingId, sign }) => ({ spaceId, readingId, sign }));
  }

  it('waits until ClickHouse holds the named readings that the previous version routed', async () => {
    const { router, settle } = await takenOver('n');
    await settle();
    expect(router.position).toMatchObject({ readingsSeq: 2, topologySeq: 4, previousFormSeq: 1 });
    await stored(BEFORE);
    router.forgetStored(await ports.events.end() + 1);
    await settle();
    expect(router.position).toMatchObject({ readingsSeq: 3, topologySeq: 5, previousFormSeq: 0 });
    expect(await eventsOfMoves()).toEqual([{ spaceId: 1, readingId: 'd.n', sign: -1 }, { spaceId: 2, readingId: 'd.n', sign: 1 }]);
    await router.stop();
  });

  it('waits for nothing where the DPUs named none', async () => {
    const { router, settle } = await takenOver(undefined);
    await settle();
    expect(router.position).toMatchObject({ readingsSeq: 2, topologySeq: 5, previousFormSeq: 0 });
    expect(await eventsOfMoves()).toEqual([{ spaceId: 1, readingId: 'd~1000~+', sign: -1 }, { spaceId: 2, readingId: 'd~1000~+', sign: 1 }]);
    await router.stop();
  });
});
