// What a fold tells whoever listens to it, as it happens: which spaces were touched, and where history
// that had been final is not what it was. Telling changes nothing in the fold, and while nobody listens
// it costs one comparison for each space of an entry.
import type { SpaceId } from '../../src/domain/ids.ts';

/** Why history changed: a reading came after its time, a DPU or doorway was moved, a reset was put into the past. */
export type CorrectionCause = 'late' | 'move' | 'reset';

export interface FoldObserver {
  /** False for spaces nobody wants to hear of: nothing is told of those. */
  watches(spaceId: SpaceId): boolean;
  /** Anything of the space may be another than before: its count, or only its watermark. */
  touched(spaceId: SpaceId): void;
  /** Events or resets with `firstMs <= timestamp <= lastMs` came, or went, at or before the watermark. */
  historyChanged(spaceId: SpaceId, firstMs: number, lastMs: number, cause: CorrectionCause): void;
}
