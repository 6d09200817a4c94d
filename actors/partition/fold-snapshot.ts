// The state of a partition's fold without its spaces, as a checkpoint saves it.
import type { CommitCauses } from '../../src/domain/commit-causes.ts';
import type { CommitMark } from '../../src/domain/log-mark.ts';
import type { Settings } from '../../src/domain/topology.ts';
import type { Block } from './block.ts';
import type { OpenBlockSnapshot } from './open-block.ts';

/** Readings asserted to a partition, less those retracted, since its log began. */
export interface ReadingTotals {
  readonly folded: number;
  /** The part of these readings that is in cut blocks. */
  readonly cut: number;
}

export interface FoldSnapshot extends OpenBlockSnapshot {
  /** Commits of other epochs are ignored. */
  readonly epoch: number;
  /** Sequence of the last applied commit: the state includes everything up to it, and nothing after it. */
  readonly seq: number;
  /** The mark of the commit at `seq`, as far as it is known. */
  readonly mark: CommitMark;
  /** The log's clock. */
  readonly logMs: number;
  /** By router: the arrival time up to which it has consumed READINGS. */
  readonly clocks: readonly number[];
  /** By router: the sequence of its last commit. */
  readonly commitSeqs: readonly number[];
  /** By router: the topology that it has followed, by its last commit; null if that is not known. */
  readonly topologySeqs: readonly (number | null)[];
  /** Of the commits whose events may not be in cut blocks. */
  readonly causes: CommitCauses;
  readonly settings: Settings;
  /** Undefined if the checkpoint from which the fold was restored did not have them. */
  readonly totals: ReadingTotals | undefined;
  /** The last stored block that has rows. */
  readonly filledBlock: number;
  /** Blocks that are cut and not known to be stored, ascending. */
  readonly unstored: readonly Block[];
}
