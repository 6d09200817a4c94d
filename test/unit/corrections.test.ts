// Which readings a deletion corrects, of those that a dry run knows.
import { expect, it } from 'vitest';
import { correctionsOf } from '../../src/counts/corrections.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import { readingOfIdentity, type Reading } from '../../src/domain/reading.ts';
import { attribute } from '../../src/domain/space-event.ts';
import { decideTopology } from '../../src/domain/topology-command.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { wholeChange } from '../../src/domain/topology-place.ts';

const readingCalled = (id: string): Reading => {
  const reading = readingOfIdentity(id);
  if (!reading) throw new Error(`${id} is no reading`);
  return reading;
};

function topology(): TopologyHistory {
  const history = new TopologyHistory();
  const stamps = { createdMs: 0, updatedMs: 0, deleted: false };
  const doorway = { id: 1 as DoorwayId, name: 'door', ingressSpaceId: 1 as SpaceId, egressSpaceId: null, ...stamps };
  const placements = [{ doorwayId: 1 as DoorwayId, fromMs: BEGINNING_MS }];
  const dpu = { id: 'd' as DpuId, placements, ...stamps };
  const doc = [{ kind: 'doorway', doc: doorway } as const, { kind: 'dpu', doc: dpu } as const];
  history.apply({ seq: 1, fact: { kind: 'batch', doc } });
  return history;
}

it('T22 leaves a standing as it is if it is not stored, and the one before it was not looked up', () => {
  const history = topology();
  const claim = (id: string, entrances: number): LoggedEvent[] =>
    attribute(history.latest(), readingCalled(id), { entrances, exits: 0 }, 1).map((event) => loggedEvent(event, 1));
  // The one at 5,000 is stored, and lies outside of the span.
  const claims = [
    ...claim('d~1000~t1-0', 1),
    ...claim('d~2000~t2-0', 1),
    ...claim('d~3000~t3-0', 1),
    ...claim('d~6000~t9-0', 4),
  ];
  const command = { kind: 'deleteReading', reading: readingCalled('d~2000~t2-0'), reason: 'a test' } as const;
  const change = wholeChange(history.supposing([decideTopology(history.latest(), command, 9_000)]), 1, 2);
  const { corrections } = correctionsOf(change, claims, { fromMs: 1_000, toMs: 3_001 });
  expect(corrections.map(({ firstMs, lastMs, from, to }) => [firstMs, lastMs, from.entrances, to.entrances])).toEqual([
    [2_000, 2_000, 1, 0],
    [3_000, 3_000, 1, 2],
  ]);
});
