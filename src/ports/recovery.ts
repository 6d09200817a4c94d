// What ClickHouse keeps for repairing logs that went back: the epochs, the mark of each block, a copy of the topology, and
// the queries that a repair runs over the stored events. Like all ports it has two implementations.
import type { DpuId, Partition } from '../domain/ids.ts';
import type { Reading } from '../domain/reading.ts';
import type { SpaceEvent } from '../domain/space-event.ts';
import type { TopologyEntry } from '../domain/topology.ts';
import type { EventPlace } from './history.ts';
import type { StoredBlockMark } from './space-events-log.ts';

export interface EpochRecords {
  /** The last epoch that a repair has begun, and the last that one has finished; 0 for the first. */
  epochs(): Promise<{ readonly begun: number; readonly done: number }>;
  /** When it resolves, no block of an older epoch can be stored any more, and no insert of one is running. */
  beginEpoch(epoch: number): Promise<void>;
  /** @param report what was lost and repaired, for people */
  finishEpoch(epoch: number, report: string): Promise<void>;
  /** The reports of repairs, the newest first. */
  reports(limit: number): Promise<{ readonly epoch: number; readonly atMs: number; readonly report: string }[]>;
}

export interface CopiedEntry extends TopologyEntry {
  /** Of the log up to it (`TopologyHistory.digestAt`). */
  readonly digest: number;
}

export interface TopologyCopy {
  /** The copied entries with a greater sequence, in order. */
  copiedAfter(seq: number): Promise<CopiedEntry[]>;
  lastCopied(): Promise<Pick<CopiedEntry, 'seq' | 'digest'> | undefined>;
  /**
   * Doing it again changes nothing. Where a sequence was used twice, the entry of the later epoch stays, and what an earlier epoch has
   * copied behind it is no longer part of the copy: the log has lost it.
   */
  copyTopology(entries: readonly CopiedEntry[], epoch: number): Promise<void>;
}

/** What stands, or was retracted, of a reading in one space. */
export interface Claim extends Omit<SpaceEvent, 'sign'> {
  /** Sum of the signs of its rows. */
  readonly signs: number;
}

export interface ReadingsInOrder {
  readonly readings: readonly Reading[];
  /** How far it was looked; null when there is nothing further. */
  readonly end: EventPlace | null;
}

export interface RecoveryRecords extends EpochRecords, TopologyCopy {
  /** By partition: the last block that is stored. */
  lastBlocks(): Promise<Map<Partition, StoredBlockMark>>;
  /** The partition's blocks of an epoch that were cut at a sequence of the log or after it, in order. */
  blocksFrom(partition: Partition, epoch: number, logSeq: number): Promise<StoredBlockMark[]>;
  /** Readings with a row in blocks of a partition from one on, in event order. Those are left out that were retracted for the sake of another with their previous id. */
  readingsFromBlock(
    partition: Partition,
    block: number,
    after: EventPlace | null,
    limit: number,
  ): Promise<ReadingsInOrder>;
  /** All readings, in event order; the same are left out. */
  allReadings(after: EventPlace | null, limit: number): Promise<ReadingsInOrder>;
  /** Every row of some readings, in all spaces, those that are alike taken together. */
  claimsOf(readings: readonly Reading[]): Promise<Claim[]>;
  /** By DPU: its different readings, and how many of them are held. */
  readingCounts(): Promise<Map<DpuId, { readonly readings: number; readonly held: number }>>;
}
