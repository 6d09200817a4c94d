// Reading a log.
import type { StoredEntry } from '../domain/log-entry.ts';

/** Reads a log in order from a place, waiting for what is not there yet. */
export interface LogCursor {
  /** The next entries, at least one; none when it was woken or closed. @throws when the log cannot be read */
  next(entriesMax: number): Promise<StoredEntry[]>;
  /** Entries that are known to be in the log and were not handed out: as many as there were when the log was last heard. */
  readonly behind: number;
  /** Ends a wait of `next`. */
  wake(): void;
  close(): Promise<void>;
}

/** The sequences that a log has; what is between them may have been removed. An empty log ends before it begins. */
export interface LogBounds {
  readonly firstSeq: number;
  readonly lastSeq: number;
}
