// Repeats the first requests of a process while NATS does not answer. In a cluster each new stream elects a leader, and processes
// that start together create the same streams: one of them may time out, or may not yet find what another has just created.
import { JetStreamApiError } from '@nats-io/jetstream';
import { backoffMs } from '../runtime/backoff.ts';
import type { Timing } from '../runtime/timing.ts';
import { isUnanswered } from './unanswered.ts';

const STREAM_NOT_FOUND = 10059;
/** From the first attempt. Longer than an election takes on a busy machine. */
const WITHIN_MS = 30_000;

/**
 * @param act idempotent
 * @param onFailure is told of each attempt that is repeated
 * @throws the last error, once it is of another kind or time is up
 */
export async function untilAnswered<T>(
  act: () => Promise<T>,
  timing: Timing,
  onFailure: (error: unknown) => void,
): Promise<T> {
  const deadlineMs = timing.now() + WITHIN_MS;
  const { signal } = new AbortController();
  for (let failures = 1; ; failures++) {
    try {
      return await act();
    } catch (error) {
      if (!passes(error) || timing.now() >= deadlineMs) throw error;
      onFailure(error);
    }
    await timing.pause(backoffMs(failures, timing), signal);
  }
}

function passes(error: unknown): boolean {
  if (isUnanswered(error)) return true;
  if (!(error instanceof Error)) return false;
  return (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) || passes(error.cause);
}
