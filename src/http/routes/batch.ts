// Takes a batch of readings as it arrives, and stores them in messages of the log. A repetition changes nothing, so a batch
// that broke off is sent again whole.
import type { Context } from 'koa';
import { Failure } from '../../domain/failure.ts';
import { parseReading, type SentReading } from '../../domain/parse-reading.ts';
import { identityOf } from '../../domain/reading.ts';
import type { ReadingsLog } from '../../ports/readings-log.ts';
import { appendReadings } from '../../publishing/append-readings.ts';
import { batchItems } from './batch-items.ts';
import { HttpProblem } from '../problem.ts';
import { logOf } from '../request-state.ts';

const READINGS_MAX = 500_000;
/** Held until they are stored; so many that of each sensor there are some, which share a message. */
const READINGS_PER_CHUNK = 20_000;
const REJECTED_SHOWN_MAX = 1_000;

interface Rejected {
  readonly index: number;
  readonly path: string;
  readonly detail: string;
}

/** @returns what became of them @throws HttpProblem 400, 413, 415, 422, Failure unavailable; readings before were stored then */
export async function takeBatch(
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
  const send = async (): Promise<void> => {
    await store(ctx, log, chunk);
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
      if (chunk.length >= READINGS_PER_CHUNK) await send();
    }
  }
  await send();
  return { accepted, repeated, rejected, rejected_count: rejectedCount };
}

/** Tells whether a reading says what one before it said: such counts once. Without a timestamp each counts. */
function repetitions(): (reading: SentReading) => boolean {
  const identities = new Set<string>();
  return (reading) => {
    if (reading.timestampMs === null) return false;
    const before = identities.size;
    identities.add(identityOf({ ...reading, timestampMs: reading.timestampMs }));
    return identities.size === before;
  };
}

async function store(ctx: Context, log: Pick<ReadingsLog, 'append'>, readings: readonly SentReading[]): Promise<void> {
  await appendReadings(log, readings).catch((error: unknown) => {
    logOf(ctx).warn({ err: error }, 'a batch was not stored whole');
    if (error instanceof Failure) throw error;
    throw new Failure('unavailable', 'not all readings are stored; send the batch again', {
      cause: error,
      retryAfterSeconds: 2,
    });
  });
}
