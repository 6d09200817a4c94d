// What a partition says of one space when asked: everything a question needs beside history, taken at
// one moment between two log entries. Plain data, so that it can be sent to another process.
import type { SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { NEVER_RESET, type ResetPoint } from '../../src/domain/reset-schedule.ts';
import { occupancyAfterReset, type Occupancy } from '../../src/domain/segment.ts';
import type { PartitionFold } from './partition-fold.ts';

export interface PartitionTotals {
  /** Readings that are folded, taken back or not: the sum of their signs. */
  readonly folded: number;
  /** Of these, in blocks up to `storedBlock`. */
  readonly stored: number;
  /** Blocks up to here are cut. */
  readonly cutBlock: number;
}

export interface SpaceReport {
  readonly spaceId: SpaceId;
  /** Sequence of SPACE_EVENTS that it was taken at. */
  readonly seq: number;
  /** What the partition as a whole has; undefined where the fold does not know, or is of an earlier version. */
  readonly totals?: PartitionTotals;
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

/** A report, and whether it may miss what was acknowledged, or answered elsewhere, some seconds ago. */
export interface KnownReport extends SpaceReport {
  readonly isStale: boolean;
}

export function reportSpace(fold: PartitionFold, spaceId: SpaceId, atMs: number): SpaceReport {
  const state = fold.state(spaceId);
  const { storedBlock, seq, logMs } = fold;
  const totals = totalsOf(fold);
  if (!state) {
    return {
      spaceId,
      seq,
      logMs,
      ...totals,
      storedBlock,
      unstored: [],
      watermarkMs: BEGINNING_MS,
      lastReadingMs: BEGINNING_MS,
      live: occupancyAfterReset(0),
      isSettled: true,
      base: NEVER_RESET,
    };
  }
  const watermarkMs = fold.watermarkOf(state);
  const liveMs = Math.max(atMs, watermarkMs);
  return {
    spaceId,
    seq,
    logMs,
    ...totals,
    storedBlock,
    watermarkMs,
    unstored: fold.unstoredEvents(spaceId),
    lastReadingMs: state.lastReadingMs,
    live: state.occupancyAt(liveMs),
    isSettled: state.correction === null,
    base: state.baseAt(liveMs),
  };
}

function totalsOf({ totals, storedReadings: stored, openNumber }: PartitionFold): Pick<SpaceReport, 'totals'> {
  return totals && stored !== undefined ? { totals: { folded: totals.folded, stored, cutBlock: openNumber - 1 } } : {};
}
