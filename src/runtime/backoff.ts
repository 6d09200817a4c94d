// How long to wait before the next attempt.
import type { Timing } from './timing.ts';

const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 5_000;

/** After this long without a failure, the next failure counts as the first. */
export const HEALTHY_AFTER_MS = 10_000;

/**
 * The pause after the nth consecutive failure: it doubles up to a limit, with jitter so that processes that failed
 * together do not retry together.
 * @param failures 1 after the first failure
 */
export function backoffMs(failures: number, timing: Pick<Timing, 'random'>): number {
  return Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** failures) * (0.5 + timing.random() / 2);
}
