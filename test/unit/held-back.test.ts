// Changes that wait for history, up to a limit.
import { expect, test } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import { HeldBack } from '../../src/live/held-back.ts';

const [A, B] = [1, 2] as SpaceId[] as [SpaceId, SpaceId];

test('a change waits until history has answered', () => {
  const held = new HeldBack(10_000);
  expect([held.hold(A, 0), held.hold(A, 9_999), held.has(A)]).toEqual([true, true, true]);
  held.settled(A);
  expect([held.has(A), held.hold(A, 10_000)]).toEqual([false, true]);
});

test('a change waits no longer than it may, and those after it do not wait until history has answered', () => {
  const held = new HeldBack(10_000);
  held.hold(A, 0);
  held.hold(B, 5_000);
  // Another change of it does not make it wait for longer.
  held.hold(A, 6_000);
  expect(held.overdue(9_999)).toEqual([]);
  expect(held.overdue(10_000)).toEqual([A]);
  expect([held.hold(A, 10_000), held.has(A), held.hold(A, 11_000)]).toEqual([false, false, false]);
  expect(held.overdue(15_000)).toEqual([B]);
  held.settled(A);
  expect([held.hold(A, 16_000), held.overdue(16_000)]).toEqual([true, [B]]);
  held.clear();
  expect(held.overdue(100_000)).toEqual([]);
});
