import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { BEGINNING_MS, END_MS } from '../domain/instant.ts';
import { advance, EMPTY_SEGMENT, occupancyAfterReset } from '../domain/segment.ts';
import type { History } from '../ports/history.ts';

/** Each lookup reads one space and takes a few milliseconds. */
const CONCURRENT_LOOKUPS = 8;

type Answering = Pick<History, 'occupancySegments' | 'newestInstants'>;
/** Work that has to end before the fold may change. */
type WaitsFor = () => Promise<unknown> | undefined;

/** Makes all corrections that are due with one query, and looks up the newest readings that are unknown. */
export async function correctFold(fold: PartitionFold, history: Answering, waitsFor?: WaitsFor): Promise<void> {
  await correctOccupancies(fold, history, waitsFor);
  await lookUpNewestReadings(fold, history, waitsFor);
}

async function correctOccupancies(fold: PartitionFold, history: Answering, waitsFor?: WaitsFor): Promise<void> {
  const due = fold.correctionsDue();
  if (due.length === 0) return;
  const requests = due.map(({ spaceId, block, base }) => ({ spaceId, block, afterMs: base.timestampMs }));
  const runs = await history.occupancySegments(fold.partition, requests);
  for (let before = waitsFor?.(); before; before = waitsFor?.()) await before;
  for (const correction of due) {
    const start = occupancyAfterReset(correction.base.count);
    fold.correct(correction, advance(start, runs.get(correction.spaceId) ?? EMPTY_SEGMENT));
  }
}

async function lookUpNewestReadings(fold: PartitionFold, history: Answering, waitsFor?: WaitsFor): Promise<void> {
  const due = fold.newestReadingsDue();
  for (let at = 0; at < due.length; at += CONCURRENT_LOOKUPS) {
    const some = due.slice(at, at + CONCURRENT_LOOKUPS);
    const found = await Promise.all(
      some.map(async ({ spaceId, block }) =>
        history.newestInstants({ spaceId, block, afterMs: BEGINNING_MS, upToMs: END_MS, limit: 1 }),
      ),
    );
    for (let before = waitsFor?.(); before; before = waitsFor?.()) await before;
    some.forEach((lookup, n) => fold.newestReadingRead(lookup, found[n]?.[0]?.timestampMs ?? BEGINNING_MS));
  }
}
