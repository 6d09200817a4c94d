// The texts of live events, which subscribers share.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import { EventTexts } from '../../src/http/event-texts.ts';
import type { LiveCount } from '../../src/live/feed-message.ts';

const count = (people: number): LiveCount => ({
  ...{ kind: 'count', spaceId: 1 as SpaceId, seq: 1, timestampMs: 1, count: people, net: people },
  ...{ lastReadingMs: 1, watermarkMs: 1, isSettled: true, isStale: false },
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('a text is written once while somebody asks for it, and is not kept for long after that', () => {
  const texts = new EventTexts();
  const item = { ...count(1) };
  const ask = (): unknown => (JSON.parse(texts.of({ kind: 'change', item })) as { readonly count: number }).count;
  expect(ask()).toBe(1);
  // Real items never change. This one shows whether it is written again.
  item.count = 2;
  expect(ask()).toBe(1);
  // Once a second, as by clients that reconnect one after another.
  for (let n = 0; n < 10; n++) {
    vi.advanceTimersByTime(1_000);
    expect(ask()).toBe(1);
  }
  vi.advanceTimersByTime(3_000);
  expect(vi.getTimerCount()).toBe(0);
  expect(ask()).toBe(2);
});

it('each item has its own text', () => {
  const texts = new EventTexts();
  const counts = [1, 2].map(
    (n) => JSON.parse(texts.of({ kind: 'change', item: count(n) })) as { readonly count: number },
  );
  expect(counts.map((each) => each.count)).toEqual([1, 2]);
});
