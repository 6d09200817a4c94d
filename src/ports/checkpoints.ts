// Where shards save their state.
import type { Partition } from '../domain/ids.ts';
import type { CommitMark } from '../domain/log-mark.ts';

export interface StoredCheckpoint {
  /** Of the checkpoint, for the compare-and-set of the next one. */
  readonly revision: number;
  /** Everything in SPACE_EVENTS before this is in ClickHouse. */
  readonly storedBeforeSeq: number;
  /** Of the logs that the state follows, */
  readonly epoch: number;
  /** the last commit in it, */
  readonly mark: CommitMark;
  /** and, by router, the sequence of its last commit. */
  readonly commitSeqs: readonly number[];
  /** In lines; to be read once. */
  readonly snapshot: Iterable<string>;
}

/** Checkpoints of partitions. */
export interface Checkpoints {
  /** @throws CheckpointRefused when what is stored is no whole checkpoint */
  load(partition: Partition): Promise<StoredCheckpoint | undefined>;
  /** Of the last one, usable or not, all but its snapshot; a revision of 0 when there is none, and stored before 0 where that cannot be read. */
  last(partition: Partition): Promise<Omit<StoredCheckpoint, 'snapshot'>>;
  /** @returns the new revision, or undefined when somebody else saved since `expectedRevision` */
  save(
    partition: Partition,
    checkpoint: Omit<StoredCheckpoint, 'revision'>,
    expectedRevision: number,
  ): Promise<number | undefined>;
}
