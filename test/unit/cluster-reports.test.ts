// How questions wait for an owner, what they cost while there is none, and which processes offer to answer.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { reportSpace } from '../../actors/partition/space-report.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import type { ReportAnswer, ReportRequests } from '../../src/ports/reports.ts';
import { MACHINE_TIMING, type Timing } from '../../src/runtime/timing.ts';
import { ClusterReports, type ReportingShard } from '../../src/shards/cluster-reports.ts';
import { LocalReports } from '../../src/shards/local-reports.ts';
import { eventually } from '../support/eventually.ts';
import { fakeOf } from '../support/fake-of.ts';

const [SHARD, SPACE] = [0 as Partition, 1 as SpaceId];
const log = pino({ level: 'silent' });

/** The machine's clock, slowed down twenty times, except for the short pauses before a retry. */
const PATIENT: Timing = {
  ...MACHINE_TIMING,
  now: () => MACHINE_TIMING.now() / 20,
  pause: async (ms, signal) => MACHINE_TIMING.pause(ms > 50 ? ms * 20 : ms, signal),
};

function shardWith(is: Partial<ReportingShard>): ReportingShard {
  return { isOwner: false, state: 'acquiring', fold: undefined, lastFold: undefined, refusal: undefined, ...is };
}

function reportsWith(
  requests: Partial<ReportRequests>,
  shards: readonly ReportingShard[] = [],
  timing = MACHINE_TIMING,
  isFresh = true,
): ClusterReports {
  return new ClusterReports({
    partitions: 1,
    shards,
    requests: fakeOf<ReportRequests>('ReportRequests', requests),
    local: new LocalReports({
      events: { end: async () => Promise.resolve(0) },
      ticks: { advance: async () => Promise.resolve() },
      freshness: { isFresh: async () => Promise.resolve(isFresh) },
      timing,
    }),
    isConnected: () => true,
    timing,
    log,
  });
}

test('one of many questions that wait for an owner retries, and all are answered when there is one', async () => {
  const questions = 100;
  let [asked, hasOwner] = [0, false];
  const reports = reportsWith(
    {
      ask: async (_, respondent, spaceId, atMs) => {
        asked += 1;
        return Promise.resolve(
          hasOwner && respondent === 'owner'
            ? { ...reportSpace(new PartitionFold(SHARD, 1), spaceId, atMs), isStale: false }
            : 'nobody',
        );
      },
    },
    [],
    PATIENT,
  );
  const answers = Promise.all(Array.from({ length: questions }, async () => reports.report(SPACE, 0)));
  // Each question was sent once to the owner and once to the standbys; only one was sent again.
  await eventually(() => expect(asked).toBeGreaterThanOrEqual(2 * questions + 6));
  expect(asked).toBeLessThan(2 * questions + 60);
  hasOwner = true;
  expect((await answers).map(({ isStale }) => isStale)).toEqual(Array.from({ length: questions }, () => false));
});

test('a process that waits for a lease asks standbys before its own copy, which may be far behind', async () => {
  const fold = new PartitionFold(SHARD, 1);
  let hasStandby = true;
  const ask: ReportRequests['ask'] = async (_, respondent, spaceId, atMs) =>
    Promise.resolve(
      hasStandby && respondent === 'standby' ? { ...reportSpace(fold, spaceId, atMs), isStale: false } : 'nobody',
    );
  // The answer of its own copy is stale.
  const reports = reportsWith({ ask }, [shardWith({ fold })], MACHINE_TIMING, false);
  expect((await reports.report(SPACE, 0)).isStale).toBe(false);
  hasStandby = false;
  expect((await reports.report(SPACE, 0)).isStale).toBe(true);
});

test('when the retrying question gives up, another takes over; each is refused after its own second', async () => {
  const reports = reportsWith({ ask: async () => Promise.resolve('nobody') });
  for (let n = 0; n < 2; n++) {
    const refusals = await Promise.all(
      Array.from({ length: 3 }, async () =>
        reports.report(SPACE, 0).then(
          () => 'answered',
          (error: unknown) => error,
        ),
      ),
    );
    for (const refusal of refusals) expect(refusal).toMatchObject({ kind: 'unavailable', retryAfterSeconds: 1 });
  }
});

test('a process waiting for a lease answers from its copy only if it has one', () => {
  const answering: string[] = [];
  const requests: Pick<ReportRequests, 'answer'> = {
    answer: (_, respondent) => {
      answering.push(respondent);
      return () => answering.splice(answering.indexOf(respondent), 1);
    },
  };
  const shard: { -readonly [Key in keyof ReportingShard]: ReportingShard[Key] } = shardWith({});
  const reports = reportsWith(requests, [shard]);
  reports.follow(SHARD, 'acquiring');
  expect(answering).toEqual([]);
  reports.follow(SHARD, 'standingBy');
  expect(answering).toEqual(['standby']);
  shard.fold = new PartitionFold(SHARD, 1);
  reports.follow(SHARD, 'acquiring');
  expect(answering).toEqual(['standby']);
  reports.follow(SHARD, 'running');
  expect(answering).toEqual(['owner']);
});

test('the report of an owner is marked as stale while it may lack acknowledged readings', async () => {
  const fold = new PartitionFold(SHARD, 1);
  const owner = shardWith({ isOwner: true, state: 'running', fold });
  const answers: ReportAnswer[] = [];
  const requests: Pick<ReportRequests, 'answer'> = {
    answer: (_, __, answer) => {
      answers.push(answer);
      return () => undefined;
    },
  };
  for (const isFresh of [true, false]) {
    const reports = reportsWith(requests, [owner], MACHINE_TIMING, isFresh);
    expect((await reports.report(SPACE, 0)).isStale).toBe(!isFresh);
    // The same holds for answers to other processes.
    reports.follow(SHARD, 'running');
    expect((await answers.at(-1)?.(SPACE, 0))?.isStale).toBe(!isFresh);
  }
});
