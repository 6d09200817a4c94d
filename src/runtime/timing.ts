// Time and chance, as the running parts see them. Given to them, so that a simulation can put its own
// in place of the machine's.
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

/** A turn that lets one of those who wait go on at a time, each in a turn of its own. */
export function inTurns(turn: Timing['turn']): Timing['turn'] {
  let last = Promise.resolve();
  return async () => (last = last.then(turn));
}
