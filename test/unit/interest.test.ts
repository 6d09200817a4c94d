// Which spaces have listeners, and since which item of the feed they have been sent every change.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import { Interest } from '../../src/live/interest.ts';

const LASTS_MS = 100;
const [A, B, C] = [1, 2, 3] as SpaceId[] as [SpaceId, SpaceId, SpaceId];

describe('interest', () => {
  it('covers no space at first', () => {
    const interest = new Interest(LASTS_MS);
    expect([interest.isEmpty, interest.isAll, interest.has(A), interest.sinceOf(A)]).toEqual([
      true,
      false,
      false,
      undefined,
    ]);
  });

  it('begins at the item at which it was first expressed, however often it is renewed', () => {
    const interest = new Interest(LASTS_MS);
    interest.renew(false, [A], 7, 0);
    interest.renew(false, [A, B], 9, 50);
    expect([...interest.spaces()]).toEqual([A, B]);
    expect([A, B, C].map((space) => interest.sinceOf(space))).toEqual([7, 9, undefined]);
    expect([interest.isEmpty, interest.isAll, interest.has(C)]).toEqual([false, false, false]);
  });

  it('expires for each space separately', () => {
    const interest = new Interest(LASTS_MS);
    interest.renew(false, [A, B], 1, 0);
    interest.renew(false, [B], 2, 60);
    interest.expire(99);
    expect([...interest.spaces()]).toEqual([A, B]);
    interest.expire(100);
    expect([...interest.spaces()]).toEqual([B]);
    interest.expire(160);
    expect(interest.isEmpty).toBe(true);
  });

  it('begins again after it expired, because items in between were not sent', () => {
    const interest = new Interest(LASTS_MS);
    interest.renew(true, [A], 1, 0);
    interest.expire(100);
    expect([interest.isAll, interest.sinceOf(A)]).toEqual([false, undefined]);
    interest.renew(true, [A], 20, 150);
    expect([interest.sinceOf(A), interest.sinceOf(B)]).toEqual([20, 20]);
  });

  it('in all spaces lasts as long as it is renewed', () => {
    const interest = new Interest(LASTS_MS);
    for (const nowMs of [0, 60, 120, 180]) {
      interest.renew(true, [], nowMs, nowMs);
      interest.expire(nowMs);
      expect([interest.isAll, interest.sinceOf(A)]).toEqual([true, 0]);
    }
    interest.expire(279);
    expect(interest.isAll).toBe(true);
    interest.expire(280);
    expect(interest.isEmpty).toBe(true);
  });

  it('in all spaces covers a space that is named later, since the interest in all spaces began', () => {
    const interest = new Interest(LASTS_MS);
    interest.renew(true, [], 5, 0);
    interest.renew(false, [A], 30, 90);
    interest.expire(100);
    // The interest in all spaces has expired, but A has been covered without a gap.
    expect([interest.isAll, interest.sinceOf(A), interest.sinceOf(B)]).toEqual([false, 5, undefined]);
  });

  it('in one space does not cover other spaces', () => {
    const interest = new Interest(LASTS_MS);
    interest.renew(false, [A], 5, 0);
    interest.renew(true, [], 30, 10);
    expect([interest.sinceOf(A), interest.sinceOf(B)]).toEqual([5, 30]);
  });

  it('covers exactly the items during which a space had a listener', () => {
    const step = fc.record({
      all: fc.boolean(),
      spaces: fc.uniqueArray(fc.constantFrom(A, B, C)),
      waitMs: fc.integer({ min: 0, max: 150 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const interest = new Interest(LASTS_MS);
        let nowMs = 0;
        // By definition, an item of a space is sent while an interest in it, or in all spaces, is younger than LASTS_MS.
        const wishes: { space: SpaceId | 'all'; n: number; untilMs: number }[] = [];
        const isWanted = (space: SpaceId): boolean =>
          wishes.some((wish) => (wish.space === space || wish.space === 'all') && wish.untilMs > nowMs);
        const unbroken = new Map<SpaceId, number>();
        for (const [n, { all, spaces, waitMs }] of steps.entries()) {
          nowMs += waitMs;
          interest.expire(nowMs);
          for (const space of [A, B, C]) if (!isWanted(space)) unbroken.delete(space);
          interest.renew(all, spaces, n, nowMs);
          for (const space of all ? (['all', ...spaces] as const) : spaces)
            wishes.push({ space, n, untilMs: nowMs + LASTS_MS });
          for (const space of [A, B, C]) if (isWanted(space) && !unbroken.has(space)) unbroken.set(space, n);
          for (const space of [A, B, C]) {
            expect(interest.has(space)).toBe(isWanted(space));
            // It must not begin earlier: a listener would believe it has items that were not sent. Later is safe: it asks again.
            const since = interest.sinceOf(space);
            if (since === undefined) expect(unbroken.has(space)).toBe(false);
            else expect(since).toBeGreaterThanOrEqual(unbroken.get(space) ?? Infinity);
          }
        }
      }),
    );
  });
});
