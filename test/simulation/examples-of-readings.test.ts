// Examples worked out by hand, as those of examples.test.ts: what is a reading of its own, and what counts by others of its DPU.
import { describe, expect, it } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import { partitionOfSpace } from '../../src/domain/partition.ts';
import { at, BUILDING, doorway, dpu, HOUR, move, pass, play, report, space, wait } from './play.ts';
import type { Action } from './scenario.ts';

describe('readings of one DPU', () => {
  it('T13 an id that is reused for another timestamp, direction or DPU', async () => {
    const t = at('11:00:00');
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        move('d1', 3, t + 5),
        pass('d1', [t + 10, 1, 'n']),
        wait(60_000),
        pass('d1', [t, 1, 'n']),
      ],
      async ({ count }) => {
        expect(await count(1, t + 10)).toEqual([1, 1]);
        expect(await count(2, t + 10)).toEqual([1, 1]);
      },
    );
    const said = [
      [t, 1, 'n'],
      [t, -1, 'n'],
      [t, 1],
      [t, 1, 'm'],
      [t + 1, 1, 'n'],
    ] as const;
    // Each of them is sent again, at once and after it is stored.
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        dpu('d2', 1),
        pass('d1', ...said, ...said),
        pass('d2', [t, 1, 'n']),
        wait(60_000),
        pass('d1', ...said),
      ],
      async ({ count }) => {
        expect(await count(1, t + 1)).toEqual([4, 4]);
      },
    );
  });

  it('T13 a sensor that numbers its readings from 0 again after a reboot', async () => {
    const t = at('11:00:00');
    const numbered = (fromMs: number): Action =>
      pass('d1', ...[0, 1, 2].map((n) => [fromMs + n * 1_000, 1, String(n)] as const));
    await play([...BUILDING, dpu('d1', 1), numbered(t), wait(60_000), numbered(t + 60_000)], async ({ count }) =>
      expect(await count(1, t + 120_000)).toEqual([6, 6]),
    );
  });

  it('T13 a sensor whose clock shows 1970 after a reboot: its earlier readings stay in final history', async () => {
    const t = at('11:00:00');
    await play(
      [...BUILDING, dpu('d1', 1), pass('d1', [t, 1, '1']), wait(600_000), pass('d1', [5_000, 1, '1'])],
      async ({ count }) => {
        expect(await count(1, t - 1)).toEqual([1, 1]);
        expect(await count(1, t)).toEqual([2, 2]);
      },
    );
  });

  it('T13 two recordings of one tracker, each with ids from 1', async () => {
    const t = at('11:00:00');
    const recording = (fromMs: number): Action =>
      pass('d1', ...[1, 2, 3, 4].map((n) => [fromMs + n * 100, 1, String(n)] as const));
    await play(
      [...BUILDING, dpu('d1', 1), recording(t + 5_000), wait(60_000), recording(t), wait(60_000), recording(t)],
      async ({ count }) => {
        expect(await count(1, t + 1_000)).toEqual([4, 4]);
        expect(await count(1, t + 6_000)).toEqual([8, 8]);
      },
    );
  });

  it.each([
    ['of the same shard', true],
    ['of different shards', false],
  ] as const)('T14 a DPU that is moved between two spaces %s, back in time, and then home again', async (_, isSame) => {
    const shardOf = (id: number): number => partitionOfSpace(id as SpaceId, 3);
    const there = [2, 3, 4, 5, 6].find((id) => (shardOf(id) === shardOf(1)) === isSame) ?? 0;
    const spaces = Array.from({ length: there }, (_unused, n) => space(`S${n + 1}`));
    const t = at('11:00:00');
    const moved = [
      ...spaces,
      doorway('here', 1, null),
      doorway('there', there, null),
      dpu('d1', 1),
      pass('d1', [t, 1], [t + 10, 1], [t + 20, -1]),
      wait(60_000),
      move('d1', 2, t + 10),
      pass('d1', [t + 5, 1], [t + 15, 1]),
    ];
    await play(moved, async ({ count }) => {
      expect(await count(1, t + 20)).toEqual([2, 2]);
      expect(await count(there, t + 15)).toEqual([2, 2]);
      expect(await count(there, t + 20)).toEqual([1, 1]);
    });
    await play([...moved, wait(60_000), move('d1', 1, t + 10)], async ({ count }) => {
      expect(await count(1, t + 20)).toEqual([3, 3]);
      expect(await count(there, t + 20)).toEqual([0, 0]);
    });
  });

  it('T16 a standing takes its difference along when its DPU is moved, long after all is stored', async () => {
    const t = at('11:00:00');
    const standing = (ms: number, entrances: number): Action =>
      report('d1', ms, { total_entrances: entrances, total_exits: 0 });
    // Until the router has forgotten them, since they are stored.
    const later: Action[] = [wait(10 * HOUR), pass('d2', [t + 3 * HOUR, 1]), wait(HOUR)];
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        standing(t, 5),
        standing(t + 60_000, 8),
        ...later,
        standing(t + 120_000, 12),
        ...later,
        move('d1', 3, t + 90_000),
        ...later,
      ],
      async ({ count }) => {
        expect(await count(1, t + 120_000)).toEqual([3, 3]);
        expect(await count(2, t + 120_000)).toEqual([4, 4]);
      },
    );
  });

  it.each([
    ['rising', [1, 2, 3]],
    ['falling', [3, 2, 1]],
    ['mixed', [2, 3, 1]],
  ] as const)('T18 revisions of an interval in %s order, across a move and a crash', async (_, order) => {
    const t = at('11:00:00');
    const revision = (n: number): Action =>
      report('d1', t, { entrances: [0, 8, 1, 4][n], exits: 0, start: new Date(t - 60_000).toISOString(), revision: n });
    const later: Action[] = [wait(HOUR), pass('d2', [t + HOUR, 1]), wait(HOUR)];
    const [first, second, third] = order;
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        revision(first),
        ...later,
        revision(second),
        { kind: 'crash', process: 0 },
        { kind: 'start' },
        move('d1', 3, t - 1),
        ...later,
        revision(third),
        revision(first),
      ],
      async ({ count }) => {
        expect(await count(1, t)).toEqual([0, 0]);
        expect(await count(2, t)).toEqual([4, 4]);
      },
    );
  });
});
