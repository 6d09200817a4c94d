// Spaces that time makes due are found without asking those that wait.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DueSpaces } from '../../actors/partition/due-spaces.ts';
import type { FoldObserver } from '../../actors/partition/fold-observer.ts';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { encodeSnapshot } from '../../actors/partition/snapshot.ts';
import { encodeCommit } from '../../src/domain/commit-codec.ts';
import type { PartitionSection, SpaceConfig } from '../../src/domain/commit.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { END_MS } from '../../src/domain/instant.ts';
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import { commitHeader } from '../support/commit-header.ts';
import { decodedSnapshot } from '../support/decoded-snapshot.ts';
import { SPACE_SETTINGS } from '../support/lone-space.ts';
import { personEvent } from '../support/person-event.ts';

const PARTITIONS = 3;
const OWN = 0 as Partition;
const SWEEP_INTERVAL_MS = 250;
const SETTINGS = { ...SPACE_SETTINGS, outOfOrdernessMs: 100, idleTimeoutMs: 1_000, blockAgeMaxMs: 3_000 };
const OTHER_SETTINGS = { ...SETTINGS, outOfOrdernessMs: 30, idleTimeoutMs: 300 };
const dpu = (n: number): DpuId => `d${n}` as DpuId;

/** SPACE_EVENTS with the commits of several routers, which one partition reads. */
class Log {
  readonly #seqs = new Map<number, number>();
  readonly #clocks = new Map<number, number>();
  #seq = 0;
  timeMs = 10_000;

  commit(router: number, lagMs: number, section: Partial<PartitionSection>): StoredEntry {
    const clockMs = Math.max(this.#clocks.get(router) ?? 0, this.timeMs - lagMs);
    const header = commitHeader({
      router: router as Partition,
      commitId: `c${this.#seq}`,
      previousSeq: this.#seqs.get(router) ?? 0,
      clockMs,
    });
    this.#seq += 1;
    this.#seqs.set(router, this.#seq);
    this.#clocks.set(router, clockMs);
    const whole = { events: [], heartbeats: [], configs: [], settings: undefined, ...section };
    const data = encodeCommit(header, new Map([[OWN, whole]]));
    return { seq: this.#seq, timeMs: this.timeMs, subject: `routers.${router}`, data };
  }
}

const configOf = (space: number, dpus: SpaceConfig['dpus'], resets: SpaceConfig['resets'] = []): SpaceConfig => ({
  spaceId: space as SpaceId,
  timeZone: 'UTC',
  dailyReset: null,
  dailyResetCount: 0,
  resets,
  dpus,
});

const eventOf = (space: number, dpuId: DpuId, timestampMs: number): PartitionSection['events'][number] =>
  personEvent({ spaceId: space as SpaceId, dpuId, doorwayId: 1 as DoorwayId, timestampMs, sign: 1, primary: true }, 1);

const space = fc.integer({ min: 1, max: 4 });
const router = fc.nat(PARTITIONS - 1);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('reading' as const), space, n: fc.nat(5), ageMs: fc.nat(1_500) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('nothing' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settings' as const), isOther: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('config' as const),
      space,
      dpus: fc.uniqueArray(fc.nat(5), { maxLength: 3 }),
      fromMs: fc.integer({ min: 9_000, max: 14_000 }),
      toMs: fc.constantFrom(12_000, 14_000, END_MS),
      resetMs: fc.option(fc.integer({ min: 10_000, max: 16_000 })),
    }),
  },
);
const rarely = fc.nat(15).map((n) => n === 0);
const steps = fc.array(
  fc.record({ router, waitMs: fc.nat(400), lagMs: fc.constantFrom(0, 0, 50, 2_000), does: step, isRestarted: rarely }),
  { minLength: 10, maxLength: 80 },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function sectionOf(does: Step, nowMs: number): Partial<PartitionSection> {
  switch (does.kind) {
    case 'reading':
      // Some are from the near future.
      return { events: [eventOf(does.space, dpu(does.n), nowMs + 300 - does.ageMs)] };
    case 'settings':
      return { settings: does.isOther ? OTHER_SETTINGS : SETTINGS };
    case 'config': {
      const { fromMs, toMs, resetMs } = does;
      const dpus = does.dpus.map((n) => ({ dpuId: dpu(n), fromMs, toMs: Math.max(fromMs, toMs) }));
      return { configs: [configOf(does.space, dpus, resetMs === null ? [] : [{ timestampMs: resetMs, count: 3 }])] };
    }
    case 'nothing':
      return {};
  }
}

/** What a fold keeps count of is what a look at every space finds. */
function expectSums(fold: PartitionFold): void {
  const states = [...fold.spaceIds()].flatMap((spaceId) => fold.state(spaceId) ?? []);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  expect(fold.buffered).toBe(sum(states.map(({ buffered }) => buffered)));
  expect(fold.lateEvents).toBe(sum(states.map(({ lateEvents }) => lateEvents)));
  expect(fold.storedBeforeSeq).toBe(Math.min(fold.seq + 1, ...fold.allUnstoredEvents().map(({ seq }) => seq)));
}

describe('the spaces that time makes due', () => {
  it('F2 are all told at each sweep, also after a restart', () => {
    fc.assert(
      fc.property(steps, (drawn) => {
        const log = new Log();
        let fold = new PartitionFold(OWN, PARTITIONS);
        fold.apply(log.commit(OWN, 0, { settings: SETTINGS }));
        const everywhere = [0, 1, 2, 3, 4, 5].map((n) => ({ dpuId: dpu(n), fromMs: 0, toMs: END_MS }));
        fold.apply(log.commit(OWN, 0, { configs: [1, 2, 3, 4].map((n) => configOf(n, everywhere)) }));
        for (const { router, waitMs, lagMs, does, isRestarted } of drawn) {
          const before = Math.floor(log.timeMs / SWEEP_INTERVAL_MS);
          log.timeMs += waitMs;
          fold.apply(log.commit(router, lagMs, sectionOf(does, log.timeMs)));
          expectSums(fold);
          if (isRestarted) fold = decodedSnapshot(OWN, PARTITIONS, encodeSnapshot(fold));
          if (Math.floor(log.timeMs / SWEEP_INTERVAL_MS) === before) continue;
          expect([...fold.buffering].filter((spaceId) => fold.state(spaceId)?.isDue(fold))).toEqual([]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('include one whose reading is from the near future, until its time has come', () => {
    const touched: number[] = [];
    const observer: FoldObserver = {
      watches: () => true,
      touched: () => touched.push(log.timeMs),
      historyChanged: () => undefined,
    };
    const [log, fold] = [new Log(), new PartitionFold(OWN, PARTITIONS)];
    fold.apply(log.commit(OWN, 0, { configs: [configOf(1, [{ dpuId: dpu(0), fromMs: 0, toMs: END_MS }])] }));
    fold.observe(observer);
    fold.apply(log.commit(OWN, 0, { events: [eventOf(1, dpu(0), log.timeMs + 600)] }));
    for (let n = 0; n < 8; n++) {
      log.timeMs += SWEEP_INTERVAL_MS;
      fold.apply(log.commit(OWN, 0, {}));
    }
    expect(touched).toEqual([10_000, 10_250, 10_500, 10_750]);
  });

  it('are taken once the clock of their router is reached, as it was set last, in ascending order', () => {
    const [A, B] = [0, 1] as Partition[] as [Partition, Partition];
    const [one, two, three] = [1, 2, 3] as SpaceId[] as [SpaceId, SpaceId, SpaceId];
    const due = new DueSpaces();
    due.wait(three, { router: A, clockMs: 100 });
    due.wait(one, { router: B, clockMs: 90 });
    due.wait(two, { router: A, clockMs: 50 });
    due.wait(two, { router: B, clockMs: 300 });
    expect(due.take([60, 60])).toEqual([]);
    expect(due.take([100, 90])).toEqual([one, three]);
    expect(due.take([1_000, 299])).toEqual([]);
    due.forget(two);
    expect(due.take([1_000, 1_000])).toEqual([]);
  });

  it('are taken as a search of all would take them, however often they wait anew', () => {
    const wait = fc.record({ space: fc.integer({ min: 1, max: 9 }), router, clockMs: fc.nat(5_000) });
    fc.assert(
      fc.property(fc.array(fc.array(wait, { maxLength: 2_000 }), { maxLength: 4 }), (rounds) => {
        const [due, waits] = [new DueSpaces(), new Map<number, { router: number; clockMs: number }>()];
        for (const [n, round] of [...rounds, []].entries()) {
          for (const { space, router, clockMs } of round) {
            due.wait(space as SpaceId, { router: router as Partition, clockMs });
            const before = waits.get(space);
            // Of the same router the earlier one stays.
            if (before?.router !== router || before.clockMs > clockMs) waits.set(space, { router, clockMs });
          }
          const clocks = [n * 700, n * 1_100, 5_000 - n * 900].map((ms) => (n === rounds.length ? 5_000 : ms));
          const expected = [...waits].filter(([, { router, clockMs }]) => clockMs <= (clocks[router] ?? 0));
          for (const [space] of expected) waits.delete(space);
          expect(due.take(clocks)).toEqual(expected.map(([space]) => space).sort((a, b) => a - b));
        }
        expect(waits.size).toBe(0);
      }),
    );
  });
});
