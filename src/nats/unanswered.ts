// Distinguishes errors that mean that NATS did not answer from those caused by a mistake of this service.
import { JetStreamApiError, JetStreamError } from '@nats-io/jetstream';
import { ClosedConnectionError, ConnectionError, DrainingConnectionError, NoRespondersError, TimeoutError } from 'nats';

const UNANSWERED = [TimeoutError, NoRespondersError, ConnectionError, ClosedConnectionError, DrainingConnectionError];
/** JetStream, or one stream, has no leader at the moment. */
const NO_LEADER = new Set([10008, 10118]);

export function isUnanswered(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (UNANSWERED.some((type) => error instanceof type)) return true;
  if (error instanceof JetStreamApiError) return NO_LEADER.has(error.code);
  // A direct get from a stream without a leader.
  if (error instanceof JetStreamError && error.message === 'no responders') return true;
  return isUnanswered(error.cause);
}
