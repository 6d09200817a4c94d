// Time and randomness. All code gets them through this interface, so that the simulation can replace the machine's.
import { setMaxListeners } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';

export interface Timing {
  /** Milliseconds of a monotonic clock; for durations only. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** Sleeps for `ms`; resolves early, and does not reject, when the signal aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  /** Yields to the event loop. */
  yield(): Promise<void>;
}

export const MACHINE_TIMING: Timing = {
  now: () => performance.now(),
  random: () => Math.random(),
  pause: async (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => undefined),
  yield: async () => setImmediate(),
};

/** Timers with a callback, for libraries that need that form. */
export function timersOf({ pause }: Pick<Timing, 'pause'>): {
  setTimeout(act: () => void, ms: number): AbortController;
  clearTimeout(timer: unknown): void;
} {
  return {
    setTimeout: (act, ms) => {
      const timer = new AbortController();
      void pause(ms, timer.signal).then(() => {
        if (!timer.signal.aborted) act();
      });
      return timer;
    },
    clearTimeout: (timer) => {
      if (timer instanceof AbortController) timer.abort();
    },
  };
}

/** A signal that never aborts. It may have any number of listeners at once. */
export const NEVER = new AbortController().signal;
setMaxListeners(0, NEVER);

/** How long work may block the event loop before other work gets a turn. */
export const TURN_MS = 4;

/**
 * For long work in small steps: the returned function yields once `budgetMs` has passed since it last did. Yielding
 * after every step would take too long in a busy process. Tasks that share the function resume one per turn of the
 * event loop.
 */
export function yieldEvery(timing: Pick<Timing, 'now' | 'yield'>, budgetMs: number): Timing['yield'] {
  const { now } = timing;
  let last = Promise.resolve();
  let sinceMs = now();
  return async () => {
    if (now() - sinceMs < budgetMs) return;
    await (last = last.then(() => timing.yield()));
    sinceMs = now();
  };
}
