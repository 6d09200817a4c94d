// Examples worked out by hand, as those of examples.test.ts: resets that are changed or deleted, and daily resets to a count.
import { describe, expect, it } from 'vitest';
import { at, BUILDING, dpu, HOUR, pass, play, reset, space, doorway, wait } from './play.ts';
import type { Action } from './scenario.ts';

const t = at('11:00:00');
const LATER: readonly Action[] = [wait(HOUR), pass('d2', [t + HOUR, 1]), wait(HOUR)];
const change = (of: number, id: number, more: { timestampMs?: number; count?: number }): Action => ({
  kind: 'changeReset',
  space: of,
  id,
  ...more,
});
const remove = (of: number, id: number): Action => ({ kind: 'deleteReset', space: of, id });

describe('resets', () => {
  it('T3 a reset that is deleted leaves the one before it in force, in the past and now', async () => {
    const actions = [
      ...BUILDING,
      dpu('d1', 1),
      pass('d1', [t, 1], [t + 20, 1], [t + 40, 1]),
      reset(1, t + 10, 10),
      reset(1, t + 30, 20),
      ...LATER,
    ];
    await play(actions, async ({ count }) => {
      expect(await count(1, t + 40)).toEqual([21, 21]);
    });
    await play([...actions, remove(1, 2)], async ({ count }) => {
      expect(await count(1, t + 20)).toEqual([11, 11]);
      expect(await count(1, t + 40)).toEqual([12, 12]);
    });
    await play([...actions, remove(1, 2), remove(1, 1), ...LATER], async ({ count }) => {
      expect(await count(1, t + 20)).toEqual([2, 2]);
      expect(await count(1, t + 40)).toEqual([3, 3]);
    });
  });

  it('T3 a reset that is changed applies at its new instant, with its new count', async () => {
    const actions = [...BUILDING, dpu('d1', 1), pass('d1', [t, 1], [t + 20, 1], [t + 40, 1]), reset(1, t + 10, 10)];
    await play([...actions, ...LATER, change(1, 1, { timestampMs: t + 30 })], async ({ count }) => {
      expect(await count(1, t + 20)).toEqual([2, 2]);
      expect(await count(1, t + 40)).toEqual([11, 11]);
    });
    await play([...actions, ...LATER, change(1, 1, { timestampMs: t - 1, count: 5 })], async ({ count }) => {
      expect(await count(1, t)).toEqual([6, 6]);
      expect(await count(1, t + 40)).toEqual([8, 8]);
    });
  });

  it('T4 the reset changed last wins if two have the same instant', async () => {
    const actions = [...BUILDING, dpu('d1', 1), reset(1, t, 3), reset(1, t, 5), pass('d1', [t + 1, 1])];
    await play([...actions, change(1, 1, { count: 7 })], async ({ count }) => {
      expect(await count(1, t + 1)).toEqual([8, 8]);
    });
    await play([...actions, ...LATER, change(1, 1, { count: 7 }), remove(1, 1)], async ({ count }) => {
      expect(await count(1, t + 1)).toEqual([6, 6]);
    });
    // From another instant, with the count that it had. It is the first one, because a person who gets no answer records one again.
    const earlier = [
      ...BUILDING,
      dpu('d1', 1),
      reset(1, t - 10, 9),
      reset(1, t, 3),
      reset(1, t, 5),
      pass('d1', [t + 1, 1]),
    ];
    await play([...earlier, change(1, 1, { timestampMs: t })], async ({ count }) => {
      expect(await count(1, t + 1)).toEqual([10, 10]);
    });
  });

  it('T5 a daily reset may be to any count, which can be changed', async () => {
    const daily = { timeZone: 'UTC', dailyReset: '10:59', dailyResetCount: 2 };
    const actions: Action[] = [
      { ...space('A'), ...daily },
      doorway('in', 1, null),
      dpu('d1', 1),
      pass('d1', [t - HOUR, 1], [t, -1], [t + 1, -1], [t + 2, -1]),
      ...LATER,
    ];
    await play(actions, async ({ count }) => {
      expect(await count(1, t)).toEqual([1, 1]);
      expect(await count(1, t + 2)).toEqual([0, -1]);
    });
    const changed: Action = { kind: 'changeSpace', space: 1, dailyReset: '10:59', dailyResetCount: 4 };
    await play([...actions, changed], async ({ count }) => {
      expect(await count(1, t + 2)).toEqual([1, 1]);
      // Yesterday's, too.
      expect(await count(1, t - 2 * HOUR)).toEqual([4, 4]);
    });
  });
});
