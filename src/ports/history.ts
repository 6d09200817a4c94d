// What is stored for good.
import type { Block } from '../../actors/partition/block.ts';
import type { StoredNewest } from '../../actors/partition/fold-from-history.ts';
import type { StoredClaim } from '../../actors/partition/log-tail.ts';
import type { ReadingPlace } from '../domain/commit.ts';
import type { DpuId, Partition, SpaceId } from '../domain/ids.ts';
import type { Reading } from '../domain/reading.ts';
import type { Segment } from '../domain/segment.ts';
import type { StoredBlockMark } from './space-events-log.ts';

export interface DpuInstant {
  readonly dpuId: DpuId;
  readonly timestampMs: number;
}

export interface DpuReadingsQuery {
  readonly dpuIds: readonly DpuId[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly after: ReadingPlace;
  /** How many to look at. */
  readonly limit: number;
}

export interface DpuReadingsPage {
  readonly readings: readonly Reading[];
  /** How far it was looked; null when there is nothing further. */
  readonly end: ReadingPlace | null;
}

export interface HistoryEvent {
  readonly timestampMs: number;
  readonly readingId: string;
  /** People into and out of the space, */
  readonly entrances: number;
  readonly exits: number;
  /** who are taken back where this is -1. */
  readonly sign: number;
}

export interface OccupancyRequest {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly afterMs: number;
}

/** What ClickHouse keeps. */
export interface History {
  /** Stores a block. Doing it again changes nothing. @throws when it may not be stored */
  storeBlock(block: Block): Promise<void>;
  /** Number of the partition's last block that has rows stored; 0 when there is none. */
  lastBlock(partition: Partition): Promise<number>;
  /** Where that block was cut; undefined when there is none. */
  lastBlockMark(partition: Partition): Promise<StoredBlockMark | undefined>;
  /** For each DPU that has readings: the event time of its newest one. */
  newestReadings(dpuIds: readonly DpuId[]): Promise<Map<DpuId, number>>;
  /**
   * Those of the readings that are stored, each as it is stored (`hasPreviousId`). Stored means that any row
   * is: while a re-attribution is on its way, a reading may be retracted in one shard and not yet be
   * asserted again in the other.
   */
  findReadings(readings: readonly Reading[]): Promise<Reading[]>;
  /**
   * For each place: the stored standings of its DPU at that instant, and at the nearest instants before and after it
   * that have any. Others may be among them. Stored is meant as in `findReadings`.
   */
  standingsAround(places: readonly DpuInstant[]): Promise<Reading[]>;
  /**
   * Stored readings of some DPUs with fromMs <= timestamp < toMs, in the order of places. Of several with one
   * reading id of the previous form only the earliest (then the exit) is among them: the others were retracted
   * for its sake when they were routed.
   */
  readingsOfDpus(query: DpuReadingsQuery): Promise<DpuReadingsPage>;
  /** Per space: the run of its stored events with timestamp > afterMs, in blocks up to `block`. */
  occupancySegments(partition: Partition, requests: readonly OccupancyRequest[]): Promise<Map<SpaceId, Segment>>;
  /**
   * The runs between successive edges, `(edges[i], edges[i + 1]]`, of a space's stored events in
   * blocks up to `block`; one segment for each gap.
   */
  segments(spaceId: SpaceId, edgesMs: readonly number[], block: number): Promise<Segment[]>;
  /** A space's stored events with afterMs < timestamp <= upToMs, in blocks up to `block`, in event order, retractions applied. */
  events(spaceId: SpaceId, afterMs: number, upToMs: number, block: number): Promise<HistoryEvent[]>;
  /** Per partition that has rows: what is stored of it. Cheap. */
  storedTotals(): Promise<Map<Partition, StoredTotals>>;
  /** Readings that a partition's blocks up to one assert, less those they retract. Reads all of its rows. */
  readingsUpTo(partition: Partition, block: number): Promise<number>;
  ping(): Promise<boolean>;
}

export interface StoredTotals {
  /** Readings asserted, less those retracted. */
  readonly readings: number;
  /** Number of the last block that has rows. */
  readonly lastBlock: number;
}

/** What ClickHouse keeps of one partition, for computing its state again. */
export interface PartitionRecords {
  /** A block that may be stored in part: brings every table to what the table of events has of it. */
  completeBlock(partition: Partition, number: number): Promise<void>;
  newest(partition: Partition): Promise<StoredNewest[]>;
  /** The rows of some readings, each in one space. */
  claims(partition: Partition, places: readonly (EventPlace & { readonly spaceId: SpaceId })[]): Promise<StoredClaim[]>;
}

/** A place in event order. */
export interface EventPlace {
  readonly timestampMs: number;
  readonly readingId: string;
}
