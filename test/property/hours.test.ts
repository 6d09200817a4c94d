// A plan covers its span once, and sums nothing up over an edge.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planSlots, rangeOfSlots, slotOf } from '../../src/domain/hours.ts';
import { HOUR_MS } from '../../src/domain/zone.ts';

const HOURS = 40;
const edge = fc
  .tuple(fc.nat({ max: HOURS }), fc.constantFrom(-1, 0, 1, 1_800_000))
  .map(([hour, ms]) => hour * HOUR_MS + ms);
const edges = fc.uniqueArray(edge, { minLength: 2, maxLength: 8 }).map((found) => found.sort((a, b) => a - b));
const changed = fc.array(fc.nat({ max: 2 * HOURS }), { maxLength: 6 });

describe('a plan of stored slots', () => {
  it('T29 covers each instant of the span once, and nothing besides', () => {
    fc.assert(
      fc.property(edges, changed, (edgesMs, slots) => {
        const plan = planSlots(edgesMs, slots);
        const ranges = [...plan.slots.map(rangeOfSlots), ...plan.events].sort((a, b) => a.afterMs - b.afterMs);
        expect(ranges[0]?.afterMs).toBe(edgesMs[0]);
        expect(ranges.at(-1)?.upToMs).toBe(edgesMs.at(-1));
        for (const [n, range] of ranges.entries()) {
          expect(range.upToMs).toBeGreaterThan(range.afterMs);
          if (n > 0) expect(range.afterMs).toBe(ranges[n - 1]?.upToMs);
        }
      }),
    );
  });

  it('T29 reads changed slots, and those that an edge divides, as events', () => {
    fc.assert(
      fc.property(edges, changed, (edgesMs, slots) => {
        for (const span of planSlots(edgesMs, slots).slots)
          for (let slot = span.first; slot <= span.last; slot++) {
            const { afterMs, upToMs } = rangeOfSlots({ first: slot, last: slot });
            expect(slots).not.toContain(slot);
            expect(edgesMs.filter((at) => at > afterMs && at < upToMs)).toEqual([]);
          }
      }),
    );
  });

  it('T29 sums up the slots between edges on the hour, just before it or just after its first instant', () => {
    expect(planSlots([-1, HOUR_MS - 1, 2 * HOUR_MS, 5 * HOUR_MS - 1], [])).toEqual({
      slots: [{ first: 0, last: 9 }],
      events: [],
    });
    expect(planSlots([10, 3 * HOUR_MS], [4])).toEqual({
      slots: [
        { first: 2, last: 3 },
        { first: 5, last: 6 },
      ],
      events: [
        { afterMs: 10, upToMs: HOUR_MS - 1 },
        { afterMs: 2 * HOUR_MS - 1, upToMs: 2 * HOUR_MS },
      ],
    });
    expect(planSlots([5, 5], [])).toEqual({ slots: [], events: [] });
  });

  it('T29 an instant is in the range of its slot', () => {
    fc.assert(
      fc.property(edge, (atMs) => {
        const { afterMs, upToMs } = rangeOfSlots({ first: slotOf(atMs), last: slotOf(atMs) });
        expect(atMs > afterMs && atMs <= upToMs).toBe(true);
      }),
    );
  });

  it('T29 hours one after the other are one range, with the first instant between them', () => {
    expect(planSlots([-1, 9 * HOUR_MS - 1], [3, 5, 7]).events).toEqual([{ afterMs: HOUR_MS, upToMs: 4 * HOUR_MS - 1 }]);
  });

  it('T29 with very many changed slots, everything between the first and the last is read as events', () => {
    const slots = Array.from({ length: 600 }, (_, n) => 4 * n + 1);
    expect(planSlots([-1, 1_300 * HOUR_MS - 1], slots.slice(0, 500)).events).toHaveLength(500);
    expect(planSlots([-1, 1_300 * HOUR_MS - 1], slots).events).toEqual([{ afterMs: 0, upToMs: 1_199 * HOUR_MS - 1 }]);
  });
});
