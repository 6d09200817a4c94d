// How often the dashboard draws what arrives.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { pacedDrawing } from '../../web/live/paced-drawing.ts';

const FRAME_MS = 10;

let drawn: number[];
let ask: () => void;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  drawn = [];
  ask = pacedDrawing(
    () => drawn.push(Date.now()),
    (act) => setTimeout(act, FRAME_MS),
  );
});
afterEach(() => vi.useRealTimers());

it('draws the first change after a pause at the next frame', () => {
  ask();
  vi.advanceTimersByTime(1_000);
  ask();
  vi.advanceTimersByTime(1_000);
  expect(drawn).toEqual([10, 1_010]);
});

it('draws changes that keep arriving at most every 100 ms, and the last of them, too', () => {
  for (let passed = 0; passed < 250; passed += 5) {
    ask();
    vi.advanceTimersByTime(5);
  }
  vi.advanceTimersByTime(1_000);
  expect(drawn).toEqual([10, 120, 230, 340]);
});

it('draws again after a drawing that failed', () => {
  let failures = 1;
  ask = pacedDrawing(
    () => {
      if (failures-- > 0) throw new Error('it fails');
      drawn.push(Date.now());
    },
    (act) => setTimeout(act, FRAME_MS),
  );
  ask();
  expect(() => vi.advanceTimersByTime(20)).toThrow('it fails');
  ask();
  vi.advanceTimersByTime(1_000);
  expect(drawn).toEqual([120]);
});
