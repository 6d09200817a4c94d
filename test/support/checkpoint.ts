import { NO_MARK } from '../../actors/partition/block.ts';
import type { NewCheckpoint } from '../../src/ports/checkpoints.ts';

/** A checkpoint of the first epoch, without a position in the log. */
export function checkpointOf<Snapshot extends NewCheckpoint['snapshot']>(
  storedBeforeSeq: number,
  snapshot: Snapshot,
): NewCheckpoint & { readonly snapshot: Snapshot } {
  return { storedBeforeSeq, epoch: 0, mark: NO_MARK, commitSeqs: [], snapshot };
}
