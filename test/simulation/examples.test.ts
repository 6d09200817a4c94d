// The meaning of a count, case by case. Each case runs the production router, fold and flush code on simulated engines,
// and is compared with the oracle and with numbers worked out by hand.
import { describe, expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import { at, BUILDING, doorway, dpu, HOUR, move, pass, play, reset, space, START_MS, wait } from './play.ts';
import { isRegistering } from './document-of.ts';
import type { Action } from './scenario.ts';
import { EARLIEST_MS } from './process.ts';

describe('the meaning of a count', () => {
  it('T1 readings of one millisecond are taken in the order of their ids: the entrance before the exit', async () => {
    const t = at('11:00:00');
    await play(
      [...BUILDING, dpu('d1', 1), pass('d1', [t, -1], [t, 1]), pass('d1', [t, 1, 'b'], [t, -1, 'a'])],
      async ({ count }) => {
        // `d1~..~+`, `d1~..~+.b`, `d1~..~-`, `d1~..~-.a`: 1, 2, 1, 0; the floor is 0.
        expect(await count(1, t)).toEqual([0, 0]);
      },
    );
  });

  it('E3 placements that are imported count like those of single calls', async () => {
    const t = at('11:00:00');
    const registered = [...BUILDING, dpu('d1', 1), move('d1', 2, t + 10), dpu('d2', 3, t + 5)].filter(isRegistering);
    const readings = [pass('d1', [t, 1], [t + 20, 1]), pass('d2', [t, 1], [t + 6, 1]), wait(60_000)];
    const imported: Action = { kind: 'import', of: registered };
    // At once, after the readings, a second time, and on top of what is registered.
    for (const actions of [
      [...registered, ...readings],
      [imported, ...readings],
      [...readings, imported],
      [imported, ...readings, imported],
      [...BUILDING, dpu('d1', 1), ...readings, imported],
    ])
      await play(actions, async ({ count }) => {
        expect(await count(1, t + 9)).toEqual([1, 1]);
        expect(await count(1, t + 20)).toEqual([0, 0]);
        expect(await count(2, t + 9)).toEqual([1, 1]);
        expect(await count(2, t + 20)).toEqual([2, 2]);
      });
  });

  it('T2 an exit from an empty space changes nothing, and the next entrance gives 1', async () => {
    const t = at('11:00:00');
    await play([...BUILDING, dpu('d1', 1), pass('d1', [t, -1], [t + 1, -1], [t + 2, 1])], async ({ count }) =>
      expect(await count(1, t + 2)).toEqual([1, -1]),
    );
  });

  it('T3 a reset between two readings, in the past, and one in the future', async () => {
    const t = at('11:00:00');
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        pass('d1', [t, 1], [t + 10, 1]),
        wait(60_000),
        reset(1, t + 5, 7),
        reset(1, START_MS + HOUR, 2),
      ],
      async ({ count }) => {
        expect(await count(1, t)).toEqual([1, 1]);
        expect(await count(1, t + 5)).toEqual([7, 7]);
        expect(await count(1, t + 10)).toEqual([8, 8]);
        expect(await count(1, START_MS + HOUR - 1)).toEqual([8, 8]);
        expect(await count(1, START_MS + HOUR)).toEqual([2, 2]);
      },
    );
  });

  it('T4 the later recorded of two resets at one instant wins, and a reading at that instant is before them', async () => {
    const t = at('11:00:00');
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        pass('d1', [t, 1], [t + 1, 1]),
        wait(60_000),
        reset(1, t, 9),
        wait(5_000),
        reset(1, t, 4),
      ],
      async ({ count }) => {
        expect(await count(1, t)).toEqual([4, 4]);
        expect(await count(1, t + 1)).toEqual([5, 5]);
      },
    );
  });

  const changes = [
    ['forward: 23 hours after the last', Date.UTC(2024, 2, 30, 3), Date.UTC(2024, 2, 31, 2), 23],
    ['back: 25 hours after the last', Date.UTC(2024, 9, 26, 2), Date.UTC(2024, 9, 27, 3), 25],
  ] as const;
  it.each(changes)('T5 a daily reset at 04:00 on the day the clocks go %s', async (_, before, after, hours) => {
    expect(after - before).toBe(hours * HOUR);
    const vienna = [
      space('A', { timeZone: 'Europe/Vienna', dailyReset: '04:00' }),
      doorway('in', 1, null),
      dpu('d1', 1),
    ];
    await play(
      [
        ...vienna,
        wait(after + 12 * HOUR - START_MS),
        pass('d1', [before, 1], [before + 1, 1], [after - 1, 1], [after, 1], [after + 1, 1]),
      ],
      async ({ count }) => {
        expect(await count(1, before)).toEqual([0, 0]);
        expect(await count(1, after - 1)).toEqual([2, 2]);
        expect(await count(1, after)).toEqual([0, 0]);
        expect(await count(1, after + 1)).toEqual([1, 1]);
        // It does not come an hour earlier or later.
        expect(await count(1, after + 2 * HOUR)).toEqual([1, 1]);
      },
    );
  });

  it('T6 a daily reset at an hour that is skipped, and one at an hour that occurs twice', async () => {
    const [skipped, twice] = [Date.UTC(2024, 2, 31, 1, 30), Date.UTC(2024, 9, 27, 0, 30)];
    const vienna = [
      space('A', { timeZone: 'Europe/Vienna', dailyReset: '02:30' }),
      doorway('in', 1, null),
      dpu('d1', 1),
    ];
    await play(
      [
        ...vienna,
        wait(3 * 24 * HOUR),
        pass('d1', [skipped - 1, 1], [skipped + 1, 1]),
        wait(210 * 24 * HOUR),
        pass('d1', [twice - 1, 1], [twice + 1, 1]),
      ],
      async ({ count }) => {
        expect(await count(1, skipped - 1)).toEqual([1, 1]);
        expect(await count(1, skipped)).toEqual([0, 0]);
        expect(await count(1, skipped + 1)).toEqual([1, 1]);
        expect(await count(1, twice - 1)).toEqual([1, 1]);
        expect(await count(1, twice)).toEqual([0, 0]);
        // The second 02:30 of that night does not reset again.
        expect(await count(1, twice + HOUR)).toEqual([1, 1]);
      },
    );
  });

  it('T7 a doorway whose spaces are changed, and swapped', async () => {
    const t = at('11:00:00');
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        pass('d1', [t, 1], [t + 1, 1]),
        wait(60_000),
        { kind: 'changeDoorway', doorway: 1, ingress: null, egress: 1 },
      ],
      async ({ count }) => expect(await count(1, t + 1)).toEqual([0, -2]),
    );
    await play(
      [
        ...BUILDING,
        dpu('d1', 2),
        pass('d1', [t, 1], [t + 1, 1]),
        wait(60_000),
        { kind: 'changeDoorway', doorway: 2, ingress: 1, egress: 2 },
      ],
      async ({ count }) => {
        expect(await count(1, t + 1)).toEqual([2, 2]);
        expect(await count(2, t + 1)).toEqual([0, -2]);
      },
    );
  });

  it('T8 a move in the past, one in the future, and one back', async () => {
    const t = at('11:00:00');
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        pass('d1', [t, 1], [t + 10, 1], [t + 20, 1]),
        wait(60_000),
        move('d1', 3, t + 5),
        wait(60_000),
        move('d1', 1, t + 15),
      ],
      async ({ count }) => {
        expect(await count(1, t + 20)).toEqual([2, 2]);
        expect(await count(2, t + 20)).toEqual([1, 1]);
      },
    );
    const later = START_MS + HOUR;
    await play(
      [...BUILDING, dpu('d1', 1), move('d1', 3, later), wait(2 * HOUR), pass('d1', [later - 1, 1], [later, 1])],
      async ({ count }) => {
        expect(await count(1, later)).toEqual([1, 1]);
        expect(await count(2, later)).toEqual([1, 1]);
      },
    );
  });

  it('T9 readings of a DPU that is registered a day later', async () => {
    const t = at('11:00:00');
    await play(
      [...BUILDING, pass('d1', [t, 1], [t + 1, 1]), wait(24 * HOUR), dpu('d1', 1), pass('d1', [t, 1])],
      async ({ count }) => expect(await count(1, t + 1)).toEqual([2, 2]),
    );
  });

  it('T10 a deleted DPU keeps what it counted, and its later readings are held', async () => {
    const t = at('11:00:00');
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        pass('d1', [t, 1]),
        wait(60_000),
        { kind: 'deleteDpu', dpuId: 'd1' as DpuId },
        wait(60_000),
        pass('d1', [START_MS + 100_000, 1]),
      ],
      async ({ count }) => expect(await count(1, START_MS + 100_000)).toEqual([1, 1]),
    );
  });

  it('T11 the earliest accepted reading, and one from tomorrow within the skew', async () => {
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        pass('d1', [0, 1], [EARLIEST_MS, 1], [START_MS + 60_000, 1], [START_MS + 10 * HOUR, 1]),
      ],
      async ({ count }) => {
        // An earlier one is dead-lettered: the device's clock is not set.
        expect(await count(1, 0)).toEqual([0, 0]);
        expect(await count(1, EARLIEST_MS)).toEqual([1, 1]);
        expect(await count(1, START_MS + 60_000)).toEqual([2, 2]);
        // One beyond the skew is dead-lettered.
        expect(await count(1, START_MS + 11 * HOUR)).toEqual([2, 2]);
      },
    );
  });

  it('D2 what a DPU sent with its clock ahead, and to a wrong subject, counts once when it is replayed', async () => {
    const t = START_MS - 60_000;
    // With faults, a replay may be refused or cut off: so often that one of each gets through.
    const replay = (shiftMs: number, dpuId: string | null = null): Action[] =>
      Array.from({ length: 16 }, () => [
        { kind: 'replay', shiftMs, dpuId: dpuId as DpuId | null } as const,
        { kind: 'ask', space: 1, atMs: t } as const,
        wait(1_000),
      ]).flat();
    await play(
      [
        ...BUILDING,
        dpu('d1', 1),
        pass('d1', [t + HOUR, 1], [t + HOUR + 1, 1], [t, 1]),
        wait(10_000),
        { kind: 'ask', space: 1, atMs: t },
        ...replay(-HOUR),
        ...replay(-HOUR + 5),
        { ...pass('d1', [t + 2, 1]), levels: 'status' } as Action,
        wait(10_000),
        ...replay(0, 'd1'),
        // Another space.
        dpu('d2', 3),
        ...replay(0, 'd2'),
      ],
      async ({ count }) => {
        // The first of them equals one that was accepted.
        expect(await count(1, t)).toEqual([1, 1]);
        expect(await count(1, t + 1)).toEqual([2, 2]);
        expect(await count(1, t + 20)).toEqual([3, 3]);
        expect(await count(2, t + 20)).toEqual([0, 0]);
      },
    );
  });

  it('D2 what a device sent before its format was described counts once when it is replayed', async () => {
    const t = START_MS - 60_000;
    const again = (): Action[] =>
      Array.from({ length: 8 }, () => [
        { kind: 'replay', shiftMs: 0, dpuId: null } as const,
        { kind: 'ask', space: 1, atMs: t } as const,
        wait(1_000),
      ]).flat();
    const described = (isWide: boolean, isReversed = false): Action => ({
      kind: 'device',
      dpuId: 'd1' as DpuId,
      isReversed,
      mapping: { isWide, isTimed: true },
    });
    const crossings = [1, 2, -1, 2, 1].map((d, n) => ({ line: 'a', d, at: new Date(t + n).toISOString() }));
    const sent: Action = { kind: 'payload', dpuId: 'd1' as DpuId, text: JSON.stringify(crossings), isMapped: true };
    const building = [...BUILDING, dpu('d1/a', 1)];
    // Nothing can be read, then a part, and then all of it.
    await play(
      [...building, sent, wait(10_000), ...again(), described(true), ...again(), described(true, true), ...again()],
      async ({ count }) => expect(await count(1, t + 4)).toEqual([3, 3]),
    );
    await play(
      [...building, described(false), wait(10_000), sent, wait(10_000), ...again(), described(true), ...again()],
      async ({ count }) => {
        expect(await count(1, t + 1)).toEqual([2, 2]);
        expect(await count(1, t + 4)).toEqual([3, 3]);
      },
    );
    // The part that has counted would be read differently. A wait may end early, and it has to be routed before.
    const untilRouted = Array.from({ length: 8 }, () => wait(10_000));
    await play(
      [...building, described(false), wait(10_000), sent, ...untilRouted, described(true, true), ...again()],
      async ({ count }) => expect(await count(1, t + 4)).toEqual([1, 1]),
    );
  });

  it('T12 deleting a space while readings arrive affects no other space', async () => {
    const t = at('11:00:00');
    await play(
      [
        ...BUILDING,
        dpu('d1', 2),
        pass('d1', [t, 1]),
        { kind: 'changeDoorway', doorway: 3, ingress: null, egress: 1 },
        { kind: 'changeDoorway', doorway: 2, ingress: null, egress: 1 },
        { kind: 'deleteSpace', space: 2 },
        pass('d1', [t + 1, 1]),
      ],
      async ({ count }) => expect(await count(1, t + 1)).toEqual([0, -2]),
    );
  });
});

describe('T17 the newest reading', () => {
  const [t, moved] = [at('11:00:00'), at('11:30:00')];
  const readings = [pass('d1', [t, 1], [t + 10_000, -1]), pass('d1', [moved, 1], [moved + 10_000, 1])];
  const away = move('d1', 3, moved);

  it.each([
    ['before the move was recorded', [...readings, wait(HOUR), away]],
    ['after the move was recorded', [away, ...readings]],
    ['the later ones first', [...readings.toReversed(), wait(HOUR), away]],
    ['some before and some after', [...readings.slice(0, 1), wait(HOUR), away, ...readings.slice(1)]],
  ] as const)('is the same with readings %s, and never after the instant asked for', async (_, actions) => {
    await play([...BUILDING, dpu('d1', 1), ...actions], async ({ lastReadingMs }) => {
      expect(await lastReadingMs(1, moved + HOUR)).toBe(t + 10_000);
      expect(await lastReadingMs(1, t + 9_999)).toBe(t);
      expect(await lastReadingMs(1, t - 1)).toBe(-1);
      expect(await lastReadingMs(2, moved + HOUR)).toBe(moved + 10_000);
      expect(await lastReadingMs(2, moved + 9_999)).toBe(moved);
      expect(await lastReadingMs(2, moved - 1)).toBe(-1);
    });
  });

  it('of a space that all have left is none, and of a space that a reset emptied it is the one before', async () => {
    await play(
      [...BUILDING, dpu('d1', 1), pass('d1', [t, 1]), wait(HOUR), reset(1, t + 5_000, 0)],
      async ({ lastReadingMs }) => expect(await lastReadingMs(1, t + 6_000)).toBe(t),
    );
    await play(
      [...BUILDING, dpu('d1', 1), pass('d1', [t, 1]), wait(HOUR), move('d1', 3, t)],
      async ({ lastReadingMs }) => expect(await lastReadingMs(1, START_MS + HOUR)).toBe(-1),
    );
  });
});

describe('a shard', () => {
  it('S4 is restored from a log with more blocks than may wait in memory', async () => {
    const t = START_MS;
    // A router asks history about the first readings of a DPU that it does not remember.
    const known = [pass('d1', [t, 1]), ...Array.from({ length: 40 }, (): Action => ({ kind: 'tick' }))];
    const away = Array.from({ length: 200 }, (_, n): Action[] => [
      pass('d1', [t + 1_000 + n * 2_000, 1]),
      wait(2_000),
      { kind: 'tick' },
      { kind: 'tick' },
    ]).flat();
    await play([...BUILDING, dpu('d1', 1), ...known, { kind: 'history', isAway: true }, ...away], async ({ count }) => {
      expect(await count(1, t + 500_000)).toEqual([201, 201]);
    });
  });
});
