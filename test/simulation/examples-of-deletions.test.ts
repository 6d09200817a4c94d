// Examples worked out by hand, as those of examples.test.ts: single readings that are deleted.
import { describe, expect, it } from 'vitest';
import {
  at,
  BUILDING,
  deleteReading,
  dpu,
  exclude,
  HOUR,
  move,
  pass,
  play,
  report,
  restoreReading,
  wait,
} from './play.ts';
import type { Action } from './scenario.ts';

const t = at('11:00:00');
const LATER: readonly Action[] = [wait(HOUR), pass('d2', [t + HOUR, 1]), wait(HOUR)];
const standing = (ms: number, entrances: number): Action =>
  report('d1', ms, { total_entrances: entrances, total_exits: 0 });

describe('deletions of readings', () => {
  it('T21 one reading is deleted, whenever it is sent again, until it is restored', async () => {
    // Each of the three differs from the deleted one in one field.
    const sent = pass('d1', [t, 1], [t, -1], [t, 1, 'a'], [t + 1, 1]);
    const actions = [...BUILDING, dpu('d1', 2), sent, ...LATER, deleteReading('d1', t, '+'), sent];
    await play([...actions, ...LATER, sent], async ({ count }) => {
      expect(await count(2, t)).toEqual([0, 0]);
      expect(await count(2, t + 1)).toEqual([1, 1]);
      // The space that the doorway leads out of.
      expect(await count(1, t + 1)).toEqual([0, -1]);
    });
    await play([...actions, ...LATER, restoreReading('d1', t, '+'), sent], async ({ count }) => {
      expect(await count(2, t + 1)).toEqual([2, 2]);
      expect(await count(1, t + 1)).toEqual([0, -2]);
    });
  });

  it('T21 a reading may be deleted before it is sent, and before its DPU is registered', async () => {
    const actions = [
      ...BUILDING,
      deleteReading('d1', t, '+'),
      pass('d1', [t, 1], [t + 1, 1]),
      ...LATER,
      dpu('d1', 1),
      pass('d1', [t, 1]),
    ];
    await play(actions, async ({ count, lastReadingMs }) => {
      expect(await count(1, t + 1)).toEqual([1, 1]);
      expect(await lastReadingMs(1, t)).toBe(-1);
    });
    await play([...actions, restoreReading('d1', t, '+')], async ({ count }) => {
      expect(await count(1, t + 1)).toEqual([2, 2]);
    });
  });

  it('T21 a reading that was restored before it was sent counts', async () => {
    const actions = [
      ...BUILDING,
      dpu('d1', 1),
      deleteReading('d1', t, '+'),
      ...LATER,
      restoreReading('d1', t, '+'),
      pass('d1', [t, 1]),
    ];
    await play(actions, async ({ count }) => {
      expect(await count(1, t)).toEqual([1, 1]);
    });
  });

  it('T21 a deleted reading moves with its DPU, and stays deleted in an exclusion and after it', async () => {
    const actions = [
      ...BUILDING,
      dpu('d1', 1),
      pass('d1', [t, 1], [t + 1, 1]),
      deleteReading('d1', t, '+'),
      exclude('d1', t - 1, t + 1),
      ...LATER,
      move('d1', 3, t - 1),
      { kind: 'include', dpuId: 'd1', id: 1 } as Action,
    ];
    await play(actions, async ({ count }) => {
      expect(await count(1, t + 1)).toEqual([0, 0]);
      expect(await count(2, t + 1)).toEqual([1, 1]);
    });
    await play([...actions, restoreReading('d1', t, '+')], async ({ count }) => {
      expect(await count(1, t + 1)).toEqual([0, 0]);
      expect(await count(2, t + 1)).toEqual([2, 2]);
    });
  });

  it('T21 a deleted standing is as if it had never been sent: the next counts from the one before', async () => {
    // Without the deletion: 5 - 50 is a restart, so 50 and then 12.
    const actions = [...BUILDING, dpu('d1', 1), standing(t, 5), standing(t + 10, 50), standing(t + 20, 12)];
    await play([...actions, ...LATER, deleteReading('d1', t + 10, 't50-0')], async ({ count }) => {
      expect(await count(1, t + 10)).toEqual([0, 0]);
      expect(await count(1, t + 20)).toEqual([7, 7]);
    });
    await play(
      [...actions, deleteReading('d1', t + 10, 't50-0'), ...LATER, restoreReading('d1', t + 10, 't50-0')],
      async ({ count }) => {
        expect(await count(1, t + 10)).toEqual([45, 45]);
        expect(await count(1, t + 20)).toEqual([57, 57]);
      },
    );
  });

  it('T21 an excluded standing remains the predecessor of the next, and a deleted one does not', async () => {
    const actions = [...BUILDING, dpu('d1', 1), standing(t, 5), standing(t + 10, 8), standing(t + 20, 12), ...LATER];
    await play([...actions, exclude('d1', t + 10, t + 11)], async ({ count }) => {
      expect(await count(1, t + 20)).toEqual([4, 4]);
    });
    await play([...actions, exclude('d1', t + 10, t + 11), deleteReading('d1', t + 10, 't8-0')], async ({ count }) => {
      expect(await count(1, t + 20)).toEqual([7, 7]);
    });
  });

  it('T21 a run of deleted standings is passed over, by those that are stored and by those that arrive late', async () => {
    const deletions = [10, 20, 30, 40].map((n) => deleteReading('d1', t + n, `t${5 + n}-0`));
    const actions = [
      ...BUILDING,
      dpu('d1', 1),
      ...[0, 10, 20, 30, 40, 50].map((n) => standing(t + n, 5 + n)),
      ...LATER,
      ...deletions,
      ...LATER,
    ];
    await play(actions, async ({ count }) => {
      expect(await count(1, t + 49)).toEqual([0, 0]);
      expect(await count(1, t + 50)).toEqual([50, 50]);
    });
    await play([...actions, standing(t + 25, 9), ...LATER, standing(t + 60, 56)], async ({ count }) => {
      expect(await count(1, t + 49)).toEqual([4, 4]);
      expect(await count(1, t + 50)).toEqual([50, 50]);
      expect(await count(1, t + 60)).toEqual([51, 51]);
    });
    await play([...actions, restoreReading('d1', t + 20, 't25-0')], async ({ count }) => {
      expect(await count(1, t + 49)).toEqual([20, 20]);
      expect(await count(1, t + 50)).toEqual([50, 50]);
    });
  });

  it('T21 the baseline is deleted: the next standing is the first, and counts nobody', async () => {
    const actions = [...BUILDING, dpu('d1', 1), standing(t, 5), standing(t + 10, 8), standing(t + 20, 12), ...LATER];
    await play([...actions, deleteReading('d1', t, 't5-0')], async ({ count }) => {
      expect(await count(1, t + 10)).toEqual([0, 0]);
      expect(await count(1, t + 20)).toEqual([4, 4]);
    });
  });

  it('T21 when the revision that counts is deleted, the one before it counts', async () => {
    const [startMs, start] = [t, new Date(t).toISOString()];
    const revision = (entrances: number, n: number): Action =>
      report('d1', t + 60_000, { entrances, exits: 0, start, revision: n });
    const which = (entrances: number, n: number): [string, number, string] => [
      'd1',
      t + 60_000,
      `${entrances}-0-${startMs}r${n}`,
    ];
    const actions = [...BUILDING, dpu('d1', 1), revision(3, 1), revision(4, 2), revision(9, 3), ...LATER];
    await play([...actions, deleteReading(...which(9, 3))], async ({ count }) => {
      expect(await count(1, t + 60_000)).toEqual([4, 4]);
    });
    await play(
      [...actions, deleteReading(...which(9, 3)), ...LATER, deleteReading(...which(4, 2))],
      async ({ count }) => {
        expect(await count(1, t + 60_000)).toEqual([3, 3]);
      },
    );
    await play(
      [...actions, deleteReading(...which(9, 3)), ...LATER, revision(5, 4), restoreReading(...which(9, 3))],
      async ({ count }) => {
        expect(await count(1, t + 60_000)).toEqual([5, 5]);
      },
    );
  });
});
