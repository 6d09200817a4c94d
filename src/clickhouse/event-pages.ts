// Pages of stored events and readings. Paging is by keyset: a page starts after a place in event order, so a deep page
// costs no more than the first. All values are bound as parameters.
import type { ClickHouseClient } from '@clickhouse/client';
import type { TimeRange } from '../domain/filter.ts';
import { NO_DOORWAY, NOWHERE, type DoorwayId, type DpuId, type SpaceId } from '../domain/ids.ts';
import { directionOf, type Direction } from '../domain/measure.ts';
import { previousIdOf, readingOfIdentity } from '../domain/reading.ts';
import { LATEST_STORABLE_MS } from '../domain/instant.ts';
import type { Segment } from '../domain/segment.ts';
import { uncountedAs, type EventPlace } from '../domain/space-event.ts';
import type {
  Blocks,
  EventCountQuery,
  EventPage,
  EventPageQuery,
  EventPages,
  EventsExport,
  HeldDpusPage,
  HeldDpusQuery,
  IntervalRow,
  ReadingsQuery,
  SpacesByTimeQuery,
  StoredReading,
  TimedSpace,
} from '../ports/event-pages.ts';
import type { HistoryEvent, OccupancyRequest } from '../ports/history.ts';
import { countEvents } from './event-count.ts';
import { beyondPlace, eventOrder, placeParams } from './event-order.ts';
import { conditionOf, type Columns } from './filter-sql.ts';
import { heldDpus } from './held-dpus.ts';
import { blocksParams, knownParams, knownRows, rowsInBlocks } from './known-rows.ts';
import { instantParam, storable } from './instants.ts';
import { parquetOfEvents, parquetOfIntervals, parquetOfReadings } from './parquet.ts';
import { queryRows } from './query-rows.ts';
import { segmentsSince } from './segments-since.ts';
import { eventsOfSpaces } from './spaces-queries.ts';
import { StoredBlocks } from './stored-blocks.ts';

/** Minimum rows per query: more than any single event has, so that paging always progresses. */
const ROWS_MIN = 200;
const IN_RANGE = `timestamp >= ${instantParam('from')} AND timestamp <= ${instantParam('to')}`;

/** The parameters for IN_RANGE. */
function rangeParams({ fromMs, toMs }: TimeRange): { from: number; to: number } {
  return { from: Math.max(0, fromMs), to: storable(toMs) };
}

/**
 * The rest of a range after a place. It limits the first column of the sorting key, so that ClickHouse skips rows
 * that were already read.
 */
function rangeBeyond(range: TimeRange, place: EventPlace | null, isDescending: boolean): TimeRange {
  if (!place) return range;
  return isDescending
    ? { ...range, toMs: Math.min(range.toMs, place.timestampMs) }
    : { ...range, fromMs: Math.max(range.fromMs, place.timestampMs) };
}

/** The doorway where a reading counts, or NO_DOORWAY. */
const COUNTED_AT = `if(space_id = ${NOWHERE}, ${NO_DOORWAY}, doorway_id)`;
/** Says why a reading counts in no space (`uncountedAs`). */
const UNCOUNTED_AT = `if(space_id = ${NOWHERE}, doorway_id, ${NO_DOORWAY}) AS uncounted_at`;

const READING_COLUMNS: Columns = {
  id: { sql: 'reading_id', type: 'String' },
  timestamp: { sql: 'timestamp', type: 'DateTime64' },
  dpu_id: { sql: 'dpu_id', type: 'String' },
  direction: { sql: 'direction', type: 'Float64', nullAs: 0 },
  entrances: { sql: 'entrances', type: 'Float64' },
  exits: { sql: 'exits', type: 'Float64' },
  doorway_id: { sql: COUNTED_AT, type: 'Float64', nullAs: 0 },
};

type ReadingRow = [
  readingId: string,
  dpuId: string,
  timestampMs: number,
  direction: Direction | 0,
  entrances: number,
  exits: number,
  doorwayId: number,
  uncountedAt: number,
];

export class ClickHouseEventPages implements EventPages {
  readonly #client: ClickHouseClient;
  readonly #blocks: StoredBlocks;

  constructor(client: ClickHouseClient, blocks = new StoredBlocks(client)) {
    this.#client = client;
    this.#blocks = blocks;
  }

  async eventPage({ spaceId, block, upTo, range, after, desc, limit: wanted }: EventPageQuery): Promise<EventPage> {
    const limit = Math.max(wanted, ROWS_MIN);
    // Selects rows, not events: an event that was asserted, retracted and asserted again has several. Without a GROUP
    // BY, ClickHouse reads in the table's order and stops at the limit.
    const rows = await this.#rows<[number, string, string, string]>(
      `SELECT toUnixTimestamp64Milli(timestamp), reading_id, toInt64(entrances) * sign, toInt64(exits) * sign FROM space_events
      WHERE space_id = {space:UInt32} AND ${knownRows({ upTo })} AND ${IN_RANGE} ${after ? `AND ${beyondPlace(desc)}` : ''}
      ORDER BY ${eventOrder(desc)} LIMIT {limit:UInt32}`,
      {
        space: spaceId,
        ...knownParams({ block, upTo }),
        limit: limit + 1,
        ...rangeParams(rangeBeyond(range, after, desc)),
        ...(after ? placeParams(after) : {}),
      },
    );
    const isAll = rows.length <= limit;
    const events: HistoryEvent[] = [];
    let place = after;
    for (let at = 0; at < rows.length;) {
      const [timestampMs, readingId] = rows[at] as [number, string, string, string];
      let [entrances, exits] = [0, 0];
      for (; rows[at]?.[0] === timestampMs && rows[at]?.[1] === readingId; at++) {
        entrances += Number(rows[at]?.[2]);
        exits += Number(rows[at]?.[3]);
      }
      // The last event may have more rows than those that were read.
      if (at === rows.length && !isAll && place !== after) break;
      place = { timestampMs: Number(timestampMs), readingId };
      if (entrances !== 0 || exits !== 0) events.push({ ...place, entrances, exits, sign: 1 });
    }
    return { events, end: isAll ? null : place };
  }

  async countEvents(query: EventCountQuery): Promise<number> {
    return countEvents(this.#client, this.#blocks, query);
  }

  async newestBlock(spaceId: SpaceId, range: TimeRange): Promise<number> {
    const [row] = await this.#rows<[number]>(
      `SELECT max(block) FROM space_events WHERE space_id = {space:UInt32} AND ${IN_RANGE}`,
      { space: spaceId, ...rangeParams(range) },
    );
    return Number(row?.[0] ?? 0);
  }

  async segmentsOf(spaces: readonly OccupancyRequest[], upToMs: number): Promise<Map<SpaceId, Segment>> {
    return segmentsSince(this.#client, this.#blocks, spaces, upToMs);
  }

  async eventsOf(
    spaces: readonly OccupancyRequest[],
    { fromMs, toMs }: TimeRange,
  ): Promise<Map<SpaceId, HistoryEvent[]>> {
    const divided = spaces.map(({ spaceId, block }) => ({ spaceId, block, dividedMs: fromMs - 1 }));
    return eventsOfSpaces(this.#client, divided, toMs);
  }

  async spacesByTime({ range, after, desc, limit, blocks }: SpacesByTimeQuery): Promise<TimedSpace[]> {
    const rows = await this.#rows<[number, number, string]>(
      `SELECT space_id, toUnixTimestamp64Milli(timestamp), reading_id FROM events_by_time
      WHERE space_id > 0 AND ${rowsInBlocks(blocks)} AND ${IN_RANGE} ${after ? `AND ${beyondPlace(desc)}` : ''}
      ORDER BY ${eventOrder(desc)} LIMIT {limit:UInt32}`,
      {
        limit,
        ...blocksParams(blocks),
        ...rangeParams(rangeBeyond(range, after, desc)),
        ...(after ? placeParams(after) : {}),
      },
    );
    return rows.map(([spaceId, timestampMs, readingId]) => ({
      spaceId: Number(spaceId) as SpaceId,
      timestampMs: Number(timestampMs),
      readingId,
    }));
  }

  async countAllEvents(range: TimeRange, blocks?: Blocks): Promise<number> {
    const [row] = await this.#rows<[number]>(
      `SELECT sumIf(sign, entrances + exits > 0) FROM events_by_time WHERE space_id > 0 AND ${rowsInBlocks(blocks)} AND ${IN_RANGE}`,
      { ...blocksParams(blocks), ...rangeParams(range) },
    );
    return Number(row?.[0] ?? 0);
  }

  async readings(query: ReadingsQuery): Promise<StoredReading[]> {
    // In the table's own order ClickHouse reads only one page; for any other order, or with an offset, it reads every
    // row.
    return query.sort === 'timestamp' && query.offset === 0
      ? this.#readingsInOrder(query)
      : this.#readingsSorted(query);
  }

  async #readingsInOrder({ filter, desc, limit, after, blocks }: ReadingsQuery): Promise<StoredReading[]> {
    const condition = conditionOf(filter, READING_COLUMNS);
    const found: StoredReading[] = [];
    for (let place: EventPlace | null = after; found.length < limit;) {
      const rowsMax = Math.max(limit - found.length, ROWS_MIN);
      const rows: [...ReadingRow, sign: number][] = await this.#rows<[...ReadingRow, sign: number]>(
        `SELECT reading_id, dpu_id, toUnixTimestamp64Milli(timestamp), direction, entrances, exits, ${COUNTED_AT} AS counted_at, ${UNCOUNTED_AT}, sign FROM events_by_time
        WHERE is_reading = 1 AND ${rowsInBlocks(blocks)} AND ${condition.sql} ${place ? readingsBeyond(desc) : ''}
        ORDER BY ${eventOrder(desc)} LIMIT {limit:UInt32}`,
        { ...condition.params, ...blocksParams(blocks), limit: rowsMax + 1, ...(place ? placeParams(place) : {}) },
      );
      const isAll = rows.length <= rowsMax;
      const groups = groupConsecutive(rows, (a, b) => a[0] === b[0] && a[2] === b[2]);
      // The last group may have more rows than those that were read.
      const whole = isAll || groups.length === 1 ? groups : groups.slice(0, -1);
      for (const group of whole) found.push(...withoutRetracted(group));
      const last = whole.at(-1)?.[0];
      if (isAll || !last) break;
      place = { readingId: last[0], timestampMs: Number(last[2]) };
    }
    return found.slice(0, limit);
  }

  async #readingsSorted({ filter, sort, desc, offset, limit, after, blocks }: ReadingsQuery): Promise<StoredReading[]> {
    const condition = conditionOf(filter, READING_COLUMNS);
    const column = READING_COLUMNS[sort]?.sql ?? 'timestamp';
    const rows = await this.#rows<ReadingRow>(
      `SELECT reading_id, dpu_id, toUnixTimestamp64Milli(timestamp), direction, entrances, exits, counted_at, uncounted_at FROM (
        SELECT timestamp, reading_id, dpu_id, direction, entrances, exits, ${COUNTED_AT} AS counted_at, ${UNCOUNTED_AT} FROM events_by_time
        WHERE is_reading = 1 AND ${rowsInBlocks(blocks)} AND ${condition.sql} ${after ? readingsBeyond(desc) : ''}
        GROUP BY timestamp, reading_id, dpu_id, direction, entrances, exits, counted_at, uncounted_at HAVING sum(sign) > 0
        ORDER BY ${column === 'timestamp' ? '' : `${column} ${desc ? 'DESC' : 'ASC'}, `}${eventOrder(desc)}
        LIMIT {limit:UInt32} OFFSET {offset:UInt64}
      )`,
      { ...condition.params, ...blocksParams(blocks), limit, offset, ...(after ? placeParams(after) : {}) },
    );
    return rows.map(toReading);
  }

  parquetOfReadings(filter: ReadingsQuery['filter']): AsyncIterable<Uint8Array> {
    return parquetOfReadings(this.#client, conditionOf(filter, READING_COLUMNS));
  }

  parquetOfEvents(query: EventsExport): AsyncIterable<Uint8Array> {
    return parquetOfEvents(this.#client, query);
  }

  parquetOfIntervals(pages: AsyncIterable<readonly IntervalRow[]>): AsyncIterable<Uint8Array> {
    return parquetOfIntervals(this.#client, pages);
  }

  async countReadings(filter: ReadingsQuery['filter'], blocks?: Blocks): Promise<number> {
    const condition = conditionOf(filter, READING_COLUMNS);
    const [row] = await this.#rows<[number]>(
      `SELECT sum(sign) FROM events_by_time WHERE is_reading = 1 AND ${rowsInBlocks(blocks)} AND ${condition.sql}`,
      { ...condition.params, ...blocksParams(blocks) },
    );
    return Number(row?.[0] ?? 0);
  }

  async heldDpus(query: HeldDpusQuery): Promise<HeldDpusPage> {
    return heldDpus(this.#client, query);
  }

  async reading(dpuId: DpuId, readingId: string, blocks?: Blocks): Promise<StoredReading | undefined> {
    const identified = readingOfIdentity(readingId);
    if (identified && identified.timestampMs > LATEST_STORABLE_MS) return undefined;
    // A client may know a reading by its current id although it is stored under an id of the previous format.
    const ids = identified?.name === undefined ? [readingId] : [readingId, previousIdOf(identified)];
    const [row] = await this.#rows<ReadingRow>(
      `SELECT reading_id, dpu_id, toUnixTimestamp64Milli(timestamp), direction, entrances, exits, ${COUNTED_AT} AS counted_at, ${UNCOUNTED_AT} FROM readings
      WHERE dpu_id = {dpu:String} AND ${rowsInBlocks(blocks)} AND reading_id IN {ids:Array(String)} ${identified ? `AND timestamp = ${instantParam('time')} AND direction = {direction:Int8}` : ''}
      GROUP BY timestamp, reading_id, dpu_id, direction, entrances, exits, counted_at, uncounted_at HAVING sum(sign) > 0 ORDER BY timestamp, direction LIMIT 1`,
      {
        dpu: dpuId,
        ids,
        ...blocksParams(blocks),
        ...(identified ? { time: identified.timestampMs, direction: directionOf(identified.measure) } : {}),
      },
    );
    return row && toReading(row);
  }

  async #rows<Row>(query: string, params: Record<string, unknown>): Promise<Row[]> {
    return queryRows<Row>(this.#client, query, params);
  }
}

/** Rows beyond a place; the redundant first condition lets ClickHouse use the sorting key. Bind with `placeParams`. */
function readingsBeyond(isDescending: boolean): string {
  return `AND timestamp ${isDescending ? '<=' : '>='} ${instantParam('afterTime')} AND ${beyondPlace(isDescending)}`;
}

function groupConsecutive<Row>(rows: readonly Row[], isSame: (a: Row, b: Row) => boolean): Row[][] {
  const groups: Row[][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last?.[0] !== undefined && isSame(last[0], row)) last.push(row);
    else groups.push([row]);
  }
  return groups;
}

/**
 * Nets out the rows of one reading id and instant. A move leaves rows for both doorways; only the later one still
 * stands.
 */
function withoutRetracted(rows: readonly [...ReadingRow, sign: number][]): StoredReading[] {
  const [only] = rows;
  if (only && rows.length === 1) return only[8] > 0 ? [toReading(only)] : [];
  const netByContent = new Map<string, { row: [...ReadingRow, sign: number]; signs: number }>();
  for (const row of rows) {
    const key = JSON.stringify(row.slice(0, 8));
    const before = netByContent.get(key);
    if (before) before.signs += row[8];
    else netByContent.set(key, { row, signs: row[8] });
  }
  return [...netByContent.values()].filter(({ signs }) => signs > 0).map(({ row }) => toReading(row));
}

function toReading([readingId, dpuId, timestampMs, direction, entrances, exits, doorwayId, uncountedAt]:
  ReadingRow | [...ReadingRow, number]): StoredReading {
  const uncounted = uncountedAs(Number(uncountedAt) as DoorwayId);
  return {
    readingId,
    dpuId: dpuId as DpuId,
    timestampMs: Number(timestampMs),
    direction,
    entrances: Number(entrances),
    exits: Number(exits),
    doorwayId: Number(doorwayId) || null,
    isExcluded: uncounted === 'excluded',
    isDeleted: uncounted === 'deleted',
  };
}
