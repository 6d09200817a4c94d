// Resets in answers: a reset that the space has not received yet, and a reset at the start of an interval.
import { expect, test } from 'vitest';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { reportSpace } from '../../actors/partition/space-report.ts';
import { Counts } from '../../src/counts/counts.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { append, EMPTY_SEGMENT, segmentOf } from '../../src/domain/segment.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { History } from '../../src/ports/history.ts';
import type { SpaceReports } from '../../src/ports/reports.ts';
import { onePerson } from '../support/person-event.ts';
import { fakeOf } from '../support/fake-of.ts';
import { spaceCalled } from '../support/space-called.ts';

const SPACE = 1 as SpaceId;
const RESET_MS = Date.UTC(2024, 2, 29, 12);

function countsAfterReset(segments: History['segments'], watermarkMs: number): Counts {
  const topology = new TopologyHistory();
  topology.apply({ seq: 1, fact: { kind: 'space', doc: spaceCalled('hall', SPACE) } });
  topology.apply({
    seq: 2,
    fact: { kind: 'reset', doc: { spaceId: SPACE, timestampMs: RESET_MS, count: 3, recordedMs: RESET_MS } },
  });
  const fold = new PartitionFold(0 as Partition, 1);
  const reports: Pick<SpaceReports, 'report' | 'isCutOff'> = {
    isCutOff: false,
    report: async (spaceId, atMs) =>
      Promise.resolve({ ...reportSpace(fold, spaceId, atMs), watermarkMs, isStale: false }),
  };
  return new Counts(topology, reports, fakeOf<History>('History', { segments }));
}

test('an acknowledged reset is in the next answer, whether or not the space has received it', async () => {
  const counts = countsAfterReset(
    async (_, edges) => Promise.resolve(edges.slice(1).map(() => EMPTY_SEGMENT)),
    RESET_MS - 1,
  );
  expect(await counts.now(SPACE, RESET_MS + 1)).toMatchObject({ count: 3, net: 3 });
  expect(await counts.at(SPACE, RESET_MS)).toMatchObject({ count: 3 });
  expect(await counts.at(SPACE, RESET_MS - 1)).toMatchObject({ count: 0 });
});

test('without history the last known live count is returned, and never as final', async () => {
  const counts = countsAfterReset(
    async () => Promise.reject(new Failure('unavailable', 'ClickHouse is unavailable')),
    RESET_MS + 1,
  );
  expect(await counts.now(SPACE, RESET_MS + 1)).toMatchObject({ count: 0, isFinal: false });
});

test('an interval that starts at a reset contains the readings of that instant, and then the count of the reset', async () => {
  const entrances = [RESET_MS - 2, RESET_MS - 1, RESET_MS - 1, RESET_MS - 1, RESET_MS - 1, RESET_MS, RESET_MS + 1];
  const counts = countsAfterReset(
    async (_, edges) =>
      Promise.resolve(
        edges
          .slice(1)
          .map((toMs, gap) =>
            entrances
              .filter((atMs) => atMs > (edges[gap] ?? 0) && atMs <= toMs)
              .reduce((run) => append(run, segmentOf(onePerson(1))), EMPTY_SEGMENT),
          ),
      ),
    RESET_MS,
  );
  expect((await counts.intervals(SPACE, [RESET_MS - 1, RESET_MS, RESET_MS + 10])).intervals).toMatchObject([
    { entrances: 4, min: 1, max: 5, count: 5 },
    { entrances: 2, min: 3, max: 6, count: 4 },
  ]);
  // A reset inside an interval is one of its counts.
  expect((await counts.intervals(SPACE, [RESET_MS - 1, RESET_MS + 10])).intervals).toMatchObject([
    { entrances: 6, min: 1, max: 6, count: 4 },
  ]);
});

test('an interval that starts at a reset ignores the count before it if nobody passes at that instant', async () => {
  const counts = countsAfterReset(
    async (_, edges) =>
      Promise.resolve(
        edges
          .slice(1)
          .map((toMs, gap) =>
            (edges[gap] ?? 0) < RESET_MS - 5 && toMs >= RESET_MS - 5 ? segmentOf(onePerson(1)) : EMPTY_SEGMENT,
          ),
      ),
    RESET_MS,
  );
  expect((await counts.intervals(SPACE, [RESET_MS - 10, RESET_MS, RESET_MS + 10])).intervals).toMatchObject([
    { entrances: 1, min: 0, max: 1, count: 1 },
    { entrances: 0, min: 3, max: 3, count: 3 },
  ]);
});
