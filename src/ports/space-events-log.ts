// The log of what routers commit.
import type { CommitHeader, Sections } from '../domain/commit.ts';
import type { Partition } from '../domain/ids.ts';
import type { CommitMark } from '../domain/log-mark.ts';
import type { LogBounds, LogCursor } from './log.ts';

/** Where a stored block was cut. */
export interface StoredBlockMark {
  readonly number: number;
  readonly epoch: number;
  readonly mark: CommitMark;
}

export type CommitOutcome =
  | { readonly kind: 'committed'; readonly seq: number }
  /** Another process has committed for the router meanwhile: this router is no longer the one. */
  | { readonly kind: 'superseded' };

export interface LastCommit {
  /** Sequence in the SPACE_EVENTS log, 0 when there is none. */
  readonly seq: number;
  readonly header: CommitHeader | undefined;
}

/** The SPACE_EVENTS log: the commits of all routers, each one message. */
export interface SpaceEventsLog {
  /** Every commit; `partition` is whose reader it is. */
  open(partition: Partition, afterSeq: number): Promise<LogCursor>;
  lastCommit(router: Partition): Promise<LastCommit>;
  /** The router's first commit stored at or after a sequence. */
  firstCommitFrom(router: Partition, seq: number): Promise<CommitHeader | undefined>;
  /**
   * Stores a commit, if the router's last one is still at `expectedSeq`. Settles an unknown outcome itself.
   * @throws when the log cannot be reached
   */
  commit(header: CommitHeader, sections: Sections, expectedSeq: number): Promise<CommitOutcome>;
  /** The first commit of a router in an epoch that is not yet this log's. Settles an unknown outcome itself. */
  begin(header: CommitHeader): Promise<number>;
  /** Sequence of the last commit in the log, whichever router's; 0 when there is none. Read from the log's leader. */
  end(): Promise<number>;
  bounds(): Promise<LogBounds>;
  /** The id of the commit at a sequence; undefined when it was truncated, or never was. */
  commitIdAt(seq: number): Promise<string | undefined>;
  /** Removes what epochs before this one have left before a sequence. */
  removeOlderEpochs(beforeSeq: number): Promise<void>;
  /** Removes a router's commits before a sequence. */
  truncate(router: Partition, beforeSeq: number): Promise<void>;
}
