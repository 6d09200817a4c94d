// Appends many readings to the READINGS log, grouped by DPU: a message with many readings costs about as much as one
// with a single reading. Messages stay below NATS's limit of 1 MB.
import pRetry, { type Options as RetryOptions } from 'p-retry';
import type { DpuId } from '../domain/ids.ts';
import { Failure } from '../domain/failure.ts';
import { formatInstant } from '../domain/instant.ts';
import { addTo } from '../domain/lists.ts';
import type { Reading } from '../domain/reading.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import type { TimestampBound } from './timestamp-bound.ts';

/** A reading takes at most 150 bytes. */
const READINGS_PER_MESSAGE = 2_000;
/** Bounds unacknowledged messages, because a NATS server drops what its queue has no room for. */
const IN_FLIGHT_MAX = 1_000;
/**
 * For appends with an unknown outcome, which are safe to repeat. Not for a full log, which stays full for longer than
 * this.
 */
const RETRY: RetryOptions = { retries: 3, minTimeout: 200, maxTimeout: 2_000, randomize: true };
const encoder = new TextEncoder();

/** A reading in the format in which a DPU publishes it. */
export function toMessage({ timestampMs, direction, name }: Reading): object {
  const message = { timestamp: formatInstant(timestampMs), direction };
  return name === undefined ? message : { ...message, id: name };
}

/** Wraps a log so that every message is marked as accepted up to `latestMs` (TimestampBound). */
export function acceptedUpTo(
  log: Pick<ReadingsLog, 'append'>,
  bound: TimestampBound,
  latestMs: number,
): Pick<ReadingsLog, 'append'> {
  return { append: (dpuId, data) => log.append(dpuId, data, bound.mark(dpuId, data, latestMs)) };
}

/**
 * Resolves when all readings are stored. Idempotent.
 * @throws the log's error once retries are exhausted; some of the readings may be stored then
 */
export async function appendReadings(
  log: Pick<ReadingsLog, 'append'>,
  readings: readonly Reading[],
  retry: RetryOptions = RETRY,
): Promise<void> {
  const messages = messagesOf(readings);
  const appendNext = async (): Promise<void> => {
    for (let next = messages.next(); !next.done; next = messages.next()) {
      const [dpuId, some] = next.value;
      const data = encoder.encode(JSON.stringify(some));
      await pRetry(() => log.append(dpuId, data), {
        ...retry,
        shouldRetry: ({ error }) => !(error instanceof Failure),
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT_MAX, readings.length) }, appendNext));
}

function* messagesOf(readings: readonly Reading[]): Generator<[DpuId, readonly object[]]> {
  const byDpu = new Map<DpuId, object[]>();
  for (const reading of readings) addTo(byDpu, reading.dpuId, toMessage(reading));
  for (const [dpuId, all] of byDpu) {
    for (let at = 0; at < all.length; at += READINGS_PER_MESSAGE)
      yield [dpuId, all.slice(at, at + READINGS_PER_MESSAGE)];
  }
}
