// Examples worked out by hand, as those of examples.test.ts: readings in an exclusion of their DPU.
import { describe, expect, it } from 'vitest';
import { at, BUILDING, dpu, exclude, HOUR, include, move, pass, play, report, wait } from './play.ts';
import type { Action } from './scenario.ts';

const t = at('11:00:00');
const LATER: readonly Action[] = [wait(HOUR), pass('d2', [t + HOUR, 1]), wait(HOUR)];

describe('exclusions', () => {
  it('T20 the span is half-open, and applies to earlier and later readings alike, until it is deleted', async () => {
    const before = pass('d1', [t - 1, 1], [t, 1], [t + 10, 1]);
    const after = pass('d1', [t + 19, 1], [t + 20, 1]);
    const actions = [...BUILDING, dpu('d1', 2), before, ...LATER, exclude('d1', t, t + 20), after];
    await play(actions, async ({ count, lastReadingMs }) => {
      expect(await count(2, t + 19)).toEqual([1, 1]);
      expect(await count(2, t + 20)).toEqual([2, 2]);
      // The space that the doorway leads out of.
      expect(await count(1, t + 20)).toEqual([0, -2]);
      expect(await lastReadingMs(2, t + 19)).toBe(t - 1);
    });
    await play([...actions, ...LATER, include('d1', 1)], async ({ count }) => {
      expect(await count(2, t + 20)).toEqual([5, 5]);
      expect(await count(1, t + 20)).toEqual([0, -5]);
    });
  });

  it('T20 deleting one of two overlapping exclusions leaves what the other covers', async () => {
    const actions = [
      ...BUILDING,
      dpu('d1', 1),
      exclude('d1', t, t + 30),
      exclude('d1', t + 10, t + 20),
      exclude('d1', t + 20, t + 40),
      pass('d1', [t + 5, 1], [t + 15, 1], [t + 25, 1], [t + 35, 1], [t + 40, 1]),
      ...LATER,
      include('d1', 1),
    ];
    await play(actions, async ({ count }) => {
      expect(await count(1, t + 5)).toEqual([1, 1]);
      expect(await count(1, t + 39)).toEqual([1, 1]);
      expect(await count(1, t + 40)).toEqual([2, 2]);
    });
  });

  it('T20 excluded readings are excluded at the doorway that the DPU is moved to, and count there afterwards', async () => {
    const actions = [
      ...BUILDING,
      dpu('d1', 1),
      pass('d1', [t, 1]),
      exclude('d1', t, t + 1),
      ...LATER,
      move('d1', 3, t - 1),
      pass('d1', [t + 1, 1]),
    ];
    await play(actions, async ({ count }) => {
      expect(await count(1, t + 1)).toEqual([0, 0]);
      expect(await count(2, t + 1)).toEqual([1, 1]);
    });
    await play([...actions, include('d1', 1)], async ({ count }) => {
      expect(await count(1, t + 1)).toEqual([0, 0]);
      expect(await count(2, t + 1)).toEqual([2, 2]);
    });
  });

  it('T20 an excluded standing is the predecessor of the next, and only its own difference is left out', async () => {
    const standing = (ms: number, entrances: number): Action =>
      report('d1', ms, { total_entrances: entrances, total_exits: 0 });
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        exclude('d1', t + 10, t + 20),
        standing(t, 5),
        standing(t + 20, 12),
        ...LATER,
        // Late: the difference of the next one shrinks to 4.
        standing(t + 10, 8),
      ],
      async ({ count }) => {
        expect(await count(1, t + 19)).toEqual([0, 0]);
        expect(await count(1, t + 20)).toEqual([4, 4]);
      },
    );
  });

  it('T20 an interval belongs to the exclusion that contains its end', async () => {
    const interval = (startMs: number, endMs: number, entrances: number): Action =>
      report('d1', endMs, { entrances, exits: 0, start: new Date(startMs).toISOString() });
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        interval(t, t + 60_000, 3),
        interval(t + 60_000, t + 120_000, 4),
        exclude('d1', t + 30_000, t + 90_000),
      ],
      async ({ count }) => {
        expect(await count(1, t + 60_000)).toEqual([0, 0]);
        expect(await count(1, t + 120_000)).toEqual([4, 4]);
      },
    );
  });

  it('T20 readings of an unplaced DPU are held, and excluded once it is placed', async () => {
    const actions = [
      ...BUILDING,
      dpu('d1', 1, t + HOUR),
      exclude('d1', t, t + 10),
      pass('d1', [t + 5, 1], [t + 10, 1]),
      ...LATER,
      move('d1', 1, 0),
    ];
    await play(actions, async ({ count }) => {
      expect(await count(1, t + 10)).toEqual([1, 1]);
    });
  });
});
