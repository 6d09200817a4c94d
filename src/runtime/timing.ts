// Time and chance, as the running parts see them. Given to them, so that a simulation can put its own
// in place of the machine's.
import { setMaxListeners } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';

export interface Timing {
  /** Milliseconds that only go forward; for durations. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** Sleeps; an abort ends the sleep early. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  /** Lets others run. */
  turn(): Promise<void>;
}

export const MACHINE_TIMING: Timing = {
  now: () => performance.now(),
  random: () => Math.random(),
  pause: async (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => undefined),
  turn: async () => setImmediate(),
};

/** The same as timers with a callback, for libraries that want those. */
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

/** For a pause that nothing ends early; many may listen to it at once. */
export const NEVER = new AbortController().signal;
setMaxListeners(0, NEVER);

/**
 * For work in small steps: lets others run once so much has been done, and of several who do such work one at a time go on. A
 * turn for each step would make the work last as many turns, and these are long when the process is busy.
 */
export function inTurns({ now, turn }: Pick<Timing, 'now' | 'turn'>, budgetMs: number): Timing['turn'] {
  let last = Promise.resolve();
  let sinceMs = now();
  return async () => {
    if (now() - sinceMs < budgetMs) return;
    await (last = last.then(turn));
    sinceMs = now();
  };
}
