// The texts of live events, which subscribers share.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EventTexts } from '../../src/http/event-texts.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('are written once while somebody asks for them, and are not kept for long after that', () => {
  const texts = new EventTexts();
  const item = {};
  let written = 0;
  const ask = (): string => texts.of(item, () => `text ${++written}`);
  expect([ask(), ask()]).toEqual(['text 1', 'text 1']);
  // Once a second, as those do who come back one after the other.
  for (let n = 0; n < 10; n++) {
    vi.advanceTimersByTime(1_000);
    expect(ask()).toBe('text 1');
  }
  vi.advanceTimersByTime(3_000);
  expect(vi.getTimerCount()).toBe(0);
  expect(ask()).toBe('text 2');
});

it('belong to their item', () => {
  const texts = new EventTexts();
  expect([{}, {}].map((item, n) => texts.of(item, () => String(n)))).toEqual(['0', '1']);
});
