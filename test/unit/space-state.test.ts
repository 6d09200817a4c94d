// The state of a space: its watermark, when its events become final, and the count in between.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { compareEvents, deltaOf } from '../../src/domain/space-event.ts';
import { SpaceState } from '../../actors/space/space-state.ts';
import { eventOf } from '../support/event-of.ts';
import { LoneSpace, SPACE_SETTINGS } from '../support/lone-space.ts';

const pass = (timestampMs: number, delta: 1 | -1 = 1): LoggedEvent => eventOf({ timestampMs, delta });
const onceIn = <T>(steps: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: steps - 1, arbitrary: fc.constant(undefined) }, arbitrary);
const times = (events: readonly LoggedEvent[]): number[] => events.map(({ timestampMs }) => timestampMs);

describe('a space', () => {
  it('B1 keeps an event until the watermark passes it, and emits events in event order', () => {
    const space = new LoneSpace();
    space.observe(1_000, pass(950), pass(930), pass(940));
    expect([space.final, space.at(1_000)]).toEqual([[], [3, 0]]);
    // The newest reading minus the out-of-orderness.
    expect(space.state.watermarkBy(space.context)).toBe(940);
    space.elapse(1_000);
    expect([times(space.final), space.state.watermarkMs]).toEqual([[930, 940], 940]);
    // A DPU that is silent for the idle timeout no longer holds the watermark back.
    space.elapse(1_100);
    expect([times(space.final), space.state.watermarkMs]).toEqual([[930, 940, 950], 990]);
    expect(space.at(1_100)).toEqual([3, 0]);
  });

  it('W1 never moves its watermark back, so that final events are in order', () => {
    const step = fc.record({
      clockMs: fc.integer({ min: -50, max: 120 }),
      agesMs: fc.array(fc.tuple(fc.integer({ min: -20, max: 300 }), fc.constantFrom(1 as const, -1 as const)), {
        maxLength: 4,
      }),
      dpus: fc.option(fc.subarray(['d', 'e', 'f']), { freq: 6, nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const space = new LoneSpace();
        let nowMs = 1_000;
        const sent: LoggedEvent[] = [];
        for (const [seq, { clockMs, agesMs, dpus }] of steps.entries()) {
          nowMs += clockMs;
          const before = space.state.watermarkMs;
          if (dpus) space.configure({ dpus });
          // No two readings have the same identity.
          const events = agesMs
            .map(([ageMs, delta], n) =>
              eventOf({ timestampMs: nowMs - ageMs, delta, seq, dpuId: ['d', 'e', 'f', 'g'][n] ?? 'd' }),
            )
            .filter((event) => !sent.some((other) => other.readingId === event.readingId));
          sent.push(...events);
          space.observe(nowMs, ...events);
          expect(space.state.watermarkMs).toBeGreaterThanOrEqual(before);
          expect(space.state.watermarkBy(space.context)).toBeGreaterThanOrEqual(space.state.watermarkMs);
          expect(times(space.final)).toEqual([...times(space.final)].sort((a, b) => a - b));
        }
        // Every event is in a block, in time or late, or in the buffer.
        const waiting = sent.length - space.final.length - space.late.length;
        expect(waiting).toBeGreaterThanOrEqual(0);
        space.configure({ dpus: [] });
        space.elapse(1e9);
        expect([...space.final, ...space.late].sort(compareEvents)).toEqual([...sent].sort(compareEvents));
      }),
    );
  });

  it('has nothing to do as time passes unless it is due, and is not due right after', () => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 80 }),
      agesMs: fc.uniqueArray(fc.integer({ min: -20, max: 60 }), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const space = new LoneSpace();
        space.configure({ dpus: ['d', 'e'] });
        const sent = new Set<number>();
        let nowMs = 1_000;
        for (const [seq, { waitMs, agesMs }] of steps.entries()) {
          // No two readings have the same identity.
          const instants = agesMs.map((ageMs) => nowMs - ageMs).filter((atMs) => !sent.has(atMs));
          for (const atMs of instants) sent.add(atMs);
          space.observe(
            nowMs,
            ...instants.map((atMs) => eventOf({ timestampMs: atMs, seq, dpuId: atMs % 3 ? 'd' : 'e' })),
          );
          nowMs += waitMs;
          space.clockMs = nowMs;
          const [isDue, finalBefore] = [space.state.isDue(space.context), space.final.length];
          const before = { ...space.snapshot, watermarkMs: 0 };
          space.elapse(nowMs);
          expect(space.final.length > finalBefore).toBe(isDue);
          if (!isDue) expect({ ...space.snapshot, watermarkMs: 0 }).toEqual(before);
          expect(space.state.isDue(space.context)).toBe(false);
        }
      }),
    );
  });

  it('O1 has the net and the lowest net of all its events in event order, whatever order they arrived in', () => {
    const arbitrary = fc.uniqueArray(
      fc.record({ timestampMs: fc.integer({ min: 0, max: 400 }), delta: fc.constantFrom(1 as const, -1 as const) }),
      { selector: ({ timestampMs, delta }) => timestampMs * 2 + delta, maxLength: 45 },
    );
    fc.assert(
      fc.property(arbitrary, fc.infiniteStream(fc.integer({ min: 0, max: 30 })), (readings, waits) => {
        const space = new LoneSpace({ timestampMs: 100, count: 2 });
        const observed: LoggedEvent[] = [];
        let clockMs = 0;
        for (const reading of readings) {
          clockMs += waits.next().value as number;
          const event = eventOf(reading);
          // Late events have tests of their own.
          space.elapse(clockMs);
          if (event.timestampMs <= space.state.watermarkMs) continue;
          space.observe(clockMs, event);
          observed.push(event);
          for (const atMs of [space.state.watermarkMs, 100, 250, 400]) {
            if (atMs < space.state.watermarkMs) continue;
            const sinceMs = atMs >= 100 ? 100 : BEGINNING_MS;
            let [net, lowestNet] = atMs >= 100 ? [2, 2] : [0, 0];
            for (const event of [...observed].sort(compareEvents)) {
              const { timestampMs } = event;
              if (timestampMs <= sinceMs || timestampMs > atMs) continue;
              net += deltaOf(event);
              lowestNet = Math.min(lowestNet, net);
            }
            expect(space.at(atMs)).toEqual([net, lowestNet]);
          }
        }
      }),
    );
  });

  it('O1 counts the same in a long buffer as if it had received all of it at once', () => {
    const step = fc.record({
      aheadMs: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: -9, max: 8 }) }, fc.integer({ min: -60, max: 0 })),
      delta: fc.constantFrom(1 as const, -1 as const),
      retracts: onceIn(5, fc.nat(60)),
      finaliseMs: onceIn(25, fc.nat(60)),
      resetMs: onceIn(40, fc.integer({ min: 900, max: 1_400 })),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 49 }), (steps) => {
        const space = new LoneSpace({ timestampMs: 1_050, count: 3 });
        const [standing, sent]: [LoggedEvent[], Set<string>] = [[], new Set()];
        let nowMs = 1_000;
        for (const [seq, { aheadMs, delta, retracts, finaliseMs, resetMs }] of steps.entries()) {
          nowMs += Math.max(1, aheadMs);
          // Until then the clock holds the watermark back.
          if (finaliseMs !== undefined) space.elapse(Math.max(space.clockMs, nowMs - finaliseMs));
          if (resetMs !== undefined) space.configure({ resets: [{ timestampMs: resetMs, count: 1 }] });
          const [retracted] = retracts === undefined ? [] : standing.splice(retracts, 1);
          const event = retracted
            ? { ...retracted, sign: -1 as const }
            : eventOf({ timestampMs: nowMs + aheadMs, delta, seq });
          // No two readings have the same identity.
          if (!retracted && sent.has(event.readingId)) continue;
          sent.add(event.readingId);
          if (!retracted) standing.push(event);
          space.observe(space.clockMs, event);
          const restored = SpaceState.restore(space.snapshot, space.state.bufferedEvents());
          for (const atMs of [nowMs + 8, nowMs, nowMs - 40])
            if (atMs >= space.state.watermarkMs)
              expect(space.state.occupancyAt(atMs)).toEqual(restored.occupancyAt(atMs));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('makes the oldest events final early if the buffer is full', () => {
    const space = new LoneSpace();
    const all = Array.from({ length: SPACE_SETTINGS.bufferEventsMax + 3 }, (_, n) => pass(1_000 + n));
    space.observe(1_000, ...all);
    expect(times(space.final)).toEqual([1_000, 1_001, 1_002]);
    expect([space.state.watermarkMs, space.at(2_000)]).toEqual([1_002, [all.length, 0]]);
  });

  it('ignores heartbeats of other DPUs, because ids come from outside and memory must be bounded', () => {
    const space = new LoneSpace();
    space.observe(1_000, eventOf({ timestampMs: 500, dpuId: 'stranger' }));
    space.state.recordAlive('stranger' as DpuId, 999);
    expect(space.snapshot.newestMs.map(([dpuId]) => dpuId)).toEqual(['d']);
    expect(space.state.watermarkBy(space.context)).toBe(
      1_000 - SPACE_SETTINGS.idleTimeoutMs - SPACE_SETTINGS.outOfOrdernessMs,
    );
  });

  it('keeps the newest timestamp of a DPU when another DPU is added', () => {
    const space = new LoneSpace();
    space.observe(1_000, pass(990));
    space.configure({ dpus: ['d', 'e'] });
    expect(space.snapshot.newestMs).toEqual([
      ['d', 990],
      ['e', BEGINNING_MS],
    ]);
  });

  it("caps a DPU's newest timestamp at the clock, because a reading from the future proves nothing about earlier ones", () => {
    const space = new LoneSpace();
    space.observe(1_000, pass(5_000));
    expect(space.state.watermarkBy(space.context)).toBe(1_000 - SPACE_SETTINGS.outOfOrdernessMs);
  });
});

describe('a late reading', () => {
  /** Two people inside, final up to 990. */
  function calm(): LoneSpace {
    const space = new LoneSpace();
    space.observe(500, pass(400), pass(401));
    space.elapse(1_000);
    expect([space.at(1_000), space.state.watermarkMs]).toEqual([[2, 0], 890]);
    return space;
  }

  it('enters the block as late, and changes the count at once; above zero no history is needed', () => {
    const space = calm();
    space.observe(1_000, pass(300));
    expect([times(space.late), times(space.final), space.state.lateEvents]).toEqual([[300], [400, 401], 1]);
    expect([space.at(1_000), space.snapshot.correction]).toEqual([[3, 0], null]);
  });

  it('is one at the watermark itself, and not one after it', () => {
    const space = calm();
    space.observe(1_000, pass(890), pass(891));
    expect(times(space.late)).toEqual([890]);
  });

  it('may have emptied the space, so the lowest net is a lower bound until history has been read', () => {
    const space = calm();
    space.observe(1_000, pass(300, -1));
    expect(space.at(1_000)).toEqual([1, -1]);
    expect(space.snapshot.correction).toEqual({ block: 1, tail: null, netKnown: true });
    // The answer must contain the rows of the open block, so it is not used before that block is cut.
    space.state.correct(1, space.snapshot.base, { net: 1, lowestNet: -1 });
    expect(space.snapshot.correction).not.toBeNull();
    space.cut();
    // Events that become final while history is read are added to the answer.
    space.observe(1_200, pass(1_150, -1), pass(1_151, -1), pass(1_152));
    space.elapse(2_000);
    space.state.correct(1, space.snapshot.base, { net: 1, lowestNet: -1 });
    expect([space.at(2_000), space.snapshot.correction]).toEqual([[0, -1], null]);
  });

  it('takes the lowest net from the events that became final since, if it is lower', () => {
    const space = calm();
    space.observe(1_000, pass(500, -1), pass(501, -1), pass(502, -1), pass(503));
    space.cut();
    space.observe(1_200, ...[0, 1, 2].map((n) => pass(1_150 + n, -1)), pass(1_160));
    space.elapse(2_000);
    space.state.correct(1, space.snapshot.base, { net: 0, lowestNet: -1 });
    expect(space.at(2_000)).toEqual([-2, -3]);
  });

  it('is in a snapshot as it was at the time, whatever becomes final since', () => {
    const space = calm();
    space.observe(1_000, pass(300, -1));
    space.cut();
    const { snapshot } = space;
    space.observe(1_200, pass(1_150, -1));
    space.elapse(2_000);
    expect(space.snapshot.correction?.tail).toEqual({ sum: -1, lowestNet: -1 });
    expect(snapshot.correction?.tail).toEqual({ sum: 0, lowestNet: 0 });
  });

  it('before the reset in force changes history only', () => {
    const space = new LoneSpace({ timestampMs: 800, count: 4 });
    space.elapse(1_000);
    space.observe(1_000, pass(300, -1), pass(800, -1));
    expect([space.at(1_000), times(space.late), space.snapshot.correction]).toEqual([[4, 4], [300, 800], null]);
  });

  it('does not use an answer for another block or reset, or one that contradicts the log', () => {
    const space = calm();
    space.observe(1_000, pass(300, -1));
    space.cut();
    space.state.correct(2, space.snapshot.base, { net: 1, lowestNet: 0 });
    space.state.correct(1, { timestampMs: 5, count: 0 }, { net: 1, lowestNet: 0 });
    expect(space.snapshot.correction).not.toBeNull();
    expect(() => space.state.correct(1, space.snapshot.base, { net: 7, lowestNet: 0 })).toThrow('net 7');
    space.state.correct(1, space.snapshot.base, { net: 1, lowestNet: 0 });
    expect(space.at(1_000)).toEqual([1, 0]);
  });

  it('asks again, for its own block, if it arrives while history is read', () => {
    const space = calm();
    space.observe(1_000, pass(300, -1));
    space.cut();
    space.observe(1_000, pass(301));
    expect(space.snapshot.correction).toEqual({ block: 2, tail: null, netKnown: true });
    space.state.correct(1, space.snapshot.base, { net: 1, lowestNet: -1 });
    expect(space.snapshot.correction).not.toBeNull();
    space.cut();
    space.state.correct(2, space.snapshot.base, { net: 2, lowestNet: -1 });
    expect(space.at(1_000)).toEqual([2, -1]);
  });
});

describe('a reset', () => {
  it('in the future takes effect when the watermark passes it, and before that for instants after it', () => {
    const space = new LoneSpace({ timestampMs: 1_500, count: 7 });
    space.observe(1_000, pass(900), pass(1_600));
    expect([1_499, 1_500, 1_600].map((ms) => space.at(ms))).toEqual([
      [1, 0],
      [7, 7],
      [8, 7],
    ]);
    expect([space.state.baseAt(1_499), space.state.baseAt(1_500)]).toEqual([
      { timestampMs: BEGINNING_MS, count: 0 },
      { timestampMs: 1_500, count: 7 },
    ]);
    space.elapse(3_000);
    expect([space.at(3_000), space.snapshot.base]).toEqual([[8, 7], { timestampMs: 1_500, count: 7 }]);
  });

  it('by day takes effect every day', () => {
    const DAY_MS = 86_400_000;
    const space = new LoneSpace();
    space.configure({ dailyReset: '04:00' });
    space.observe(DAY_MS, pass(DAY_MS - 50));
    expect([space.at(DAY_MS), space.at(DAY_MS + 4 * 3_600_000)]).toEqual([
      [1, 0],
      [0, 0],
    ]);
    space.elapse(3 * DAY_MS);
    expect(space.snapshot.base.timestampMs).toBe(2 * DAY_MS + 4 * 3_600_000);
  });

  it('in the past makes the space read its history from there on, and cuts the open block', () => {
    const space = new LoneSpace();
    space.observe(1_000, pass(300), pass(500));
    space.elapse(2_000);
    space.configure({ resets: [{ timestampMs: 400, count: 9 }] });
    expect([space.at(2_000), space.cutsAsked]).toEqual([[9, 9], 1]);
    expect(space.snapshot.correction).toEqual({ block: 1, tail: null, netKnown: false });
    space.cut();
    // A late reading comes meanwhile, which history up to the previous block lacks.
    space.observe(2_000, pass(450));
    expect(space.snapshot.correction).toEqual({ block: 2, tail: null, netKnown: false });
    space.cut();
    // Not even the net is known here, so any answer of history is accepted.
    space.state.correct(2, { timestampMs: 400, count: 9 }, { net: 11, lowestNet: 9 });
    expect([space.at(2_000), space.snapshot.correction]).toEqual([[11, 9], null]);
  });

  it('T3 that is removed or moved leaves the one before it in force, with its occupancy read from history', () => {
    const first = { timestampMs: 100, count: 2 };
    const space = new LoneSpace(first, { timestampMs: 400, count: 9 });
    space.observe(1_000, pass(300), pass(500));
    space.elapse(2_000);
    expect(space.at(2_000)).toEqual([10, 9]);
    space.configure({ resets: [first] });
    expect([space.snapshot.base, space.cutsAsked]).toEqual([first, 1]);
    expect(space.snapshot.correction).toEqual({ block: 1, tail: null, netKnown: false });
    space.cut();
    space.state.correct(1, first, { net: 4, lowestNet: 2 });
    expect(space.at(2_000)).toEqual([4, 2]);
    space.configure({ resets: [{ timestampMs: 3_000, count: 2 }] });
    expect(space.snapshot.base.timestampMs).toBeLessThan(0);
    space.elapse(4_000);
    expect(space.at(4_000)).toEqual([2, 2]);
  });

  it('that a later reset supersedes ends the correction', () => {
    const space = new LoneSpace();
    space.elapse(2_000);
    space.configure({
      resets: [
        { timestampMs: 400, count: 9 },
        { timestampMs: 2_500, count: 1 },
      ],
    });
    expect(space.snapshot.correction).not.toBeNull();
    space.elapse(4_000);
    expect([space.snapshot.correction, space.at(4_000)]).toEqual([null, [1, 1]]);
  });

  it('corrected to a higher count shifts the count; to a lower one, the space may have been empty', () => {
    const space = new LoneSpace({ timestampMs: 100, count: 2 });
    space.observe(1_000, pass(300, -1), pass(400, -1), pass(500));
    space.elapse(2_000);
    const corrected = (count: number): void =>
      space.configure({
        resets: [
          { timestampMs: 100, count: 2 },
          { timestampMs: 100, count },
        ],
      });
    corrected(5);
    expect([space.at(2_000), space.cutsAsked, space.snapshot.correction]).toEqual([[4, 3], 0, null]);
    corrected(1);
    expect([space.at(2_000), space.cutsAsked]).toEqual([[0, -1], 1]);
    expect(space.snapshot.correction).toEqual({ block: 1, tail: null, netKnown: true });
  });

  it('corrected to a lower count above zero also cuts the block, so that blocks do not depend on history', () => {
    const space = new LoneSpace({ timestampMs: 100, count: 8 });
    space.elapse(2_000);
    space.configure({
      resets: [
        { timestampMs: 100, count: 8 },
        { timestampMs: 100, count: 3 },
      ],
    });
    expect([space.at(2_000), space.cutsAsked, space.snapshot.correction]).toEqual([[3, 3], 1, null]);
  });
});

describe('a space that resumes from history', () => {
  it('starts at the reset in force, with its stored events still to be read', () => {
    const space = new LoneSpace({ timestampMs: 100, count: 4 }, { timestampMs: 5_000, count: 1 });
    space.state.resumeAt(1_000, { ms: 990, block: null }, 6);
    expect([space.state.watermarkMs, space.state.lastReadingAt(1_000), space.at(1_000)]).toEqual([1_000, 990, [4, 4]]);
    expect(space.state.nextResetMs).toBe(5_000);
    space.observe(2_000, pass(1_900, -1));
    space.elapse(4_000);
    space.state.correct(6, { timestampMs: 100, count: 4 }, { net: 3, lowestNet: 2 });
    expect([space.at(4_000), space.snapshot.correction]).toEqual([[2, 2], null]);
  });

  it('has nothing to read if nothing is stored', () => {
    const space = new LoneSpace();
    space.state.resumeAt(BEGINNING_MS, { ms: BEGINNING_MS, block: null }, null);
    expect([space.snapshot.correction, space.at(0)]).toEqual([null, [0, 0]]);
  });
});
