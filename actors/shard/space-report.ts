// What a partition says of one space when asked: everything a question needs beside history, taken at
// one moment between two log entries. Plain data, so that it can be sent to another process.
import type { SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { NEVER_RESET, type ResetPoint } from '../../src/domain/reset-schedule.ts';
import { occupancyAfterReset, type Occupancy } from '../../src/domain/segment.ts';
import type { PartitionFold } from './partition-fold.ts';

export interface SpaceReport {
  readonly spaceId: SpaceId;
  /** Sequence of SPACE_EVENTS that it was taken at. */
  readonly seq: number;
  /** By the log's clock: when what it was taken at was stored. */
  readonly logMs: number;
  /** Rows of blocks up to this one are in history; `unstored` is what is not. */
  readonly storedBlock: number;
  readonly unstored: readonly LoggedEvent[];
  readonly watermarkMs: number;
  /** Event time of the newest reading; BEGINNING_MS when there was none. */
  readonly lastReadingMs: number;
  /** The occupancy at the instant asked for, or at the watermark if that is later. */
  readonly live: Occupancy;
  /** False while history is being asked for the floor: `live` is then an estimate. */
  readonly isSettled: boolean;
  /** The reset that `live` counts from, of those that the log has told the space. */
  readonly base: ResetPoint;
}

export function reportSpace(fold: PartitionFold, spaceId: SpaceId, atMs: number): SpaceReport {
  const state = fold.state(spaceId);
  const { storedBlock, seq, logMs } = fold;
  if (!state) {
    return {
      spaceId, seq, logMs, storedBlock, unstored: [], watermarkMs: BEGINNING_MS, lastReadingMs: BEGINNING_MS,
      live: occupancyAfterReset(0), isSettled: true, base: NEVER_RESET,
    };
  }
  const watermarkMs = fold.watermarkOf(state);
  const liveMs = Math.max(atMs, watermarkMs);
  return {
    spaceId, seq, logMs, storedBlock, watermarkMs,
    unstored: fold.unstoredEvents(spaceId),
    lastReadingMs: state.lastReadingMs,
    live: state.occupancyAt(liveMs),
    isSettled: state.correction === null,
    base: state.baseAt(liveMs),
  };
}
