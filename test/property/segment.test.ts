// Counts combined from segments equal those computed event by event.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advance,
  append,
  countOf,
  countRange,
  driftOf,
  EMPTY_SEGMENT,
  occupancyAfterReset,
  segmentOf,
  type Segment,
} from '../../src/domain/segment.ts';

const deltas = fc.array(fc.integer({ min: -4, max: 4 }), { maxLength: 40 });
const run = (of: readonly number[]): Segment =>
  of.reduce((segment, delta) => append(segment, segmentOf(manyPeople(delta))), EMPTY_SEGMENT);

/** All people of one reading are one change of the count. */
function manyPeople(delta: number): { entrances: number; exits: number } {
  return { entrances: Math.max(0, delta) + 1, exits: Math.max(0, -delta) + 1 };
}

/** docs/design.md, section 2, literally: net, and net minus the lowest net below 0. */
function walk(start: number, of: readonly number[]): { net: number; count: number }[] {
  let [net, lowestNet] = [start, start];
  return of.map((delta) => {
    net += delta;
    lowestNet = Math.min(lowestNet, net);
    return { net, count: net - Math.min(0, lowestNet) };
  });
}

describe('a segment', () => {
  it('is a monoid, so it does not matter how a run is cut', () => {
    fc.assert(
      fc.property(deltas, deltas, deltas, (a, b, c) => {
        const whole = run([...a, ...b, ...c]);
        expect(append(append(run(a), run(b)), run(c))).toEqual(whole);
        expect(append(run(a), append(run(b), run(c)))).toEqual(whole);
        expect(append(EMPTY_SEGMENT, whole)).toEqual(whole);
      }),
    );
  });

  it('gives the same net, count and drift as its single events', () => {
    fc.assert(
      fc.property(fc.nat(5), deltas, deltas, (start, before, during) => {
        const steps = walk(start, [...before, ...during]);
        const end = advance(advance(occupancyAfterReset(start), run(before)), run(during));
        const expected = steps.at(-1) ?? { net: start, count: start };
        expect({ net: end.net, count: countOf(end), drift: driftOf(end) }).toEqual({
          ...expected,
          drift: expected.count - expected.net,
        });
      }),
    );
  });

  it('has the smallest and the largest count after any of its events', () => {
    fc.assert(
      fc.property(fc.nat(5), deltas, deltas, (start, before, during) => {
        const from = advance(occupancyAfterReset(start), run(before));
        const counts = walk(start, [...before, ...during])
          .slice(before.length)
          .map(({ count }) => count);
        expect(countRange(from, run(during))).toEqual({ min: Math.min(...counts), max: Math.max(...counts) });
      }),
    );
  });

  it('never counts below 0, and an exit from an empty room changes nothing', () => {
    let at = occupancyAfterReset(0);
    at = advance(at, run([-1, -1, -1]));
    expect([countOf(at), at.net]).toEqual([0, -3]);
    expect(countOf(advance(at, run([1])))).toBe(1);
  });
});
