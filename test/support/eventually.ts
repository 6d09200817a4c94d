import { setTimeout as sleep } from 'node:timers/promises';

/** The pause grows with the wait, because a check costs CPU time that the processes it waits for could use. */
const [POLL_MIN_MS, POLL_MAX_MS, SHARE_OF_WAIT] = [20, 250, 0.1];

/** Repeats `check` until it no longer throws, for at most `withinMs`; then rethrows its last error. */
export async function eventually<T>(check: () => T | Promise<T>, withinMs = 60_000): Promise<T> {
  const since = performance.now();
  for (;;) {
    try {
      return await check();
    } catch (error) {
      const waitedMs = performance.now() - since;
      if (waitedMs > withinMs) throw error;
      await sleep(Math.min(POLL_MAX_MS, Math.max(POLL_MIN_MS, SHARE_OF_WAIT * waitedMs)));
    }
  }
}
