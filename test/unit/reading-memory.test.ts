// A router's memory of readings. A reading it does not have is looked up in history, unless the memory knows that
// history cannot have it; a wrong answer there would count a reading twice.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import { personMeasure, standingMeasure, type Direction } from '../../src/domain/measure.ts';
import type { Reading } from '../../src/domain/reading.ts';
import { seriesOf } from '../../src/domain/series.ts';
import { ReadingMemory } from '../../src/router/reading-memory.ts';

const [D1, D2] = ['d1' as DpuId, 'd2' as DpuId];
const reading = (timestampMs: number, direction: Direction = 1, name?: string, dpuId = D1): Reading => ({
  dpuId,
  timestampMs,
  measure: personMeasure(direction),
  ...(name === undefined ? {} : { name }),
});

describe('the memory of a router', () => {
  it('D1 knows a reading only if all of its fields are the same', () => {
    const memory = new ReadingMemory();
    memory.remember(reading(5, 1, 'n'), 1);
    memory.remember(reading(6), 2);
    expect([memory.has(reading(5, 1, 'n')), memory.has(reading(6))]).toEqual([true, true]);
    for (const other of [
      reading(5, 1),
      reading(5, 1, 'm'),
      reading(5, -1, 'n'),
      reading(4, 1, 'n'),
      reading(5, 1, 'n', D2),
      reading(6, -1),
      reading(6, 1, 'n'),
      reading(6, 1, undefined, D2),
    ])
      expect(memory.has(other), JSON.stringify(other)).toBe(false);
  });

  it('asks history about every reading of a DPU until it knows the newest stored one', () => {
    const memory = new ReadingMemory();
    expect([memory.knowsNewest(D1), memory.mayBeStored(reading(1_000))]).toEqual([false, true]);
    memory.remember(reading(1_000), 1);
    expect([memory.knowsNewest(D1), memory.mayBeStored(reading(2_000))]).toEqual([false, true]);
    memory.learnNewest(D1, 1_000);
    expect([memory.knowsNewest(D1), memory.knowsNewest(D2)]).toEqual([true, false]);
    expect([1_000, 1_001].map((ms) => memory.mayBeStored(reading(ms)))).toEqual([true, false]);
    expect(memory.mayBeStored(reading(1_001, 1, undefined, D2))).toBe(true);
  });

  it('does not ask about a DPU that has nothing in history', () => {
    const memory = new ReadingMemory();
    memory.learnNewest(D1, undefined);
    expect([memory.knowsNewest(D1), memory.mayBeStored(reading(0))]).toEqual([true, false]);
  });

  it('forgets readings by their commit, and then asks history up to the newest that it forgot', () => {
    const memory = new ReadingMemory();
    memory.learnNewest(D1, undefined);
    for (const [ms, seq] of [
      [30, 1],
      [10, 2],
      [20, 3],
    ] as const)
      memory.remember(reading(ms), seq);
    memory.forget(2);
    expect([30, 10, 20].map((ms) => memory.has(reading(ms)))).toEqual([false, false, true]);
    expect([30, 31].map((ms) => memory.mayBeStored(reading(ms)))).toEqual([true, false]);
    expect(memory.size).toBe(1);
    memory.forget(2);
    expect(memory.size).toBe(1);
  });

  it('D1 knows what was stored and forgotten while history was asked', () => {
    const memory = new ReadingMemory();
    memory.remember(reading(5), 1);
    memory.forget(1);
    memory.learnNewest(D1, undefined);
    expect([5, 6].map((ms) => memory.mayBeStored(reading(ms)))).toEqual([true, false]);
  });

  it('remembers a reading under the commit that accepted it', () => {
    const memory = new ReadingMemory();
    memory.remember(reading(5), 1);
    memory.remember(reading(5), 9);
    memory.forget(1);
    expect([memory.size, memory.has(reading(5))]).toEqual([0, false]);
    memory.remember(reading(5), 10);
    memory.forget(9);
    expect(memory.has(reading(5))).toBe(true);
  });

  it('lists the readings of a DPU in half-open spans', () => {
    const memory = new ReadingMemory();
    for (const ms of [0, 10, 19, 20, 30]) memory.remember(reading(ms), ms + 1);
    memory.remember(reading(15, 1, undefined, D2), 50);
    const within = memory.within(D1, [
      { fromMs: 10, toMs: 20 },
      { fromMs: 30, toMs: 31 },
    ]);
    expect(within.map(({ timestampMs }) => timestampMs).sort((a, b) => a - b)).toEqual([10, 19, 30]);
    expect(memory.within('nobody' as DpuId, [{ fromMs: 0, toMs: 100 }])).toEqual([]);
  });

  it('lists readings as they were remembered, whatever it keeps of them', () => {
    const memory = new ReadingMemory();
    const all = [reading(10), reading(10, -1), reading(11, -1), reading(11, 1, 'n'), reading(-3, -1), reading(-4)];
    for (const [n, each] of all.entries()) memory.remember(each, n);
    const within = memory.within(D1, [{ fromMs: -10, toMs: 20 }]);
    expect(within).toEqual(all);
  });

  it('D1 knows and lists the readings of a DPU, whether it has few or many, and whatever it forgets', () => {
    // Most DPUs give their readings no ids.
    const arbitrary = fc
      .constantFrom([null], [null, null, 'n'])
      .chain((names) =>
        fc.uniqueArray(
          fc.tuple(fc.nat({ max: 60 }), fc.constantFrom(1 as const, -1 as const), fc.constantFrom(...names)),
          { maxLength: 60, size: 'max', selector: String },
        ),
      );
    fc.assert(
      fc.property(arbitrary, fc.array(fc.nat({ max: 60 })), (fields, forgotten) => {
        const all = fields.map(([ms, direction, name]) => reading(ms, direction, name ?? undefined));
        const memory = new ReadingMemory();
        for (const [n, each] of all.entries()) memory.remember(each, n + 1);
        for (const upTo of [0, ...forgotten.toSorted((a, b) => a - b)]) {
          memory.forget(upTo);
          expect(memory.within(D1, [{ fromMs: 0, toMs: 61 }])).toEqual(all.slice(upTo));
          expect(all.map((each) => memory.has(each))).toEqual(all.map((_, n) => n >= upTo));
        }
      }),
    );
  });

  it('loses no reading when it frees the memory of forgotten ones', () => {
    const memory = new ReadingMemory();
    memory.learnNewest(D1, undefined);
    const count = 25_000;
    for (let n = 1; n <= count; n++) memory.remember(reading(n), n);
    for (const seq of [9_999, 10_000, 10_001, 24_990]) {
      memory.forget(seq);
      expect(memory.size).toBe(count - seq);
      expect([seq, seq + 1].map((ms) => memory.has(reading(ms)))).toEqual([false, true]);
    }
    memory.forget(count);
    expect(memory.size).toBe(0);
    expect([count, count + 1].map((ms) => memory.mayBeStored(reading(ms)))).toEqual([true, false]);
  });

  it('T21 looks beyond a standing that a change deletes, and beyond one that it restores', async () => {
    const standing = (timestampMs: number): Reading => ({
      dpuId: D1,
      timestampMs,
      measure: standingMeasure({ totalEntrances: timestampMs / 1_000, totalExits: 0, counterEpoch: null }),
    });
    const stored = [1_000, 2_000, 3_000].map(standing);
    const before = (ms: number): Reading[] => stored.filter(({ timestampMs }) => timestampMs < ms).slice(-1);
    const history = {
      readingsAt: async () => Promise.resolve([]),
      neighbours: async (places: readonly { readonly timestampMs: number }[]) =>
        Promise.resolve(places.flatMap(({ timestampMs }) => before(timestampMs))),
    };
    const [all, without] = [{ isDeleted: () => false }, { isDeleted: (of: Reading) => of.timestampMs === 3_000 }];
    const added = standing(4_000);
    for (const views of [
      [all, without],
      [without, all],
    ]) {
      const series = seriesOf(added, await new ReadingMemory().seriesAround([added], history, views));
      expect(series?.passedBy(added, null, without.isDeleted).entrances).toBe(2);
      expect(series?.passedBy(added, null, all.isDeleted).entrances).toBe(1);
    }
  });

  it('D1 knows every accepted reading, or asks history about its copy, whatever was forgotten and rebuilt', () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          accept: fc
            .tuple(
              fc.integer({ min: 0, max: 30 }),
              fc.constantFrom(1 as const, -1 as const),
              fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
              fc.constantFrom(D1, D2),
            )
            .map((fields) => reading(...fields)),
        }),
      },
      { weight: 2, arbitrary: fc.record({ forget: fc.nat({ max: 40 }) }) },
      { weight: 2, arbitrary: fc.record({ learn: fc.constantFrom(D1, D2) }) },
      { weight: 1, arbitrary: fc.record({ restart: fc.nat({ max: 40 }) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let memory = new ReadingMemory();
        const key = (of: Reading): string => JSON.stringify(of);
        // Sequence in READINGS of each accepted reading; all of them up to `storedSeq` are stored.
        const accepted: { readonly of: Reading; readonly seq: number }[] = [];
        let storedSeq = 0;
        const stored = (): Reading[] => accepted.filter(({ seq }) => seq <= storedSeq).map(({ of }) => of);
        for (const each of steps) {
          if ('accept' in each) {
            const isKnown = accepted.some(({ of }) => key(of) === key(each.accept));
            const isDuplicate =
              memory.has(each.accept) ||
              (memory.mayBeStored(each.accept) && stored().some((of) => key(of) === key(each.accept)));
            expect(isDuplicate).toBe(isKnown);
            if (isKnown) continue;
            accepted.push({ of: each.accept, seq: accepted.length + 1 });
            memory.remember(each.accept, accepted.length);
          } else if ('forget' in each) {
            // Only stored readings may be forgotten.
            storedSeq = Math.max(storedSeq, Math.min(each.forget, accepted.length));
            memory.forget(storedSeq);
          } else if ('learn' in each) {
            // The present history, without the readings that are remembered but not stored.
            const times = stored().filter(({ dpuId }) => dpuId === each.learn);
            memory.learnNewest(
              each.learn,
              times.length === 0 ? undefined : Math.max(...times.map(({ timestampMs }) => timestampMs)),
            );
          } else {
            // A new process reads READINGS again from a sequence at or before the last stored one.
            memory = new ReadingMemory();
            const fromSeq = Math.min(each.restart, storedSeq);
            for (const { of, seq } of accepted) if (seq > fromSeq) memory.remember(of, seq);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
