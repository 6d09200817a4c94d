// Explanations for now, and from a process that may be behind.
import { expect, it } from 'vitest';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { reportSpace } from '../../actors/partition/space-report.ts';
import { Explanations } from '../../src/counts/explanations.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { spaceCalled } from '../support/space-called.ts';

const SPACE = 1 as SpaceId;
const LOG_MS = Date.UTC(2024, 2, 29, 12);

function explanations(asked: [atMs: number, allowsStale: boolean | undefined][]): Explanations {
  const topology = new TopologyHistory();
  topology.apply({ seq: 1, fact: { kind: 'space', doc: spaceCalled('hall', SPACE) } });
  const fold = new PartitionFold(0 as Partition, 1);
  return new Explanations(
    topology,
    {
      isCutOff: false,
      report: async (spaceId, atMs, allowsStale) => {
        asked.push([atMs, allowsStale]);
        return { ...reportSpace(fold, spaceId, atMs), logMs: LOG_MS, isStale: allowsStale === true };
      },
    },
    {
      doorwayTotals: async () => [],
      exitsAtZero: async ({ starts }) => starts.map(() => ({ sum: 0, exits: 0, newest: [] })),
    },
  );
}

it('K1 now is never before the clock of the log', async () => {
  const asked: [number, boolean | undefined][] = [];
  expect(await explanations(asked).now(SPACE, LOG_MS - 5)).toMatchObject({ timestampMs: LOG_MS, isStale: false });
  expect(asked).toEqual([
    [LOG_MS - 5, false],
    [LOG_MS, false],
  ]);
  expect(await explanations([]).now(SPACE, LOG_MS + 5)).toMatchObject({ timestampMs: LOG_MS + 5 });
});

it('is marked as stale if that is allowed and the report is', async () => {
  const asked: [number, boolean | undefined][] = [];
  const stale = explanations(asked);
  expect(await stale.now(SPACE, LOG_MS, true)).toMatchObject({ isStale: true });
  expect(await stale.at(SPACE, LOG_MS, true)).toMatchObject({ isStale: true });
  expect(await stale.between(SPACE, LOG_MS - 9, LOG_MS, true)).toMatchObject({ isStale: true });
  expect(asked.map(([, allowsStale]) => allowsStale)).toEqual([true, true, true]);
});

it('of a space that the fold does not know yet is that of an empty one', async () => {
  expect(await explanations([]).at(SPACE, LOG_MS)).toMatchObject({
    count: 0,
    reset: null,
    doorways: [],
    heldBackBy: null,
    isFinal: false,
    lateEvents: 0,
  });
});
