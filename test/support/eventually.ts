import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/** Asks again until `check` no longer throws, for at most `withinMs`; then throws what it threw last. */
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
