// Notifications of a fold to its observer, as they happen: which spaces were touched, and where history that had been
// final has changed. Observing changes nothing in the fold; without an observer it costs one comparison for each space
// of an entry.
import type { SpaceId } from '../../src/domain/ids.ts';

/** Why history changed: a reading came late, a DPU or doorway was moved, or a reset in the past was changed. */
export type CorrectionCause = 'late' | 'move' | 'reset';

export interface FoldObserver {
  /** False for spaces without listeners, about which the fold reports nothing. */
  watches(spaceId: SpaceId): boolean;
  /** Anything about the space may have changed: its count, or only its watermark. */
  touched(spaceId: SpaceId): void;
  /** Events or resets with `firstMs <= timestamp <= lastMs`, at or before the watermark, were added or removed. */
  historyChanged(spaceId: SpaceId, firstMs: number, lastMs: number, cause: CorrectionCause): void;
}
