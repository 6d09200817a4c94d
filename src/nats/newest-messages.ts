// Finds the newest messages of one subject among those of others. The server reads a stream forwards only, but it tells how many messages of
// a subject follow a sequence, so the sequence from which on there are enough is found by trying.
import type { StoredMsg } from '@nats-io/jetstream';

/** What the server reads at once. */
export interface BatchRequest {
  readonly seq: number;
  readonly next_by_subj: string;
  readonly batch: number;
  readonly max_bytes?: number;
}

export type ReadBatch = (request: BatchRequest) => Promise<StoredMsg[]>;

/** Reads a few more than asked for rather than search longer. */
const [NARROW, WIDEN] = [4, 4];
const BATCH_BYTES = 1_048_576;

/**
 * @param firstSeq of the stream
 * @param lastSeq of the newest message of the subject
 * @returns at most `limit` results, the newest first. At most about a megabyte of messages is held at once.
 */
export async function newestMessages<T>(
  read: ReadBatch,
  { subject, firstSeq, lastSeq, limit }: { subject: string; firstSeq: number; lastSeq: number; limit: number },
  map: (message: StoredMsg) => T,
): Promise<T[]> {
  const countFrom = async (seq: number): Promise<number> => {
    const [message] = await read({ seq, next_by_subj: subject, batch: 1 });
    return message ? message.pending + 1 : 0;
  };
  const found: T[] = [];
  let seq = await startFor(limit, firstSeq, lastSeq, countFrom);
  // Stops at `lastSeq`, because messages keep arriving.
  while (seq <= lastSeq) {
    const batch = await read({ seq, next_by_subj: subject, batch: NARROW * limit, max_bytes: BATCH_BYTES });
    const last = batch.at(-1);
    if (!last) break;
    found.push(...batch.map(map));
    found.splice(0, found.length - limit);
    seq = last.seq + 1;
  }
  return found.reverse();
}

/** @returns a sequence from which on there are at least `limit` messages, and not many more; or that of the first */
async function startFor(
  limit: number,
  firstSeq: number,
  lastSeq: number,
  countFrom: (seq: number) => Promise<number>,
): Promise<number> {
  let [start, end, count] = [lastSeq, lastSeq, 1];
  for (let width = limit; count < limit && start > firstSeq; width *= WIDEN) {
    [start, end] = [Math.max(firstSeq, lastSeq - width), start];
    count = await countFrom(start);
  }
  while (count > NARROW * limit && end - start > 1) {
    const middle = Math.floor((start + end) / 2);
    const inRest = await countFrom(middle);
    if (inRest < limit) end = middle;
    else [start, count] = [middle, inRest];
  }
  return start;
}
