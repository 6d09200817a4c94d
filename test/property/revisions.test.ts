// What has changed since an earlier answer, for any history of readings, moves and resets, any part of it stored and the rest in
// memory.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { Counts } from '../../src/counts/counts.ts';
import { historyUpTo, reportAsOf, topologyAt } from '../../src/counts/known-space.ts';
import { Revisions, type Revised, type Revision } from '../../src/counts/revisions.ts';
import { scheduleIn } from '../../src/counts/schedule-of.ts';
import { causesAmong } from '../../src/domain/commit-causes.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { append, EMPTY_SEGMENT, segmentOf } from '../../src/domain/segment.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { History } from '../../src/ports/history.ts';
import { changesSince } from '../simulation/engines/changes.ts';
import { eventsOfRows } from '../simulation/engines/events-of-rows.ts';
import { fakeOf } from '../support/fake-of.ts';
import { intervalEvent } from '../support/interval-event.ts';
import { SpaceOracle } from '../support/oracle.ts';
import { spaceCalled } from '../support/space-called.ts';

const SPACE = 1 as SpaceId;
const [EPOCH, BLOCK] = [2, 3];

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      atMs: fc.integer({ min: 0, max: 100 }),
      entrances: fc.integer({ min: 0, max: 3 }),
      exits: fc.integer({ min: 0, max: 4 }),
      dpuId: fc.constantFrom('a', 'b', 'c'),
    }),
  },
  // All readings of the DPU leave the space.
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), dpuId: fc.constantFrom('a', 'b') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('reset' as const),
      atMs: fc.integer({ min: 0, max: 110 }),
      count: fc.integer({ min: 0, max: 5 }),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const some = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 25 }),
  since: fc.nat(),
  stored: fc.nat(),
  fromMs: fc.integer({ min: 0, max: 60 }),
  lengthMs: fc.integer({ min: 1, max: 60 }),
  watermarkMs: fc.integer({ min: 0, max: 100 }),
});

/** The nth step is commit n, and entry n of TOPOLOGY after that of the space if it changes it. */
function historyOf(steps: readonly Step[]) {
  const topology = new TopologyHistory();
  topology.apply({ seq: 1, fact: { kind: 'space', doc: spaceCalled('hall', SPACE) } });
  const events: LoggedEvent[] = [];
  const changes: [seq: number, cause: string][] = [];
  const topologySeqs = [1];
  for (const [n, one] of steps.entries()) {
    const [seq, entry] = [n + 1, topology.seq + 1];
    if (one.kind === 'read') {
      const { atMs: timestampMs, dpuId, entrances, exits } = one;
      const fields = {
        spaceId: SPACE,
        doorwayId: 1 as DoorwayId,
        dpuId: dpuId as DpuId,
        timestampMs,
        sign: 1,
      } as const;
      events.push({ ...intervalEvent({ ...fields, name: String(n) }, [entrances, exits]), seq });
    } else if (one.kind === 'reset') {
      const doc = {
        id: seq,
        spaceId: SPACE,
        timestampMs: one.atMs,
        count: one.count,
        recordedMs: n,
        updatedMs: n,
        deleted: false,
      };
      topology.apply({ seq: entry, fact: { kind: 'reset', doc } });
    } else {
      const doc = {
        id: one.dpuId as DpuId,
        placements: [{ doorwayId: (n + 2) as DoorwayId, fromMs: -1 }],
        deleted: false,
        createdMs: 0,
        updatedMs: 0,
      };
      topology.apply({ seq: entry, fact: { kind: 'dpu', doc } });
      changes.push([seq, `${entry - 1}-${entry}`]);
      for (const event of standing(events, seq))
        if (event.dpuId === one.dpuId) events.push({ ...event, sign: -1, seq });
    }
    topologySeqs.push(topology.seq);
  }
  return { topology, events, changes, topologySeqs };
}

function standing(events: readonly LoggedEvent[], beforeSeq: number): LoggedEvent[] {
  const retracted = new Set(
    events.filter(({ sign, seq }) => sign < 0 && seq < beforeSeq).map(({ readingId }) => readingId),
  );
  return events.filter(({ sign, seq, readingId }) => sign > 0 && seq < beforeSeq && !retracted.has(readingId));
}

function asked(given: typeof some extends fc.Arbitrary<infer T> ? T : never) {
  const { steps, fromMs, lengthMs, watermarkMs } = given;
  const { topology, events, changes, topologySeqs } = historyOf(steps);
  const [sinceSeq, storedSeq] = [given.since % (steps.length + 1), given.stored % (steps.length + 1)];
  const causes = { knownAfterSeq: 0, changes };
  const rows = events.map((event) => ({
    ...{ ...event, commitSeq: event.seq, epoch: EPOCH, partition: 0 as Partition, mark: { seq: 1, commitId: 'c' } },
    block: event.seq <= storedSeq ? BLOCK : BLOCK + 1,
    cause: changes.find(([seq]) => seq === event.seq)?.[1] ?? '',
  }));
  const history = fakeOf<History>('History', {
    segments: async (_, edgesMs, block, upTo) =>
      edgesMs
        .slice(0, -1)
        .map((afterMs, gap) =>
          eventsOfRows(rows, { block, upTo, afterMs, upToMs: edgesMs[gap + 1] ?? afterMs }).reduce(
            (run, event) => append(run, segmentOf(event)),
            EMPTY_SEGMENT,
          ),
        ),
    events: async (_, afterMs, upToMs, block, upTo) => eventsOfRows(rows, { block, upTo, afterMs, upToMs }),
    newestInstants: async () => [],
    changesSince: async (query) => changesSince(rows, query),
  });
  const unstored = events.filter(({ seq }) => seq > storedSeq);
  const report = fakeOf<KnownReport>('report', {
    ...{ spaceId: SPACE, epoch: EPOCH, seq: steps.length, storedBlock: BLOCK, isSettled: false, lastReadingMs: -1 },
    ...{ unstored, causes: causesAmong(causes, unstored), watermarkMs: 200, isStale: false },
  });
  const topologySeq = topologySeqs[sinceSeq] ?? 1;
  const asOf = {
    ...{
      spaceId: SPACE,
      epoch: EPOCH,
      seq: sinceSeq,
      topologySeq,
      topologyDigest: topology.digestAt(topologySeq) ?? 0,
    },
    ...{ watermarkMs, atMs: 0, isStale: false },
  };
  const reports = { isCutOff: false, report: async () => Promise.resolve(report) };
  const then = { isCutOff: false, report: async () => Promise.resolve(reportAsOf(report, asOf)) };
  const counts = new Counts(topologyAt(topology, topologySeq), then, historyUpTo(history, asOf));
  return {
    ...{ topology, events, sinceSeq, asOf, toMs: fromMs + lengthMs, fromMs },
    ask: async (listedMax?: number): Promise<Revised> =>
      new Revisions({ topology, reports, history }, listedMax).between({ asOf, counts }, fromMs, fromMs + lengthMs),
    /** The owner is another process now, which has yet to read the log up to there. */
    askBehind: async (): Promise<Revised> => {
      const behind = { isCutOff: false, report: async () => Promise.resolve({ ...report, seq: sinceSeq - 1 }) };
      return new Revisions({ topology, reports: behind, history }).between({ asOf, counts }, fromMs, fromMs + lengthMs);
    },
  };
}

type Sums = readonly [entrances: number, exits: number, net: number];
const total = (revisions: readonly Pick<Revision, 'entrances' | 'exits' | 'net'>[]): Sums =>
  revisions.reduce<Sums>(([a, b, c], { entrances, exits, net }) => [a + entrances, b + exits, c + net], [0, 0, 0]);

describe('T27 what has changed since an earlier answer', () => {
  it('T27 adds up to both answers, and each part belongs to its cause', async () => {
    await fc.assert(
      fc.asyncProperty(some, async (given) => {
        const { topology, events, sinceSeq, asOf, fromMs, toMs, ask } = asked(given);
        const { before, after, revisions } = await ask();
        const oracleAt = (seq: number, topologySeq: number): SpaceOracle =>
          new SpaceOracle(standing(events, seq + 1), scheduleIn(topology.at(topologySeq), SPACE));
        const last = oracleAt(given.steps.length, topology.seq);
        for (const [answer, oracle] of [
          [before, oracleAt(sinceSeq, asOf.topologySeq)],
          [after, last],
        ] as const) {
          const { entrances, exits } = oracle.interval(fromMs, toMs);
          expect(answer).toMatchObject({ entrances, exits, ...oracle.at(toMs - 1) });
        }
        expect(total([before, ...revisions])).toEqual(total([after]));

        const resetMs = last.resetAt(toMs - 1).timestampMs;
        const sumOf = (some: readonly LoggedEvent[]): Sums =>
          total(
            some
              .filter(({ timestampMs }) => timestampMs < toMs)
              .map(({ timestampMs: at, entrances, exits, sign }) => ({
                entrances: at >= fromMs ? sign * entrances : 0,
                exits: at >= fromMs ? sign * exits : 0,
                net: at > resetMs ? sign * (entrances - exits) : 0,
              })),
          );
        const since = events.filter(({ seq }) => seq > sinceSeq);
        const isNew = ({ timestampMs }: LoggedEvent): boolean => timestampMs > given.watermarkMs;
        const arrived = since.filter(({ sign }) => sign > 0);
        const of = (kind: string): Revision[] => revisions.filter((one) => one.kind === kind);
        expect(total(of('new_readings'))).toEqual(sumOf(arrived.filter(isNew)));
        for (const dpuId of ['a', 'b', 'c'])
          expect(total(of('late_readings').filter((one) => one.dpuId === dpuId))).toEqual(
            sumOf(arrived.filter((event) => event.dpuId === dpuId && !isNew(event))),
          );
        for (const { entries, ...move } of of('move')) {
          expect(entries).toHaveLength(1);
          const [entry] = entries;
          expect(total([move])).toEqual(
            sumOf(since.filter(({ sign, seq }) => sign < 0 && topologySeqOf(given.steps, seq) === entry?.seq)),
          );
        }
        expect(total(of('move'))).toEqual(sumOf(since.filter(({ sign }) => sign < 0)));
        for (const { entries, net } of of('reset')) {
          const seq = entries[0]?.seq ?? 0;
          const netAt = (topologySeq: number): number => oracleAt(sinceSeq, topologySeq).at(toMs - 1).net;
          expect(net).toBe(netAt(seq) - netAt(seq - 1));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('T27 is refused while what is known now ends before the earlier answer', async () => {
    const [given] = fc.sample(some, 1);
    if (!given) throw new Error('nothing was drawn');
    await expect(asked(given).askBehind()).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('T27 sums up what is not listed', async () => {
    await fc.assert(
      fc.asyncProperty(some, fc.nat({ max: 2 }), async (given, max) => {
        const { ask } = asked(given);
        const [all, few] = [await ask(), await ask(max)];
        expect(total(few.revisions)).toEqual(total(all.revisions));
        expect(
          few.revisions.filter(({ kind }) => kind !== 'others' && kind !== 'new_readings').length,
        ).toBeLessThanOrEqual(max);
      }),
      { numRuns: 100 },
    );
  });
});

function topologySeqOf(steps: readonly Step[], seq: number): number {
  return 1 + steps.slice(0, seq).filter(({ kind }) => kind !== 'read').length;
}
