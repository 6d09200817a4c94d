// Stores a batch of readings while it arrives. Storing a reading twice changes nothing, so a client whose batch was interrupted
// sends all of it again.
import type { Context } from 'koa';
import { parseReading, type Reading } from '../../domain/reading.ts';
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
 * Chunks that were stored before an error stay stored.
 * @returns the body of the answer
 * @throws HttpProblem 400, 413, 415; Failure invalid, unavailable
 */
export async function storeBatch(ctx: Context, log: Pick<ReadingsLog, 'append'>, latestMs: number): Promise<object> {
  const rejected: Rejected[] = [];
  let [index, accepted, rejectedCount] = [0, 0, 0];
  let chunk: Reading[] = [];
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
        const parsed = parseReading(item.value, { latestMs });
        if (parsed.ok) chunk.push(parsed.reading);
        else reject(parsed.rejection.field, parsed.rejection.detail);
      }
      index += 1;
      if (chunk.length >= READINGS_PER_CHUNK) await store();
    }
  }
  await store();
  return { accepted, rejected, rejected_count: rejectedCount };
}
