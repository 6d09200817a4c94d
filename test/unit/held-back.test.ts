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
  expect(held.due(9_999)).toEqual([]);
  expect(held.due(10_000)).toEqual([A]);
  expect([held.hold(A, 10_000), held.has(A), held.hold(A, 11_000)]).toEqual([false, false, false]);
  expect(held.due(15_000)).toEqual([B]);
  held.settled(A);
  expect([held.hold(A, 16_000), held.due(16_000)]).toEqual([true, [B]]);
  held.clear();
  expect(held.due(100_000)).toEqual([]);
});

test('setting the clock back delays no other change, and the one that waits starts over', () => {
  const held = new HeldBack(10_000);
  held.hold(A, 3_600_000);
  held.hold(B, 0);
  expect(held.due(0)).toEqual([A]);
  expect(held.hold(A, 500)).toBe(true);
  expect([held.due(500), held.due(10_000), held.due(10_500)]).toEqual([[], [B], [B, A]]);
});

test('a change that time alone may settle is checked every time', () => {
  const held = new HeldBack(10_000);
  held.hold(A, 0);
  held.hold(B, 0, true);
  expect([held.due(500), held.due(1_000)]).toEqual([[B], [B]]);
  held.hold(B, 1_000);
  expect(held.due(1_500)).toEqual([]);
  held.hold(B, 1_500, true);
  held.settled(B);
  expect(held.due(2_000)).toEqual([]);
});
