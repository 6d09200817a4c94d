// Appends many readings to the READINGS log, grouped by DPU: a message with many readings costs about as much as one
// with a single reading. Messages stay below NATS's limit of 1 MB.
import pRetry, { type Options } from 'p-retry';
import { deviceOf, type DpuId } from '../domain/ids.ts';
import { Failure } from '../domain/failure.ts';
import { formatInstant } from '../domain/instant.ts';
import { addTo } from '../domain/lists.ts';
import { directionOf, passedIn, revisionIn, standingIn, startOf, type Measure } from '../domain/measure.ts';
import type { SentReading } from '../domain/parse-reading.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import type { TimestampBound } from './timestamp-bound.ts';

export type RetryOptions = Options;

/** A reading takes at most 150 bytes. */
const READINGS_PER_MESSAGE = 2_000;
/** Limits unacknowledged messages, because a NATS server drops messages that exceed its queue. */
const IN_FLIGHT_MAX = 1_000;
/**
 * For appends with an unknown outcome, which are safe to repeat. Not for a full log, which stays full for longer than
 * this.
 */
const RETRY: RetryOptions = { retries: 3, minTimeout: 200, maxTimeout: 2_000, randomize: true };
const encoder = new TextEncoder();

/** A reading in the form in which a DPU would publish it to its device's subject. */
export function toMessage({ dpuId, timestampMs, measure, name }: SentReading): object {
  return {
    ...(deviceOf(dpuId) === dpuId ? {} : { dpu_id: dpuId }),
    ...(timestampMs === null ? {} : { timestamp: formatInstant(timestampMs) }),
    ...fieldsOf(measure),
    ...(name === undefined ? {} : { id: name }),
  };
}

function fieldsOf(measure: Measure): object {
  const [direction, standing] = [directionOf(measure), standingIn(measure)];
  if (direction !== 0) return { direction };
  if (standing) {
    const { totalEntrances, totalExits, counterEpoch } = standing;
    const totals = { total_entrances: totalEntrances, total_exits: totalExits };
    return counterEpoch === null ? totals : { ...totals, counter_epoch: counterEpoch };
  }
  const startMs = startOf(measure);
  const interval = startMs === null ? passedIn(measure) : { ...passedIn(measure), start: formatInstant(startMs) };
  const revision = revisionIn(measure)?.revision;
  return revision === undefined ? interval : { ...interval, revision };
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
  readings: readonly SentReading[],
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

function* messagesOf(readings: readonly SentReading[]): Generator<[DpuId, readonly object[]]> {
  const byDpu = new Map<DpuId, object[]>();
  for (const reading of readings) addTo(byDpu, reading.dpuId, toMessage(reading));
  for (const [dpuId, all] of byDpu) {
    for (let at = 0; at < all.length; at += READINGS_PER_MESSAGE)
      yield [dpuId, all.slice(at, at + READINGS_PER_MESSAGE)];
  }
}
