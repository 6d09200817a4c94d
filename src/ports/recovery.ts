// The records in ClickHouse for repairing a NATS log that lost entries: the epochs of the logs, the mark of each
// block, a copy of the topology, and the queries that a repair runs over the stored events. All methods throw Failure
// unavailable if ClickHouse does not answer.
import type { DpuId, Partition } from '../domain/ids.ts';
import type { Reading } from '../domain/reading.ts';
import type { EventPlace, SpaceEvent } from '../domain/space-event.ts';
import type { TopologyEntry } from '../domain/topology.ts';
import type { StoredBlockMark } from './space-events-log.ts';

export interface EpochRecords {
  /**
   * The latest epoch that a repair has begun, and the latest that a repair has finished. They differ during a repair
   * or after an interrupted one. The first epoch is 0.
   */
  epochs(): Promise<{ readonly begun: number; readonly done: number }>;
  /**
   * Begins an epoch. Once it resolves, no block of an older epoch can be stored, and no insert of one is still running.
   * May be repeated.
   * @param known what has to be reported even if the repair is killed, as JSON (BegunReport); empty if nothing
   */
  beginEpoch(epoch: number, known: string): Promise<void>;
  /** What was given to `beginEpoch` since the last epoch that was finished, except what was empty. */
  begunReports(): Promise<string[]>;
  /**
   * @param report the losses and repairs, as JSON (RepairReport)
   */
  finishEpoch(epoch: number, report: string): Promise<void>;
  /** Reports of finished repairs, newest first. */
  reports(limit: number): Promise<{ readonly epoch: number; readonly atMs: number; readonly report: string }[]>;
}

export interface CopiedEntry extends TopologyEntry {
  /** Digest of the log up to and including this entry (`TopologyHistory.digestAt`). */
  readonly digest: number;
}

export interface TopologyCopy {
  /** Copied entries with a higher sequence, in order. */
  copiedAfter(seq: number): Promise<CopiedEntry[]>;
  lastCopied(): Promise<Pick<CopiedEntry, 'seq' | 'digest'> | undefined>;
  /**
   * Idempotent. Where a sequence was used twice, the entry of the later epoch remains, and entries that an earlier
   * epoch copied after it are no longer part of the copy, because the log has lost them.
   */
  copyTopology(entries: readonly CopiedEntry[], epoch: number): Promise<void>;
}

/** The rows of one reading in one space that are equal except for their sign, taken together. */
export interface Claim extends Omit<SpaceEvent, 'sign'> {
  /** Sum of the rows' signs: 1 if the event stands, 0 if it was retracted, anything else after a loss. */
  readonly signs: number;
}

export interface ReadingsInOrder {
  /** May be empty even if there are more pages. */
  readonly readings: readonly Reading[];
  /** Where the next page starts; null on the last page. */
  readonly end: EventPlace | null;
}

/** The number of distinct readings of a DPU, and how many of them are held, excluded or deleted. */
export interface ReadingCounts {
  readonly readings: number;
  readonly held: number;
  readonly excluded: number;
  readonly deleted: number;
}

export interface RecoveryRecords extends EpochRecords, TopologyCopy {
  /** Each partition's last stored block. */
  lastBlocks(): Promise<Map<Partition, StoredBlockMark>>;
  /** A partition's blocks of an epoch that were cut at or after a sequence of SPACE_EVENTS, in order. */
  blocksFrom(partition: Partition, epoch: number, logSeq: number): Promise<StoredBlockMark[]>;
  /**
   * Readings that have a row in a partition's blocks from `block` on, in event order, except those that were
   * superseded by another one with the same id in the previous format.
   */
  readingsFromBlock(
    partition: Partition,
    block: number,
    after: EventPlace | null,
    limit: number,
  ): Promise<ReadingsInOrder>;
  /** All readings, in event order, with the same exception. */
  allReadings(after: EventPlace | null, limit: number): Promise<ReadingsInOrder>;
  /** The rows of the given readings in all spaces. */
  claimsOf(readings: readonly Reading[]): Promise<Claim[]>;
  readingCounts(): Promise<Map<DpuId, ReadingCounts>>;
}
