// Pages of stored events and readings, for the list endpoints. Unlike other ports it has no simulated implementation,
// because counting does not depend on it. All methods throw Failure unavailable if ClickHouse does not answer.
import type { Expression, TimeRange } from '../domain/filter.ts';
import type { DpuId, SpaceId } from '../domain/ids.ts';
import type { LogPlace } from '../domain/log-place.ts';
import type { Direction } from '../domain/measure.ts';
import type { Segment } from '../domain/segment.ts';
import type { EventPlace } from '../domain/space-event.ts';
import type { HistoryEvent, OccupancyRequest } from './history.ts';

export interface EventPageQuery {
  readonly spaceId: SpaceId;
  /** Rows of later blocks are ignored. */
  readonly block: number;
  /** Ignore rows of later commits, too. */
  readonly upTo?: LogPlace | undefined;
  readonly range: TimeRange;
  /** Start after this place in event order (before it, if `desc`); null starts at the beginning. */
  readonly after: EventPlace | null;
  readonly desc: boolean;
  /** Roughly how many rows to read; at least 1. */
  readonly limit: number;
}

export interface EventCountQuery {
  readonly spaceId: SpaceId;
  readonly range: TimeRange;
  /** Rows of later blocks are ignored. */
  readonly block: number;
  /** Ignore rows of later commits, too. */
  readonly upTo?: LogPlace | undefined;
  /** That of the place: nearly all events before it were known, and nearly none after it. Does not change the number. */
  readonly watermarkMs: number;
}

export interface EventPage {
  /** May be empty even if there are more pages, when all rows read cancel out. */
  readonly events: readonly HistoryEvent[];
  /** Where the next page starts; null on the last page. */
  readonly end: EventPlace | null;
}

export interface TimedSpace extends EventPlace {
  readonly spaceId: SpaceId;
}

export interface StoredReading extends EventPlace {
  readonly dpuId: DpuId;
  /** 0 unless the reading is of one person. */
  readonly direction: Direction | 0;
  /** As reported by the device; for a standing, the difference to its predecessor. */
  readonly entrances: number;
  readonly exits: number;
  /** Where the reading counts. Null if it is held, because its DPU had no placement at that time, excluded or deleted. */
  readonly doorwayId: number | null;
  /** True if it counts in no space, because it is in an exclusion of its DPU. */
  readonly isExcluded: boolean;
  /** True if somebody has deleted it. Then it is not excluded. */
  readonly isDeleted: boolean;
}

/** By partition, the last block that is included; undefined for everything that is stored. */
export type Blocks = readonly number[] | undefined;

export interface SpacesByTimeQuery extends Omit<EventPageQuery, 'spaceId' | 'block' | 'upTo'> {
  readonly blocks?: Blocks;
}

export interface ReadingsQuery {
  readonly filter: Expression | undefined;
  /** A field of the list of readings; for an unknown field the order is by timestamp. */
  readonly sort: string;
  readonly desc: boolean;
  readonly offset: number;
  readonly limit: number;
  readonly after: EventPlace | null;
  readonly blocks?: Blocks;
}

/** A DPU that reported while it was at no doorway. */
export interface HeldDpu {
  readonly dpuId: DpuId;
  /** The number of its readings that are held; at least 1. */
  readonly held: number;
  /** Event time of the first held reading; `lastMs` is that of the newest. */
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface HeldDpusPage {
  readonly dpus: readonly HeldDpu[];
  /** On all pages. */
  readonly total: number;
}

export interface HeldDpusQuery {
  readonly filter: Expression | undefined;
  /** A field of the list; an unknown one sorts by id. */
  readonly sort: string;
  readonly desc: boolean;
  readonly offset: number;
  readonly limit: number;
}

/** The events of a space: those in blocks up to one, and those that are not stored yet. */
export interface EventsExport {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly range: TimeRange;
  /** All that are in the range; at most some thousands, because they are parameters. */
  readonly unstored: readonly HistoryEvent[];
}

/** An interval of a space, as it is exported. */
export interface IntervalRow {
  readonly spaceId: SpaceId;
  readonly startMs: number;
  readonly endMs: number;
  readonly entrances: number;
  readonly exits: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly utilization: number | null;
  readonly isFinal: boolean;
}

export interface EventPages {
  /** A page of a space's events in event order, with retractions applied. */
  eventPage(query: EventPageQuery): Promise<EventPage>;
  /** How many events of a space are in a range, with retractions applied. */
  countEvents(query: EventCountQuery): Promise<number>;
  /**
   * The newest block with a row of the space in the range; 0 if none. It changes whenever the contents of the range
   * do.
   */
  newestBlock(spaceId: SpaceId, range: TimeRange): Promise<number>;
  /**
   * For each space, its events with afterMs < timestamp <= upToMs in blocks up to its `block`, as a segment; empty if
   * there are none.
   */
  segmentsOf(spaces: readonly OccupancyRequest[], upToMs: number): Promise<Map<SpaceId, Segment>>;
  /** For each space, its events in a range, in blocks up to its `block`, in event order, with retractions applied. */
  eventsOf(spaces: readonly OccupancyRequest[], range: TimeRange): Promise<Map<SpaceId, HistoryEvent[]>>;
  /** The space of each stored row, in event order, including retracted ones. At most `limit`. */
  spacesByTime(query: SpacesByTimeQuery): Promise<TimedSpace[]>;
  /** The events of all spaces in a range, with retractions applied. */
  countAllEvents(range: TimeRange, blocks?: Blocks): Promise<number>;
  /** A page of readings, without retracted ones. */
  readings(query: ReadingsQuery): Promise<StoredReading[]>;
  /** All readings as a Parquet file. @throws Failure unavailable, at any chunk */
  parquetOfReadings(filter: Expression | undefined): AsyncIterable<Uint8Array>;
  /** Likewise all events of a space that stand. */
  parquetOfEvents(query: EventsExport): AsyncIterable<Uint8Array>;
  /** Intervals that the caller computes as a Parquet file. They are read only as fast as the file is. */
  parquetOfIntervals(pages: AsyncIterable<readonly IntervalRow[]>): AsyncIterable<Uint8Array>;
  countReadings(filter: Expression | undefined, blocks?: Blocks): Promise<number>;
  /** A page of the DPUs that readings are held for. */
  heldDpus(query: HeldDpusQuery): Promise<HeldDpusPage>;
  /** Accepts reading ids of the current and the previous form. */
  reading(dpuId: DpuId, readingId: string, blocks?: Blocks): Promise<StoredReading | undefined>;
}
