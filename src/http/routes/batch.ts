// Stores a batch of readings while it arrives. Storing a reading twice changes nothing, so a client whose batch was
// interrupted sends the whole batch again.
import type { Context } from 'koa';
import { parseReading, type SentReading } from '../../domain/parse-reading.ts';
import { identityOf } from '../../domain/reading.ts';
import type { ReadingsLog } from '../../ports/readings-log.ts';
import { appendReadings } from '../../publishing/append-readings.ts';
import { batchItems } from './batch-items.ts';
import { HttpProblem } from '../problem.ts';
import { refuseUnstored } from './unstored.ts';

const READINGS_MAX = 500_000;
/** Large enough that each sensor has several readings in a chunk, which then share a message. */
const READINGS_PER_CHUNK = 20_000;
const REJECTED_SHOWN_MAX = 1_000;

interface Rejected {
  readonly index: number;
  readonly path: string;
  readonly detail: string;
}

/**
 * Chunks that were stored before an error remain stored.
 * @returns the body of the answer
 * @throws HttpProblem 400, 413, 415; Failure invalid, unavailable
 */
export async function storeBatch(
  ctx: Context,
  log: Pick<ReadingsLog, 'append'>,
  times: { readonly latestMs: number; readonly earliestMs: number },
): Promise<object> {
  const rejected: Rejected[] = [];
  let [index, accepted, repeated, rejectedCount] = [0, 0, 0, 0];
  const isRepeated = repetitions();
  let chunk: SentReading[] = [];
  const reject = (path: string, detail: string): void => {
    rejectedCount += 1;
    if (rejected.length < REJECTED_SHOWN_MAX) rejected.push({ index, path, detail });
  };
  const store = async (): Promise<void> => {
    await appendReadings(log, chunk).catch(refuseUnstored(ctx, 'not all readings were stored; send the batch again'));
    accepted += chunk.length;
    chunk = [];
  };
  for await (const items of batchItems(ctx)) {
    for (const item of items) {
      if (index >= READINGS_MAX)
        throw new HttpProblem(413, `a batch may hold at most ${READINGS_MAX} readings; send it in parts`);
      if ('malformed' in item) reject('', item.malformed);
      else {
        const parsed = parseReading(item.value, times);
        if (parsed.ok) {
          chunk.push(parsed.reading);
          if (isRepeated(parsed.reading)) repeated += 1;
        } else reject(parsed.rejection.field, parsed.rejection.detail);
      }
      index += 1;
      if (chunk.length >= READINGS_PER_CHUNK) await store();
    }
  }
  await store();
  return { accepted, repeated, rejected, rejected_count: rejectedCount };
}

/**
 * Detects a reading with the same fields as an earlier one, which counts once. Readings without a timestamp all
 * count.
 */
function repetitions(): (reading: SentReading) => boolean {
  const identities = new Set<string>();
  return (reading) => {
    if (reading.timestampMs === null) return false;
    const before = identities.size;
    identities.add(identityOf({ ...reading, timestampMs: reading.timestampMs }));
    return identities.size === before;
  };
}
