// What a feed keeps for listeners that missed something.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import type { FeedItem, LiveCount } from '../../src/live/feed-message.ts';
import { ItemRing } from '../../src/live/item-ring.ts';

const ITEMS_MAX = 8;

const item = (seq: number): LiveCount => ({
  ...{ kind: 'count', spaceId: 1 as SpaceId, seq, timestampMs: seq, count: 0, net: 0 },
  ...{ lastReadingMs: 0, watermarkMs: 0, isSettled: true, isStale: false },
});

it('a ring has the items after a number, unless some of them are gone, and keeps a bounded number of them', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ push: fc.nat({ max: 5 }) }) },
    { weight: 1, arbitrary: fc.record({ dropBefore: fc.nat({ max: 60 }) }) },
    { weight: 1, arbitrary: fc.record({ reset: fc.nat({ max: 5 }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ring = new ItemRing(ITEMS_MAX);
      // All items since the last reset, with the time at which each was added.
      let all: { readonly n: number; readonly item: FeedItem; readonly atMs: number }[] = [];
      let [last, nowMs, droppedBeforeMs] = [0, 0, -Infinity];
      for (const each of steps) {
        if ('push' in each) {
          nowMs += each.push;
          const next = item(++last);
          ring.push(next, nowMs);
          all.push({ n: last, item: next, atMs: nowMs });
        } else if ('dropBefore' in each) {
          ring.dropBefore(each.dropBefore);
          droppedBeforeMs = Math.max(droppedBeforeMs, each.dropBefore);
        } else {
          last += 100;
          const items = Array.from({ length: each.reset }, (_, k) => item(last - each.reset + 1 + k));
          ring.reset(last, items, nowMs);
          all = items.map((one) => ({ n: one.seq, item: one, atMs: nowMs }));
        }
        const kept = all.filter(({ atMs }) => atMs >= droppedBeforeMs);
        expect(ring.last).toBe(last);
        expect(ring.length).toBeLessThanOrEqual(
          'dropBefore' in each ? all.filter(({ atMs }) => atMs >= each.dropBefore).length : ITEMS_MAX,
        );
        expect(ring.length).toBeGreaterThanOrEqual(Math.min(ITEMS_MAX, kept.length));
        for (let n = last - ring.length; n <= last; n++)
          expect(ring.after(n)).toEqual(all.filter((one) => one.n > n).map((one) => one.item));
        expect([ring.after(last + 1), ring.after(last - ring.length - 1)]).toEqual([undefined, undefined]);
        const newest = ring.length === 0 ? [] : all.slice(-Math.min(3, ring.length));
        expect(ring.newest(3)).toEqual(newest.map((one) => one.item));
      }
    }),
  );
});
