// Which events of the log a rebuild has to store.
import { expect, it } from 'vitest';
import { LogTail, type StoredClaim } from '../../actors/partition/log-tail.ts';
import type { CommitHeader, LoggedSection } from '../../src/domain/commit.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import { fakeOf } from '../support/fake-of.ts';
import { personEvent } from '../support/person-event.ts';

const SHARD = 0 as Partition;

function event(seq: number, sign: 1 | -1): LoggedEvent {
  const reading = { spaceId: 1 as SpaceId, dpuId: 'd' as DpuId, doorwayId: 1 as DoorwayId, timestampMs: 1_000 };
  return loggedEvent(personEvent({ ...reading, sign, primary: true }, 1), seq);
}

/** The log asserts a reading, and moves its DPU away and back. */
function tail(): LogTail {
  const found = new LogTail(SHARD, 1, 0);
  ([1, -1, 1] as const).forEach((sign, n) => {
    const header = fakeOf<CommitHeader>('header', {
      ...{ router: SHARD, commitId: `c${n}`, clockMs: 0, topologySeq: 0, previousSeq: n, reattribution: null },
    });
    const section = fakeOf<LoggedSection>('section', { events: [event(n + 1, sign)], heartbeats: [] });
    found.addCommit({ seq: n + 1, timeMs: n }, header, section);
  });
  return found;
}

function stored(signs: number, last: StoredClaim['last']): StoredClaim {
  const { spaceId, timestampMs, readingId, doorwayId, entrances, exits, isEgress, primary } = event(1, 1);
  return { spaceId, timestampMs, readingId, doorwayId, entrances, exits, isEgress, primary, signs, last };
}

const seqs = (events: readonly LoggedEvent[]): number[] => events.map(({ seq }) => seq);

it('T24 all that came after the last stored commit is stored, also if it leads to the same result', () => {
  expect(seqs(tail().missing([stored(1, { epoch: 2, seq: 1 })], 2))).toEqual([2, 3]);
  expect(seqs(tail().missing([stored(0, { epoch: 2, seq: 2 })], 2))).toEqual([3]);
  expect(seqs(tail().missing([stored(1, { epoch: 2, seq: 3 })], 2))).toEqual([]);
  expect(seqs(tail().missing([], 2))).toEqual([1, 2, 3]);
});

it('F2 if rows lack their commit, or are of an earlier epoch, the fewest events with the same result are stored', () => {
  expect(seqs(tail().missing([stored(1, { epoch: 2, seq: 0 })], 2))).toEqual([]);
  expect(seqs(tail().missing([stored(0, { epoch: 1, seq: 2 })], 2))).toEqual([3]);
});
