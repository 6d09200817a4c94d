// The ids of resets, including those of resets that an earlier version stored without one.
import { expect, it } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import type { TopologyFact } from '../../src/domain/topology.ts';
import { decideTopology, type TopologyCommand } from '../../src/domain/topology-command.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { spaceCalled } from '../support/space-called.ts';

const [HALL, CAFE] = [1 as SpaceId, 2 as SpaceId];

function topologyOf(...facts: TopologyFact[]): TopologyHistory {
  const history = new TopologyHistory();
  for (const [index, fact] of facts.entries()) history.apply({ seq: index + 1, fact });
  return history;
}

const old = (spaceId: SpaceId, count: number): TopologyFact => ({
  kind: 'reset',
  doc: { spaceId, timestampMs: 1_000, count, recordedMs: 2_000 },
});

function execute(history: TopologyHistory, command: TopologyCommand): void {
  history.apply({ seq: history.seq + 1, fact: decideTopology(history.latest(), command, 9_000) });
}

const idsIn = (history: TopologyHistory, spaceId = HALL): [id: number, count: number][] =>
  history
    .latest()
    .resets(spaceId)
    .map(({ id, count }) => [id, count]);

it('resets without ids are numbered in the order of the log, by space', () => {
  const history = topologyOf(
    { kind: 'space', doc: spaceCalled('hall', HALL) },
    { kind: 'space', doc: spaceCalled('cafe', CAFE) },
    old(HALL, 5),
    old(CAFE, 6),
    old(HALL, 7),
  );
  expect([idsIn(history), idsIn(history, CAFE)]).toEqual([
    [
      [1, 5],
      [2, 7],
    ],
    [[1, 6]],
  ]);
  // The same ids at an earlier sequence, and after the log is read again.
  expect(history.at(4).resets(HALL)).toMatchObject([{ id: 1, count: 5, updatedMs: 2_000, deleted: false }]);
  execute(history, { kind: 'changeReset', spaceId: HALL, id: 1, count: 9 });
  execute(history, { kind: 'deleteReset', spaceId: HALL, id: 2 });
  execute(history, { kind: 'recordReset', spaceId: HALL, timestampMs: 3_000, count: 1 });
  expect(idsIn(history)).toEqual([
    [1, 9],
    [3, 1],
  ]);
  const again = topologyOf(...history.entries(0, history.seq).map(({ fact }) => fact));
  expect(again.latest().resets(HALL)).toEqual(history.latest().resets(HALL));
});

it('the id of a deleted reset is not used again, and it can be neither changed nor deleted', () => {
  const history = topologyOf({ kind: 'space', doc: spaceCalled('hall', HALL) }, old(HALL, 5));
  execute(history, { kind: 'deleteReset', spaceId: HALL, id: 1 });
  for (const command of [
    { kind: 'deleteReset', spaceId: HALL, id: 1 },
    { kind: 'changeReset', spaceId: HALL, id: 1, count: 2 },
    { kind: 'deleteReset', spaceId: CAFE, id: 1 },
  ] as const)
    expect(() => decideTopology(history.latest(), command, 9_000)).toThrow(/there is no/);
  execute(history, { kind: 'recordReset', spaceId: HALL, timestampMs: 3_000, count: 1 });
  expect(idsIn(history)).toEqual([[2, 1]]);
  expect(history.at(2).resets(HALL)).toMatchObject([{ id: 1 }]);
});
