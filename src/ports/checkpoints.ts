// Stores one checkpoint per partition: the state of its fold, with the sequence of SPACE_EVENTS that the state
// includes. Saving is a compare-and-set on the revision, so if two processes both believe that they own a shard, only
// one of them can save.
import type { Partition } from '../domain/ids.ts';
import type { CommitMark } from '../domain/log-mark.ts';

export interface StoredCheckpoint {
  /** Identifies this checkpoint when the next one is saved; at least 1. */
  readonly revision: number;
  /** All commits in SPACE_EVENTS with a lower sequence are in ClickHouse. */
  readonly storedBeforeSeq: number;
  /** The epoch of the logs that the state belongs to. */
  readonly epoch: number;
  /** The last commit that the state includes. */
  readonly mark: CommitMark;
  /** Per router, the sequence of its last commit that the state includes. */
  readonly commitSeqs: readonly number[];
  /** The state, as lines of text. Can be iterated once. */
  readonly snapshot: Iterable<string>;
}

export interface NewCheckpoint extends Omit<StoredCheckpoint, 'revision' | 'snapshot'> {
  /** The lines may be produced while they are written, so that the whole text is never in memory. */
  readonly snapshot: Iterable<string> | AsyncIterable<string>;
}

export interface Checkpoints {
  /**
   * @returns undefined if the partition has no checkpoint
   * @throws CheckpointRefused if the checkpoint is damaged or incomplete
   */
  load(partition: Partition): Promise<StoredCheckpoint | undefined>;
  /**
   * Metadata of the latest checkpoint, even if its snapshot is unreadable. Revision 0 if there is none; if the
   * metadata itself is unreadable, everything but the revision is 0 or empty.
   */
  last(partition: Partition): Promise<Omit<StoredCheckpoint, 'snapshot'>>;
  /**
   * Replaces the checkpoint if its revision is still `expectedRevision` (0: there is none). Settles an unknown
   * outcome by itself.
   * @returns the new revision; undefined if another process has saved in the meantime
   */
  save(partition: Partition, checkpoint: NewCheckpoint, expectedRevision: number): Promise<number | undefined>;
}
