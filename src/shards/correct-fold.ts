import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { BEGINNING_MS, END_MS } from '../domain/instant.ts';
import { advance, EMPTY_SEGMENT, occupancyAfterReset } from '../domain/segment.ts';
import type { History } from '../ports/history.ts';

/** Each lookup reads one space and takes a few milliseconds. */
const CONCURRENT_LOOKUPS = 8;

type Answering = Pick<History, 'occupancySegments' | 'newestInstants'>;

/** Makes all corrections that are due with one query, and looks up the newest readings that are unknown. */
export async function correctFold(fold: PartitionFold, history: Answering): Promise<void> {
  await correctOccupancies(fold, history);
  await lookUpNewestReadings(fold, history);
}

async function correctOccupancies(fold: PartitionFold, history: Answering): Promise<void> {
  const due = fold.correctionsDue();
  if (due.length === 0) return;
  const requests = due.map(({ spaceId, block, base }) => ({ spaceId, block, afterMs: base.timestampMs }));
  const runs = await history.occupancySegments(requests);
  for (const correction of due) {
    const start = occupancyAfterReset(correction.base.count);
    fold.correct(correction, advance(start, runs.get(correction.spaceId) ?? EMPTY_SEGMENT));
  }
}

async function lookUpNewestReadings(fold: PartitionFold, history: Answering): Promise<void> {
  const due = fold.newestReadingsDue();
  for (let at = 0; at < due.length; at += CONCURRENT_LOOKUPS) {
    const some = due.slice(at, at + CONCURRENT_LOOKUPS);
    const found = await Promise.all(
      some.map(async ({ spaceId, block }) =>
        history.newestInstants({ spaceId, block, afterMs: BEGINNING_MS, upToMs: END_MS, limit: 1 }),
      ),
    );
    some.forEach((lookup, n) => fold.newestReadingRead(lookup, found[n]?.[0]?.timestampMs ?? BEGINNING_MS));
  }
}
