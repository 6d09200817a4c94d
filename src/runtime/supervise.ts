// Restarts a task whenever it fails, with capped exponential backoff and jitter. The backoff resets once the task has
// been healthy for a while; repeated failures are logged at a higher level.
import type { Logger } from 'pino';
import type { Timing } from './timing.ts';

const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 5_000;
const HEALTHY_AFTER_MS = 10_000;
const LOUD_AFTER_FAILURES = 5;

/** How long to wait before the next attempt, with jitter. @param failures in a row, at least 1 */
export function retryPauseMs(failures: number, { random }: Pick<Timing, 'random'>): number {
  return Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** failures) * (0.5 + random() / 2);
}

/**
 * Runs `task` again and again until the signal aborts, then resolves. Never rejects.
 * @param onFailure called with each failure, before the task is restarted
 */
export async function supervise(
  name: string,
  task: () => Promise<void>,
  signal: AbortSignal,
  log: Logger,
  timing: Timing,
  onFailure?: (error: unknown) => void,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const startedAt = timing.now();
    try {
      await task();
    } catch (error) {
      if (signal.aborted) return;
      if (timing.now() - startedAt > HEALTHY_AFTER_MS) failures = 0;
      failures += 1;
      onFailure?.(error);
      const pauseMs = retryPauseMs(failures, timing);
      const level = failures >= LOUD_AFTER_FAILURES ? 'error' : 'warn';
      log[level]({ err: error, task: name, failures, pauseMs: Math.round(pauseMs) }, `${name} failed; restarting`);
      await timing.pause(pauseMs, signal);
    }
  }
}
