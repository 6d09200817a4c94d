import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/** Repeats `check` until it no longer throws, for at most `withinMs`; then rethrows its last error. */
export async function eventually<T>(check: () => T | Promise<T>, withinMs = 60_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(POLL_MS);
  }
}
