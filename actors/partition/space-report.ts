// A report of one space: everything that a question needs besides history, taken at one moment between two log
// entries. It is plain data, so that it can be sent to another process.
import { NO_CHANGES, type CommitCauses } from '../../src/domain/commit-causes.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { LogPlace } from '../../src/domain/log-place.ts';
import { NEVER_RESET, type ResetPoint } from '../../src/domain/reset-schedule.ts';
import { occupancyAfterReset, type Occupancy } from '../../src/domain/segment.ts';
import type { HeldBackBy } from '../space/watermark.ts';
import type { PartitionFold } from './partition-fold.ts';

export interface PartitionTotals {
  /** Folded readings: those asserted minus those retracted. */
  readonly folded: number;
  /** The part of these that is in blocks up to `storedBlock`. */
  readonly stored: number;
  /** The last block that was cut. */
  readonly cutBlock: number;
}

export interface SpaceReport {
  readonly spaceId: SpaceId;
  /** The epoch of the logs. */
  readonly epoch: number;
  /** The sequence of SPACE_EVENTS at which the report was taken. */
  readonly seq: number;
  /** Totals of the whole partition; undefined if the fold does not know them, or the sender has an older version. */
  readonly totals?: PartitionTotals;
  /** When the commit at `seq` was stored, by the log's clock. */
  readonly logMs: number;
  /** Rows of blocks up to this one are in history; all others are in `unstored`. It has rows itself, unless it is 0. */
  readonly storedBlock: number;
  readonly unstored: readonly LoggedEvent[];
  /** Of the commits of these; undefined if the sender has an older version. */
  readonly causes?: CommitCauses;
  readonly watermarkMs: number;
  /** What keeps the watermark from advancing; null for a space that the fold does not know. */
  readonly heldBackBy: HeldBackBy | null;
  /** How many of its events arrived after the watermark had passed them, since the state was computed from history; null if unknown. */
  readonly lateEvents: number | null;
  /** Event time of the newest reading at that instant; BEGINNING_MS when there is none, null while only history knows. */
  readonly lastReadingMs: number | null;
  /** The occupancy at the requested instant, or at the watermark if that is later. */
  readonly live: Occupancy;
  /** False while a correction is due, when `live` is an estimate. */
  readonly isSettled: boolean;
  /** The reset that `live` counts from, among those that the space has received. */
  readonly base: ResetPoint;
}

/**
 * A report, and whether it may lack readings that were acknowledged, or counts that were answered elsewhere, some
 * seconds ago.
 */
export interface KnownReport extends SpaceReport {
  /** Present in a report of an earlier place: what was in memory there may be stored by now. */
  readonly upTo?: LogPlace;
  readonly isStale: boolean;
}

export function reportSpace(fold: PartitionFold, spaceId: SpaceId, atMs: number): SpaceReport {
  const state = fold.state(spaceId);
  const { filledBlock: storedBlock, epoch, seq, logMs } = fold;
  const totals = totalsOf(fold);
  if (!state) {
    return {
      spaceId,
      epoch,
      seq,
      logMs,
      ...totals,
      storedBlock,
      unstored: [],
      causes: NO_CHANGES,
      watermarkMs: BEGINNING_MS,
      heldBackBy: null,
      lateEvents: 0,
      lastReadingMs: BEGINNING_MS,
      live: occupancyAfterReset(0),
      isSettled: true,
      base: NEVER_RESET,
    };
  }
  const watermarkMs = fold.watermarkOf(spaceId);
  const liveMs = Math.max(atMs, watermarkMs);
  const unstored = fold.unstoredEvents(spaceId);
  return {
    spaceId,
    epoch,
    seq,
    logMs,
    ...totals,
    storedBlock,
    watermarkMs,
    heldBackBy: state.heldBackBy(fold),
    lateEvents: state.lateEvents,
    unstored,
    causes: fold.causesOf(unstored),
    lastReadingMs: state.lastReadingAt(liveMs),
    live: state.occupancyAt(liveMs),
    isSettled: state.isSettled,
    base: state.baseAt(liveMs),
  };
}

function totalsOf({ totals, storedReadings: stored, openNumber }: PartitionFold): Pick<SpaceReport, 'totals'> {
  return totals && stored !== undefined ? { totals: { folded: totals.folded, stored, cutBlock: openNumber - 1 } } : {};
}
