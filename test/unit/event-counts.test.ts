// The number of events of a space when some are stored and some are in memory.
import { expect, test } from 'vitest';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { reportSpace, type KnownReport } from '../../actors/partition/space-report.ts';
import { EventCounts } from '../../src/counts/event-counts.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { EventPages } from '../../src/ports/event-pages.ts';
import type { History } from '../../src/ports/history.ts';
import type { SpaceReports } from '../../src/ports/reports.ts';
import { fakeOf } from '../support/fake-of.ts';
import { spaceCalled } from '../support/space-called.ts';

const SPACE = 1 as SpaceId;
const NOON_MS = Date.UTC(2024, 2, 29, 12);

test.each([
  { what: 'the retraction of a stored first standing', stored: 1, signs: [-1], passed: 0, total: 1 },
  { what: 'a first standing in memory', stored: 1, signs: [1], passed: 0, total: 1 },
  { what: 'the retraction of a stored passage', stored: 1, signs: [-1], passed: 1, total: 0 },
  { what: 'passages in memory', stored: 1, signs: [1, 1], passed: 1, total: 3 },
])('counts the events that somebody passed in: $what', async ({ stored, signs, passed, total }) => {
  const topology = new TopologyHistory();
  topology.apply({ seq: 1, fact: { kind: 'space', doc: spaceCalled('hall', SPACE) } });
  const unstored = signs.map((sign, at) =>
    fakeOf<KnownReport['unstored'][number]>('LoggedEvent', {
      timestampMs: NOON_MS + at,
      readingId: `r${at}`,
      entrances: passed,
      exits: 0,
      sign: sign as 1 | -1,
    }),
  );
  const counts = new EventCounts(
    topology,
    fakeOf<SpaceReports>('SpaceReports', {
      report: async (spaceId, atMs) =>
        Promise.resolve({
          ...reportSpace(new PartitionFold(0 as Partition, 1), spaceId, atMs),
          unstored,
          isStale: false,
        }),
    }),
    fakeOf<History>('History', {}),
    fakeOf<EventPages>('EventPages', { countEvents: async () => Promise.resolve(stored) }),
  );
  const range = { fromMs: NOON_MS - 1000, toMs: NOON_MS + 1000 };
  expect(await (await counts.ofSpace(SPACE, range.toMs)).total(range)).toBe(total);
});
