// Keeps a task running: restarts it after a failure, with a backoff that resets once the task has been healthy for a while.
// Repeated failures are logged as errors.
import type { Logger } from 'pino';
import { backoffMs, HEALTHY_AFTER_MS } from './backoff.ts';
import type { Timing } from './timing.ts';

const LOUD_AFTER_FAILURES = 5;

/**
 * Runs `task` repeatedly until the signal aborts. Never rejects.
 * @param onFailure called with each failure before the task restarts
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
      const pauseMs = backoffMs(failures, timing);
      const level = failures >= LOUD_AFTER_FAILURES ? 'error' : 'warn';
      log[level]({ err: error, task: name, failures, pauseMs: Math.round(pauseMs) }, `${name} failed; restarting`);
      await timing.pause(pauseMs, signal);
    }
  }
}
