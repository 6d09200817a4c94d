// Notifies an observer of a fold as it changes: which spaces were touched, and where history that was final has
// changed. The observer does not affect the fold. Without an observer the cost is one comparison for each space of an
// entry.
import type { FollowedEntries } from '../../src/domain/correction-cause.ts';
import type { SpaceId } from '../../src/domain/ids.ts';

/** Why history changed: a late reading, a moved DPU or doorway, or a changed reset in the past. */
export type CorrectionCause = 'late' | 'move' | 'reset';

export interface FoldObserver {
  /** False for spaces without listeners: the fold does not report their changes. */
  watches(spaceId: SpaceId): boolean;
  /** The count of the space, or its watermark, may have changed. */
  touched(spaceId: SpaceId): void;
  /**
   * Events or resets with `firstMs <= timestamp <= lastMs`, at or before the watermark, were added or removed.
   * @param followed the entries of TOPOLOGY that the router followed, if the fold knows them
   */
  historyChanged(
    spaceId: SpaceId,
    firstMs: number,
    lastMs: number,
    cause: CorrectionCause,
    followed: FollowedEntries | undefined,
  ): void;
}
