// The SPACE_EVENTS log: the commits of all routers, each one message. The commits of one router form a chain: each is
// stored only if the router's previous one is still its last, which makes routing exactly-once. Methods reject if the
// log cannot be reached.
import type { CommitHeader, Sections } from '../domain/commit.ts';
import type { Partition } from '../domain/ids.ts';
import type { CommitMark } from '../domain/log-mark.ts';
import type { LogBounds, LogCursor } from './log.ts';

/** A block in ClickHouse, and the commit at which it was cut. */
export interface StoredBlockMark {
  /** Numbered from 1 within the partition. */
  readonly number: number;
  readonly epoch: number;
  readonly mark: CommitMark;
}

export type CommitOutcome =
  | { readonly kind: 'committed'; readonly seq: number }
  /** Another process has meanwhile committed for the router, so this one no longer owns it. */
  | { readonly kind: 'superseded' };

export interface LastCommit {
  /** Sequence in SPACE_EVENTS; 0 if the router has no commit. */
  readonly seq: number;
  readonly header: CommitHeader | undefined;
}

export interface SpaceEventsLog {
  /**
   * Reads the commits of all routers after a sequence, on behalf of the fold of `partition`.
   * @param othersAfterSeq where the earliest of the folds of this process that open the log at the same time begins
   */
  open(partition: Partition, afterSeq: number, othersAfterSeq?: number): Promise<LogCursor>;
  /** Reads the commits of one router after a sequence, in the current epoch. */
  openRouter(router: Partition, afterSeq: number): Promise<LogCursor>;
  /** A router's last commit in the current epoch. */
  lastCommit(router: Partition): Promise<LastCommit>;
  /** A router's first commit at or after a sequence; undefined if there is none. */
  firstCommitFrom(router: Partition, seq: number): Promise<CommitHeader | undefined>;
  /**
   * Stores a commit if the router's last one is still at `expectedSeq` (0: it has none). Settles an unknown outcome
   * by itself.
   * @throws if the commit was not stored. It may still arrive later, so restart from what the log then holds
   */
  commit(header: CommitHeader, sections: Sections, expectedSeq: number): Promise<CommitOutcome>;
  /**
   * Stores a router's first commit of an epoch, without sections, before this process switches to that epoch. Settles
   * an unknown outcome by itself.
   * @returns its sequence
   * @throws if the router already has another commit in the epoch
   */
  begin(header: CommitHeader): Promise<number>;
  /** Sequence of the last commit of any router, according to the log's leader; 0 if there is none. */
  end(): Promise<number>;
  bounds(): Promise<LogBounds>;
  /** The id of the commit at a sequence; undefined if it was truncated or never existed. */
  commitIdAt(seq: number): Promise<string | undefined>;
  /** Removes commits of earlier epochs before a sequence. */
  removeOlderEpochs(beforeSeq: number): Promise<void>;
  /** Removes a router's commits of the current epoch before a sequence. */
  truncate(router: Partition, beforeSeq: number): Promise<void>;
}
