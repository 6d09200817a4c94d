import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { advance, EMPTY_SEGMENT, occupancyAfterReset } from '../domain/segment.ts';
import type { History } from '../ports/history.ts';

/** Makes all due corrections with one query. @param waitsFor must end before the fold may change */
export async function correctFold(
  fold: PartitionFold,
  history: Pick<History, 'occupancySegments'>,
  waitsFor?: () => Promise<unknown> | undefined,
): Promise<void> {
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
