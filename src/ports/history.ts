// Stored space events: where folds store their blocks, and the queries from which counts are computed. Blocks of a
// partition are numbered from 1 without gaps and stored in order. Queries that take a `block` ignore later blocks, so
// that their result can be joined with what a fold has not stored yet. With `upTo` they also ignore what was asserted or
// retracted after a place in the log. All methods throw Failure unavailable if ClickHouse does not answer.
import type { Block } from '../../actors/partition/block.ts';
import type { StoredNewest } from '../../actors/partition/fold-from-history.ts';
import type { StoredClaim } from '../../actors/partition/log-tail.ts';
import type { ReadingPlace } from '../domain/commit.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../domain/ids.ts';
import type { LoggedEvent } from '../domain/log-entry.ts';
import type { LogPlace } from '../domain/log-place.ts';
import type { Passed } from '../domain/measure.ts';
import type { Reading } from '../domain/reading.ts';
import type { Occupancy, Segment } from '../domain/segment.ts';
import type { Stretch, TimeAtCount } from '../domain/time-at-counts.ts';
import type { SeriesKind } from '../domain/series.ts';
import type { EventPlace } from '../domain/space-event.ts';
import type { StoredBlockMark } from './space-events-log.ts';

export interface DpuInstant {
  readonly dpuId: DpuId;
  readonly timestampMs: number;
}

/** An instant in the series of a DPU. */
export interface SeriesPlace extends DpuInstant {
  readonly kind: SeriesKind;
}

export interface DpuReadingsQuery {
  readonly dpuIds: readonly DpuId[];
  readonly fromMs: number;
  readonly toMs: number;
  /** Start after this place; it need not exist. */
  readonly after: ReadingPlace;
  /** The number of stored readings to read. */
  readonly limit: number;
}

export interface DpuReadingsPage {
  /** May be empty even if there are more pages. */
  readonly readings: readonly Reading[];
  /** Where the next page starts; null on the last page. */
  readonly end: ReadingPlace | null;
}

/** An event of a space with its retractions applied, unless `sign` is -1. */
export interface HistoryEvent {
  readonly timestampMs: number;
  readonly readingId: string;
  /** People who entered the space. */
  readonly entrances: number;
  readonly exits: number;
  /** -1 if the entrances and exits are retracted. */
  readonly sign: number;
}

/** Events of a space after an instant, in blocks up to one. */
export interface OccupancyRequest {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly upTo?: LogPlace | undefined;
  /** Exclusive. */
  readonly afterMs: number;
}

/** Events of a space in blocks up to one, divided at an instant: up to it they are summed up, and after it listed. */
export interface DividedRequest {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly dividedMs: number;
}

/** Events of a space with afterMs < timestamp <= upToMs, in blocks up to one. */
export interface EventsQuery extends OccupancyRequest {
  readonly upToMs: number;
}

export interface NewestInstantsQuery extends EventsQuery {
  readonly limit: number;
  /** Where they are looked for first. Changes no answer. */
  readonly expectedMs?: number;
}

/** People that a DPU counted above a doorway, into and out of the space that is asked for. */
export interface DoorwayTotal {
  readonly doorwayId: DoorwayId;
  readonly dpuId: DpuId;
  readonly entrances: number;
  readonly exits: number;
}

/** Gaps between successive edges, as in `segments`: `(edges[i], edges[i + 1]]`. */
export interface ExitsAtZeroQuery {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly upTo?: LogPlace | undefined;
  readonly edgesMs: readonly number[];
  /** The occupancy with which each gap starts. */
  readonly starts: readonly Occupancy[];
  /** Events that history does not have yet, with the entrances and exits that they add to those it has. */
  readonly unstored: readonly HistoryEvent[];
  /** How many of the newest instants of each gap are wanted. */
  readonly limit: number;
}

/** An instant at which people left a space that was empty by its count. */
export interface ExitsAtInstant {
  readonly timestampMs: number;
  /** How many of those who left did not change the count. */
  readonly exits: number;
}

/** What happens to the count in a gap. */
export interface ExitsAtZero {
  /** The sum of all deltas. */
  readonly sum: number;
  /** Exits that did not change the count because it was 0. */
  readonly exits: number;
  /** Newest first. */
  readonly newest: readonly ExitsAtInstant[];
}

/** Where the rows of a doorway or a DPU are looked for: in some spaces, each up to its block. */
export interface PassagesQuery {
  readonly source: PassageSource;
  readonly spaces: readonly { readonly spaceId: SpaceId; readonly block: number }[];
  readonly upTo?: LogPlace | undefined;
  /** Ascending. */
  readonly edgesMs: readonly number[];
}

export type PassageSource = { readonly doorwayId: DoorwayId } | { readonly dpuId: DpuId };

/** What has been asserted and retracted in a space since a place, in blocks up to one. */
export interface ChangesQuery {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly since: LogPlace;
  /** Entrances and exits are those with fromMs <= timestamp < toMs. */
  readonly fromMs: number;
  readonly toMs: number;
  /** `net` is of all events with netAfterMs < timestamp < toMs. */
  readonly netAfterMs: number;
  /** Readings up to here that have arrived since are late. */
  readonly watermarkMs: number;
  /** This many groups are returned, the largest ones. The others are summed up as one, with the cause OTHERS. */
  readonly limit: number;
}

/** A group of such events, by cause (commit-causes.ts), doorway and DPU. */
export interface ChangedTotal {
  readonly cause: string;
  readonly isLate: boolean;
  /** Null, as is `dpuId`, for all readings together that have arrived in order, and for OTHERS. */
  readonly doorwayId: DoorwayId | null;
  readonly dpuId: DpuId | null;
  readonly entrances: number;
  readonly exits: number;
  readonly net: number;
  /** Events with sign 1, and with sign -1. */
  readonly asserted: number;
  readonly retracted: number;
  /** Of the first event, and of the last. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** How long each count lasts in stretches of a space, which ascend and share no events. */
export interface TimeAtCountsQuery {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly upTo?: LogPlace | undefined;
  readonly stretches: readonly Stretch[];
}

/** An instant at which readings stand after retractions, and how many. */
export interface StandingInstant {
  readonly timestampMs: number;
  readonly readings: number;
}

/** What some DPUs claim in a space with fromMs <= timestamp < toMs, in blocks up to one. */
export interface ClaimsQuery {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly dpuIds: readonly DpuId[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
}

/** An event, and the sum of the signs with which it is stored: 1 if it is asserted, -1 if only its retraction is stored. */
export interface DpuClaim {
  readonly event: LoggedEvent;
  readonly signs: number;
}

export interface History {
  /**
   * Stores a block. Idempotent.
   * @throws Failure unavailable if the block may not have been stored: store it again
   * @throws EpochChanged if the logs are in a later epoch than the block
   */
  storeBlock(block: Block): Promise<void>;
  /** The partition's last stored block that has rows; 0 if none. */
  lastBlock(partition: Partition): Promise<number>;
  /** The mark of that block; undefined if none. */
  lastBlockMark(partition: Partition): Promise<StoredBlockMark | undefined>;
  /** The event time of each DPU's newest reading, in ms. DPUs without readings are left out. */
  newestReadings(dpuIds: readonly DpuId[]): Promise<Map<DpuId, number>>;
  /**
   * The given readings that are stored, in their stored form (`hasPreviousId`). A reading counts as stored if it has
   * any row, even a retraction: during a re-attribution it may be retracted in one shard and not yet asserted in the
   * other.
   */
  findReadings(readings: readonly Reading[]): Promise<Reading[]>;
  /** All stored readings of DPUs at given instants. Stored is meant as in `findReadings`. */
  readingsAt(places: readonly DpuInstant[]): Promise<Reading[]>;
  /**
   * For each place: the stored readings of its series at that instant, and at the nearest instants before and after
   * it that have any. The result may include others of the series. "Stored" has the same meaning as in
   * `findReadings`.
   */
  neighbours(places: readonly SeriesPlace[]): Promise<Reading[]>;
  /**
   * Stored readings of the given DPUs with fromMs <= timestamp < toMs, ordered by DPU and then by event order. Of
   * several readings with the same id in the previous format, only the earliest is included (at the same instant the
   * exit), because routing retracted the others as its duplicates.
   */
  readingsOfDpus(query: DpuReadingsQuery): Promise<DpuReadingsPage>;
  /**
   * For each requested space, its events with timestamp > afterMs in blocks up to `block`, as a segment; empty if there
   * are none.
   */
  occupancySegments(requests: readonly OccupancyRequest[]): Promise<Map<SpaceId, Segment>>;
  /**
   * A space's events in blocks up to `block`, as one segment per range between consecutive edges: `(edges[i], edges[i
   * + 1]]`. Edges ascend.
   */
  segments(spaceId: SpaceId, edgesMs: readonly number[], block: number, upTo?: LogPlace): Promise<Segment[]>;
  /**
   * A space's events with afterMs < timestamp <= upToMs, in blocks up to `block`, in event order, with retractions
   * applied.
   */
  events(spaceId: SpaceId, afterMs: number, upToMs: number, block: number, upTo?: LogPlace): Promise<HistoryEvent[]>;
  /**
   * Sums up the hours in which blocks of a partition have changed anything, so that questions about long spans need not read every
   * event. Changes no answer, whether it ends or not. @param block up to which the partition is stored @param signal ends it early
   */
  storeHours(partition: Partition, block: number, signal?: AbortSignal): Promise<void>;
  /** For each space, `segments` up to its `dividedMs`. Spaces without events may be left out. */
  segmentsOfSpaces(
    spaces: readonly DividedRequest[],
    edgesMs: readonly number[],
  ): Promise<ReadonlyMap<SpaceId, readonly Segment[]>>;
  /** For each space, `events` after its `dividedMs`, up to a common instant. */
  eventsOfSpaces(
    spaces: readonly DividedRequest[],
    upToMs: number,
  ): Promise<ReadonlyMap<SpaceId, readonly HistoryEvent[]>>;
  /** Sums by doorway and DPU, with retractions applied, in no particular order. They may be 0, or negative where memory has what was asserted. */
  doorwayTotals(query: EventsQuery): Promise<DoorwayTotal[]>;
  /**
   * Who passed in readings of a doorway or a DPU, as its DPUs report it, for each range `(edges[i], edges[i + 1]]`. Each reading
   * counts once. A sum may be negative where memory has what was asserted.
   */
  passages(query: PassagesQuery): Promise<Passed[]>;
  /** What happens to the count in each gap when stored and unstored events are taken together, in event order. */
  exitsAtZero(query: ExitsAtZeroQuery): Promise<ExitsAtZero[]>;
  /** How long each count lasts in each cell. A cell may occur several times with the same count. */
  timeAtCounts(query: TimeAtCountsQuery): Promise<TimeAtCount[]>;
  /**
   * The newest instants with afterMs < timestamp <= upToMs at which readings of a space stand, in blocks up to
   * `block`, including readings in which nobody passed. Newest first.
   */
  newestInstants(query: NewestInstantsQuery): Promise<StandingInstant[]>;
  /** What DPUs claim in a space, without what adds up to 0, in no particular order. At most `limit` of every 2,000 DPUs. */
  claimsOfDpus(query: ClaimsQuery): Promise<DpuClaim[]>;
  /** What has been asserted and retracted since a place, in no particular order. */
  changesSince(query: ChangesQuery): Promise<ChangedTotal[]>;
  /** The stored rows of a space, retractions included: how much it is to read its events. */
  rowCount(query: EventsQuery): Promise<number>;
  /** Totals of every partition that has rows. Cheap: reads no rows. */
  storedTotals(): Promise<Map<Partition, StoredTotals>>;
  /**
   * Readings asserted in a partition's blocks up to `block`, minus those retracted. Expensive: reads all of its rows.
   */
  readingsUpTo(partition: Partition, block: number): Promise<number>;
  /** True if ClickHouse answers. */
  ping(): Promise<boolean>;
}

export interface StoredTotals {
  /** Readings asserted, minus those retracted. */
  readonly readings: number;
  /** The last block that has rows. */
  readonly lastBlock: number;
}

/** The stored rows of one partition, for rebuilding its state. */
export interface PartitionRecords {
  /** Completes a block whose insert was interrupted: adds the rows of space_events that the views lack. Idempotent. */
  completeBlock(partition: Partition, number: number): Promise<void>;
  /** For each space and DPU, the event time of its newest row and of its newest retraction. */
  newest(partition: Partition): Promise<StoredNewest[]>;
  /** The net rows of the given readings, each looked up in one space. Places without rows are left out. */
  claims(partition: Partition, places: readonly (EventPlace & { readonly spaceId: SpaceId })[]): Promise<StoredClaim[]>;
}
