// Readings that were routed or stored under the previous form of id, `<dpu>.<id>`, keep that id.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import { fromTuple, toTuple, type EventTuple } from '../../src/domain/log-entry.ts';
import { readingIdOf } from '../../src/domain/reading.ts';
import { readingOf } from '../../src/domain/space-event.ts';
import type { Doorway, TopologyFact } from '../../src/domain/topology.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { ReadingMemory } from '../../src/router/reading-memory.ts';
import { pagesOf } from '../../src/router/reattribution.ts';
import { memoryPorts, type Ports } from '../conformance/ports.ts';
import { personMeasure } from '../../src/domain/measure.ts';

const [D, SPACE, DOORWAY] = ['d' as DpuId, 1 as SpaceId, 1 as DoorwayId];
const BEFORE: EventTuple = [SPACE, D, DOORWAY, 1_000, '+', 1, 0, 0, 1, 1, 'n', 1];
const NOW: EventTuple = [SPACE, D, DOORWAY, 1_000, '+', 1, 0, 0, 1, 1, 'n'];

describe('an event in the log', () => {
  it('keeps the id under which it was written, even when it is written again', () => {
    expect(fromTuple(BEFORE, 7)).toMatchObject({ readingId: 'd.n', hasPreviousId: true });
    expect(fromTuple(NOW, 7)).toMatchObject({ readingId: 'd~1000~+.n' });
    for (const tuple of [BEFORE, NOW, BEFORE.slice(0, 10) as EventTuple]) {
      expect(toTuple(fromTuple(tuple, 7))).toEqual(tuple);
      expect(readingIdOf(readingOf(fromTuple(tuple, 7)))).toBe(fromTuple(tuple, 7).readingId);
    }
  });
});

describe('a change of the topology', () => {
  let ports: Ports;
  let topology: TopologyHistory;
  beforeEach(async () => {
    ports = await memoryPorts();
    topology = new TopologyHistory();
    const dates = { createdMs: 0, updatedMs: 0, deleted: false };
    for (const id of [1, 2] as SpaceId[])
      apply({
        kind: 'space',
        doc: { id, name: `s${id}`, timeZone: 'UTC', dailyReset: null, capacity: null, ...dates },
      });
    leadTo(SPACE);
    apply({ kind: 'dpu', doc: { id: D, placements: [{ doorwayId: DOORWAY, fromMs: BEGINNING_MS }], ...dates } });
  });
  afterEach(async () => ports.close());

  const apply = (fact: TopologyFact): void => topology.apply({ seq: topology.seq + 1, fact });
  const leadTo = (ingressSpaceId: SpaceId): void =>
    apply({
      kind: 'doorway',
      doc: {
        id: DOORWAY,
        name: 'door',
        ingressSpaceId,
        egressSpaceId: null,
        createdMs: 0,
        updatedMs: 0,
        deleted: false,
      } satisfies Doorway,
    });
  const stored = async (...tuples: readonly EventTuple[]): Promise<void> =>
    ports.history.storeBlock(
      blockOf(
        0,
        0 as Partition,
        1,
        tuples.map((tuple) => fromTuple(tuple, 1)),
      ),
    );

  async function pages(memory: ReadingMemory): Promise<string[]> {
    const change = {
      before: topology.at(3),
      after: topology.at(4),
      spans: new Map([[D, [{ fromMs: BEGINNING_MS, toMs: END_MS }]]]),
      configs: [],
      settings: undefined,
    };
    const found: string[] = [];
    for await (const { readings } of pagesOf(change, undefined, ports.history, memory, 1))
      found.push(...readings.map(readingIdOf));
    return found;
  }

  it('moves a reading once if memory and history have it under different ids', async () => {
    await stored(BEFORE, [SPACE, D, DOORWAY, 2_000, '+', 1, 0, 0, 1, 1, 'm']);
    const memory = new ReadingMemory();
    for (const [timestampMs, name] of [
      [1_000, 'n'],
      [2_000, 'm'],
      [3_000, 'n'],
    ] as const)
      memory.remember({ dpuId: D, timestampMs, measure: personMeasure(1), name }, 1);
    expect(await pages(memory)).toEqual(['d.n', 'd~2000~+.m', 'd~3000~+.n']);
  });

  it('does not move a reading that was retracted because an earlier one had its id', async () => {
    await stored(
      BEFORE,
      [SPACE, D, DOORWAY, 2_000, '+', 1, 0, 0, 1, 1, 'n', 1],
      [SPACE, D, DOORWAY, 2_000, '+', 1, 0, 0, -1, 1, 'n', 1],
    );
    const memory = new ReadingMemory();
    // It was sent again.
    memory.remember({ dpuId: D, timestampMs: 2_000, measure: personMeasure(1), name: 'n' }, 1);
    expect(await pages(memory)).toEqual(['d.n']);
  });
});
