/** A timer that fires this much of an interval early belongs to the instant that follows it. */
const EARLY_PART = 0.05;

/**
 * Everything that a process repeats at the same interval can happen at the same instants, so that an idle process wakes
 * up once for all of it, and its requests are sent together.
 * @param nowMs by a monotonic clock
 * @returns milliseconds until the next of the instants that are multiples of the interval
 */
export function untilSharedInstant(nowMs: number, intervalMs: number): number {
  const leftMs = intervalMs - (nowMs % intervalMs);
  return leftMs < intervalMs * EARLY_PART ? leftMs + intervalMs : leftMs;
}
