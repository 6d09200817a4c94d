// What ClickHouse keeps for repairing a NATS log that lost entries: the epochs of the logs, the mark of each block, a
// copy of the topology, and the queries that a repair runs over the stored events. All methods throw Failure
// unavailable when ClickHouse does not answer.
import type { DpuId, Partition } from '../domain/ids.ts';
import type { Reading } from '../domain/reading.ts';
import type { EventPlace, SpaceEvent } from '../domain/space-event.ts';
import type { TopologyEntry } from '../domain/topology.ts';
import type { StoredBlockMark } from './space-events-log.ts';

export interface EpochRecords {
  /**
   * The latest epoch that a repair has begun, and the latest that one has finished. They differ while a repair is under
   * way or after one was interrupted. The first epoch is 0.
   */
  epochs(): Promise<{ readonly begun: number; readonly done: number }>;
  /**
   * Begins an epoch. Once it resolves, no block of an older epoch can be stored, and no insert of one is still running.
   */
  beginEpoch(epoch: number): Promise<void>;
  /** @param report what was lost and repaired, as JSON (RepairReport) */
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
   * Doing it again changes nothing. Where a sequence was used twice, the entry of the later epoch stays, and what an earlier epoch has
   * copied behind it is no longer part of the copy: the log has lost it.
   */
  copyTopology(entries: readonly CopiedEntry[], epoch: number): Promise<void>;
}

/** The rows of one reading in one space that agree in everything but sign, taken together. */
export interface Claim extends Omit<SpaceEvent, 'sign'> {
  /** Sum of the rows' signs: 1 if the event stands, 0 if it was retracted, anything else after a loss. */
  readonly signs: number;
}

export interface ReadingsInOrder {
  /** May be empty although there are more pages. */
  readonly readings: readonly Reading[];
  /** Where the next page starts; null on the last page. */
  readonly end: EventPlace | null;
}

export interface RecoveryRecords extends EpochRecords, TopologyCopy {
  /** Each partition's last stored block. */
  lastBlocks(): Promise<Map<Partition, StoredBlockMark>>;
  /** A partition's blocks of an epoch that were cut at or after a sequence of SPACE_EVENTS, in order. */
  blocksFrom(partition: Partition, epoch: number, logSeq: number): Promise<StoredBlockMark[]>;
  /**
   * Readings that have a row in a partition's blocks from `block` on, in event order. Readings that were superseded by
   * another with the same id of the previous form are left out.
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
  /** For each DPU, the number of distinct readings and how many of them are held. */
  readingCounts(): Promise<Map<DpuId, { readonly readings: number; readonly held: number }>>;
}
