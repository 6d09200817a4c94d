// Notifies an observer of a fold as it changes: which spaces were touched, and where history that was final has
// changed. The observer does not affect the fold. Without an observer the cost is one comparison for each space of an
// entry.
import type { FollowedEntries } from '../../src/domain/correction-cause.ts';
import type { SpaceConfig } from '../../src/domain/commit.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { differingResets } from '../../src/domain/reset-schedule.ts';
import { scheduleIn, type SpaceState } from '../space/space-state.ts';

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

/** Notes events of which some came after the watermark had passed them. @param state after them */
export function noteLate(
  observer: FoldObserver,
  { spaceId, watermarkMs }: SpaceState,
  events: readonly LoggedEvent[],
  { cause, followed }: { readonly cause: CorrectionCause; readonly followed?: FollowedEntries | undefined },
): void {
  let [firstMs, lastMs] = [Infinity, -Infinity];
  for (const { timestampMs } of events) {
    if (timestampMs > watermarkMs) continue;
    firstMs = Math.min(firstMs, timestampMs);
    lastMs = Math.max(lastMs, timestampMs);
  }
  observer.historyChanged(spaceId, firstMs, lastMs, cause, followed);
}

/** Notes a configuration that changes resets in the past. @param state before it */
export function noteResets(
  observer: FoldObserver,
  { spaceId, schedule }: SpaceState,
  config: SpaceConfig,
  watermarkMs: number,
  followed: FollowedEntries | undefined,
): void {
  const changed = differingResets(schedule, scheduleIn(config), watermarkMs);
  if (changed) observer.historyChanged(spaceId, changed.firstMs, changed.lastMs, 'reset', followed);
}
