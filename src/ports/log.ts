// A cursor over a log: READINGS or SPACE_EVENTS, read in order from a given sequence, waiting at the end for new
// entries.
import type { StoredEntry } from '../domain/log-entry.ts';

export interface LogCursor {
  /**
   * Waits until there are entries and returns at most `entriesMax` of them, in order. Returns none after `wake` or
   * `close`. One call at a time.
   * @throws if the log cannot be read any further; open another cursor then
   * @throws LogWentBack if the log no longer holds what was read from it
   */
  next(entriesMax: number): Promise<StoredEntry[]>;
  /**
   * The lag: entries known to be in the log that `next` has not returned. An estimate, as of the last contact with the
   * server.
   */
  readonly behind: number;
  /** Makes a pending `next`, or otherwise the following one, return immediately. */
  wake(): void;
  /** May be called twice. */
  close(): Promise<void>;
}

/**
 * The first and last sequence of a log. Entries in between may have been removed. For an empty log, lastSeq < firstSeq.
 */
export interface LogBounds {
  readonly firstSeq: number;
  readonly lastSeq: number;
}
