// Checks that commits read from SPACE_EVENTS are complete (F1). Two things can be missing: entries of the log, which
// shows as a hole in its sequences, and commits of a router, each of which names its predecessor. Truncation removes
// only commits that are stored in ClickHouse, so a reader that may skip stored commits passes `storedBeforeSeq`; a
// fold must have every commit.
import type { CommitHeader } from '../../src/domain/commit.ts';
import type { Partition } from '../../src/domain/ids.ts';

/** The log no longer holds commits that the reader needs; it has to restart from a newer checkpoint. */
export class LogGap extends Error {
  override readonly name = 'LogGap';
}

/**
 * @throws LogGap if the log has a hole between `lastSeq` and `seq` that may contain commits that are not stored
 */
export function assertNoHole(partition: Partition, lastSeq: number, seq: number, storedBeforeSeq = 0): void {
  if (seq > lastSeq + 1 && seq > storedBeforeSeq)
    throw new LogGap(`partition ${partition}: the log between ${lastSeq} and ${seq} is no longer there`);
}

/**
 * @throws LogGap if a router's commit does not follow `lastSeq`, its last known commit, and the missing commit may
 * not be stored
 */
export function assertChained(
  partition: Partition,
  lastSeq: number | undefined,
  { router, previousSeq }: Pick<CommitHeader, 'router' | 'previousSeq'>,
  storedBeforeSeq = 0,
): void {
  if (previousSeq !== lastSeq && previousSeq >= storedBeforeSeq)
    throw new LogGap(
      `partition ${partition}: the next commit of router ${router} follows ${previousSeq}, and the last one known is ${lastSeq}`,
    );
}
