// The newest reading of a space: one of what is left of all that it was told.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { eventOf } from '../support/event-of.ts';
import { LoneSpace } from '../support/lone-space.ts';

const pass = (timestampMs: number): LoggedEvent => eventOf({ timestampMs });
const times = (events: readonly LoggedEvent[]): number[] => events.map(({ timestampMs }) => timestampMs);

describe('T17 the newest reading of a space', () => {
  const retracted = (timestampMs: number): LoggedEvent => ({ ...pass(timestampMs), sign: -1 });
  const lookUp = (space: LoneSpace, storedMs: number): void => {
    const block = space.state.newestReadingDue ?? 0;
    space.cut();
    space.state.newestReadingRead(block, storedMs);
  };

  it('is one at or before the instant, among those that wait and those that are final', () => {
    const space = new LoneSpace();
    expect(space.state.lastReadingAt(1_000)).toBe(BEGINNING_MS);
    space.observe(1_000, pass(950), pass(985), pass(1_030));
    space.elapse(1_010);
    expect(times(space.final)).toEqual([950, 985]);
    expect([1_000, 1_029, 1_030, 2_000].map((ms) => space.state.lastReadingAt(ms))).toEqual([985, 985, 1_030, 1_030]);
  });

  it('is none that was retracted while it waited', () => {
    const space = new LoneSpace();
    space.observe(1_000, pass(950), pass(994), pass(999), retracted(999));
    expect(space.state.lastReadingAt(1_000)).toBe(994);
    space.observe(1_000, retracted(994));
    space.elapse(2_000);
    expect([times(space.final), space.state.lastReadingAt(2_000)]).toEqual([[950, 994, 994, 999, 999], 950]);
  });

  it('has to be looked up once it was retracted, and not when another one was', () => {
    const space = new LoneSpace();
    space.observe(500, pass(300), pass(301), pass(302));
    space.elapse(1_000);
    space.observe(1_000, retracted(301));
    expect([space.state.lastReadingAt(1_000), space.state.newestReadingDue]).toEqual([302, undefined]);
    space.observe(1_000, retracted(302));
    expect([space.state.lastReadingAt(1_000), space.state.newestReadingDue]).toEqual([null, 1]);
    lookUp(space, 300);
    expect([space.state.lastReadingAt(1_000), space.state.newestReadingDue]).toEqual([300, undefined]);
  });

  it('stands if a reading is retracted and asserted in one commit, in either order: someone else passed by it', () => {
    const space = new LoneSpace();
    space.observe(500, pass(300));
    space.elapse(1_000);
    space.observe(1_000, retracted(300), pass(300));
    expect(space.state.lastReadingAt(1_000)).toBe(300);
    space.observe(1_000, pass(301), retracted(301));
    expect([space.state.lastReadingAt(1_000), space.state.newestReadingDue]).toEqual([300, undefined]);
  });

  it('is one that came since, if that is newer than what history says', () => {
    const space = new LoneSpace();
    space.observe(500, pass(300), pass(400));
    space.elapse(1_000);
    space.observe(1_000, retracted(400));
    space.observe(1_000, pass(350));
    expect(space.state.lastReadingAt(1_000)).toBeNull();
    lookUp(space, 300);
    expect(space.state.lastReadingAt(1_000)).toBe(350);
    space.observe(1_000, retracted(350));
    space.observe(1_100, pass(1_095));
    // What waits is newer than all that is final.
    expect([space.state.lastReadingAt(1_090), space.state.lastReadingAt(1_100)]).toEqual([null, 1_095]);
    space.elapse(2_000);
    expect([space.state.lastReadingAt(2_000), space.state.newestReadingDue]).toEqual([1_095, undefined]);
  });

  it('is looked up again when the one that history says was retracted meanwhile', () => {
    const space = new LoneSpace();
    space.observe(500, pass(300), pass(400), pass(401));
    space.elapse(1_000);
    space.observe(1_000, retracted(401));
    space.cut();
    space.observe(1_000, retracted(400));
    space.state.newestReadingRead(1, 400);
    expect([space.state.lastReadingAt(1_000), space.state.newestReadingDue]).toEqual([null, 2]);
    lookUp(space, 300);
    expect(space.state.lastReadingAt(1_000)).toBe(300);
  });

  it('is that of the set that is left, whatever came first and was retracted since', () => {
    const step = fc.record({
      clockMs: fc.integer({ min: 0, max: 60 }),
      ageMs: fc.integer({ min: -20, max: 300 }),
      retracts: fc.option(fc.nat(), { nil: undefined }),
      isLookedUp: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const space = new LoneSpace();
        let nowMs = 1_000;
        /** What history holds, by block. */
        const stored: { readonly block: number; readonly event: LoggedEvent }[] = [];
        let standing: number[] = [];
        for (const { clockMs, ageMs, retracts, isLookedUp } of steps) {
          nowMs += clockMs;
          const [known, late] = [space.final.length, space.late.length];
          const gone = retracts === undefined ? undefined : standing[retracts % Math.max(1, standing.length)];
          if (gone !== undefined) {
            space.observe(nowMs, retracted(gone));
            standing = standing.filter((ms) => ms !== gone);
          } else if (!standing.includes(nowMs - ageMs)) {
            space.observe(nowMs, pass(nowMs - ageMs));
            standing.push(nowMs - ageMs);
          }
          for (const event of [...space.final.slice(known), ...space.late.slice(late)])
            stored.push({ block: space.openBlock, event });
          const due = space.state.newestReadingDue;
          if (due !== undefined && isLookedUp) {
            if (due === space.openBlock) space.cut();
            const sums = new Map<number, number>();
            for (const { block, event } of stored)
              if (block <= due) sums.set(event.timestampMs, (sums.get(event.timestampMs) ?? 0) + event.sign);
            const left = [...sums].filter(([, sum]) => sum > 0).map(([ms]) => ms);
            space.state.newestReadingRead(due, Math.max(BEGINNING_MS, ...left));
          }
          for (const atMs of [space.state.watermarkMs, nowMs, nowMs + 20]) {
            const found = space.state.lastReadingAt(Math.max(atMs, space.state.watermarkMs));
            const expected = standing.filter((ms) => ms <= Math.max(atMs, space.state.watermarkMs));
            if (found !== null) expect(found).toBe(Math.max(BEGINNING_MS, ...expected));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
