// The span of the readings that a dry run of a deletion has to know.
import { expect, it } from 'vitest';
import { claimedSpan } from '../../src/counts/claimed-span.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import { readingOfIdentity, type Reading } from '../../src/domain/reading.ts';
import type { SingleFact } from '../../src/domain/topology.ts';
import { decideTopology } from '../../src/domain/topology-command.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { spacesBefore } from '../../src/domain/topology-change.ts';
import { wholeChange } from '../../src/domain/topology-place.ts';
import type { SeriesPlace } from '../../src/ports/history.ts';

const readingCalled = (id: string): Reading => {
  const reading = readingOfIdentity(id);
  if (!reading) throw new Error(`${id} is no reading`);
  return reading;
};
/** Standings at 1,000 to 7,000 ms, with two readings of another form among them. */
const STORED = [...[1, 2, 3, 4, 5, 6, 7].map((n) => `d~${n}000~t${n}-0`), 'd~3500~+', 'd~4500~-'].map(readingCalled);

/** As ClickHouse does: the standings at an instant, and at the nearest instants before and after it. */
async function neighbours([place]: readonly SeriesPlace[]): Promise<Reading[]> {
  const atMs = place?.timestampMs ?? 0;
  const standings = STORED.filter(({ measure }) => measure.startsWith('t'));
  const before = standings.filter(({ timestampMs }) => timestampMs < atMs).slice(-1);
  const after = standings.filter(({ timestampMs }) => timestampMs > atMs).slice(0, 1);
  return [...before, ...standings.filter(({ timestampMs }) => timestampMs === atMs), ...after];
}

async function spanOfDeleting(id: string, ...deletedBefore: string[]): Promise<unknown> {
  const history = new TopologyHistory();
  const deletionOf = (name: string): SingleFact =>
    decideTopology(history.latest(), { kind: 'deleteReading', reading: readingCalled(name), reason: 'a test' }, 9_000);
  for (const name of deletedBefore) history.apply({ seq: history.seq + 1, fact: deletionOf(name) });
  const facts = [deletionOf(id)];
  const change = wholeChange(history.supposing(facts), history.seq, history.seq + 1);
  return claimedSpan(change, facts, { neighbours });
}

it('T22 the span of a standing goes from the one before to the one after', async () => {
  expect(await spanOfDeleting('d~4000~t4-0')).toEqual({ fromMs: 3_000, toMs: 5_001 });
});

it('T22 the span of a standing passes over any number of deleted ones', async () => {
  const deleted = ['d~2000~t2-0', 'd~3000~t3-0', 'd~5000~t5-0', 'd~6000~t6-0'];
  expect(await spanOfDeleting('d~4000~t4-0', ...deleted)).toEqual({ fromMs: 1_000, toMs: 7_001 });
});

it('T22 the span of the last stored standing has no end, because the next one may not be stored yet', async () => {
  expect(await spanOfDeleting('d~1000~t1-0')).toEqual({ fromMs: BEGINNING_MS, toMs: 2_001 });
  expect(await spanOfDeleting('d~7000~t7-0')).toEqual({ fromMs: 6_000, toMs: END_MS });
  expect(await spanOfDeleting('d~1000~t1-0', 'd~2000~t2-0')).toEqual({ fromMs: BEGINNING_MS, toMs: 3_001 });
});

it('T22 the standing before is looked up in the space in which it counted', () => {
  const history = new TopologyHistory();
  const doorway = (id: number): SingleFact => ({
    kind: 'doorway',
    doc: {
      ...{ id: id as DoorwayId, name: `doorway ${id}`, ingressSpaceId: id as SpaceId, egressSpaceId: null },
      ...{ createdMs: 0, updatedMs: 0, deleted: false },
    },
  });
  const placements = [
    { doorwayId: 1 as DoorwayId, fromMs: BEGINNING_MS },
    { doorwayId: 2 as DoorwayId, fromMs: 1_500 },
  ];
  const dpu: SingleFact = {
    kind: 'dpu',
    doc: { id: 'd' as DpuId, placements, createdMs: 0, updatedMs: 0, deleted: false },
  };
  history.apply({ seq: 1, fact: { kind: 'batch', doc: [doorway(1), doorway(2), dpu] } });
  const command = { kind: 'deleteReading', reading: readingCalled('d~2000~t2-0'), reason: 'a test' } as const;
  const change = wholeChange(history.supposing([decideTopology(history.latest(), command, 9_000)]), 1, 2);
  expect([...spacesBefore(change, undefined)]).toEqual([2]);
  expect([...spacesBefore(change, { fromMs: 1_000, toMs: 3_001 })].sort()).toEqual([1, 2]);
});

it('T22 the span of a reading that counts by itself is its instant', async () => {
  expect(await spanOfDeleting('d~3500~+')).toEqual({ fromMs: 3_500, toMs: 3_501 });
});
