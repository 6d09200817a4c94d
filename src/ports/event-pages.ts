// What lists of events and readings need of ClickHouse. No simulated implementation: nothing that counts uses it.
import type { Expression, TimeRange } from '../domain/filter.ts';
import type { DpuId, SpaceId } from '../domain/ids.ts';
import type { Direction } from '../domain/measure.ts';
import type { Segment } from '../domain/segment.ts';
import type { EventPlace, HistoryEvent, OccupancyRequest } from './history.ts';

export interface EventPageQuery {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly range: TimeRange;
  readonly after: EventPlace | null;
  readonly desc: boolean;
  /** How many rows to look at, at most; at least 1. */
  readonly limit: number;
}

export interface EventPage {
  readonly events: readonly HistoryEvent[];
  /** How far it was looked; null when there is nothing further. */
  readonly end: EventPlace | null;
}

export interface TimedSpace extends EventPlace {
  readonly spaceId: SpaceId;
}

export interface StoredReading extends EventPlace {
  readonly dpuId: DpuId;
  /** 0 where it is not of one person. */
  readonly direction: Direction | 0;
  /** As the device sees it; of a standing, the difference to the one before. */
  readonly entrances: number;
  readonly exits: number;
  /** Null while it is held. */
  readonly doorwayId: number | null;
}

export interface ReadingsQuery {
  readonly filter: Expression | undefined;
  readonly sort: string;
  readonly desc: boolean;
  readonly offset: number;
  readonly limit: number;
  readonly after: EventPlace | null;
}

export interface EventPages {
  /** A space's stored events in blocks up to one, retractions applied. */
  eventPage(query: EventPageQuery): Promise<EventPage>;
  countEvents(spaceId: SpaceId, range: TimeRange, block: number): Promise<number>;
  /** Number of the newest block with an event of a space in a range; 0 when there is none. */
  newestBlock(spaceId: SpaceId, range: TimeRange): Promise<number>;
  /** Per space: the run of its stored events with afterMs < timestamp <= upToMs, in blocks up to `block`. */
  runsOf(spaces: readonly OccupancyRequest[], upToMs: number): Promise<Map<SpaceId, Segment>>;
  /** Per space: its stored events in a range, in blocks up to `block`, in event order, retractions applied. */
  eventsOf(spaces: readonly OccupancyRequest[], range: TimeRange): Promise<Map<SpaceId, HistoryEvent[]>>;
  /** Which spaces something happened in, in the order of time. */
  spacesByTime(query: Omit<EventPageQuery, 'spaceId' | 'block'>): Promise<TimedSpace[]>;
  countAllEvents(range: TimeRange): Promise<number>;
  readings(query: ReadingsQuery): Promise<StoredReading[]>;
  countReadings(filter: Expression | undefined): Promise<number>;
  reading(dpuId: DpuId, readingId: string): Promise<StoredReading | undefined>;
}
