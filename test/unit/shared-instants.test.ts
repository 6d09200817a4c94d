import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { untilSharedInstant } from '../../src/runtime/shared-instants.ts';

const interval = fc.integer({ min: 100, max: 10_000 });
const nowMs = fc.double({ min: 0, max: 1e9, noNaN: true });

describe('instants shared by everything with the same interval', () => {
  it('are multiples of the interval', () => {
    expect(untilSharedInstant(10_300, 1_000)).toBe(700);
    fc.assert(
      fc.property(nowMs, interval, (now, every) => {
        const at = now + untilSharedInstant(now, every);
        expect(Math.abs(at / every - Math.round(at / every))).toBeLessThan(1e-6);
      }),
    );
  });

  it('follow each other by an interval, though a timer fires a little early or late', () => {
    fc.assert(
      fc.property(nowMs, interval, fc.double({ min: -0.04, max: 0.9, noNaN: true }), (now, every, off) => {
        const first = now + untilSharedInstant(now, every);
        const firedAt = first + off * every;
        expect(firedAt + untilSharedInstant(firedAt, every) - first).toBeCloseTo(every, 3);
      }),
    );
  });
});
