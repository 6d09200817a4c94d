import { NO_MARK } from '../../actors/partition/block.ts';
import type { StoredCheckpoint } from '../../src/ports/checkpoints.ts';

/** A checkpoint of the first epoch, without a position in the log. */
export function checkpointOf(storedBeforeSeq: number, snapshot: Iterable<string>): Omit<StoredCheckpoint, 'revision'> {
  return { storedBeforeSeq, epoch: 0, mark: NO_MARK, commitSeqs: [], snapshot };
}
