// Pages of what is stored, by keyset: a page begins after a place, so that a deep one costs what the first does.
// All values are bound as parameters.
import type { ClickHouseClient } from '@clickhouse/client';
import type { DpuId, SpaceId } from '../domain/ids.ts';
import { directionOf, type Direction } from '../domain/measure.ts';
import { previousIdOf, readingOfIdentity } from '../domain/reading.ts';
import type { Segment } from '../domain/segment.ts';
import type {
  EventPage,
  EventPageQuery,
  EventPages,
  ReadingsQuery,
  StoredReading,
  TimedSpace,
} from '../ports/event-pages.ts';
import type { EventPlace, HistoryEvent, OccupancyRequest } from '../ports/history.ts';
import { conditionOf, type Columns } from './filter-sql.ts';
import { queryRows } from './query-rows.ts';
import { segmentQuery, toSegment, type SegmentRow } from './segment-query.ts';

const LATEST_MS = 9_000_000_000_000;
/** More rows than anybody says and takes back one event, so that a page always gets on. */
const ROWS_MIN = 200;
const AT = (name: string): string => `fromUnixTimestamp64Milli({${name}:Int64}, 'UTC')`;

/** Of each of several spaces, bound by `bound`. */
const UP_TO_BLOCK = 'block <= transform(space_id, {spaces:Array(UInt32)}, {blocks:Array(UInt64)}, toUInt64(0))';

function bound(spaces: readonly OccupancyRequest[]): Record<string, unknown> {
  return { spaces: spaces.map(({ spaceId }) => spaceId), blocks: spaces.map(({ block }) => block) };
}

const READING_COLUMNS: Columns = {
  id: { sql: 'reading_id', type: 'String' },
  timestamp: { sql: 'timestamp', type: 'DateTime64' },
  dpu_id: { sql: 'dpu_id', type: 'String' },
  direction: { sql: 'direction', type: 'Float64', nullAs: 0 },
  entrances: { sql: 'entrances', type: 'Float64' },
  exits: { sql: 'exits', type: 'Float64' },
  doorway_id: { sql: 'doorway_id', type: 'Float64', nullAs: 0 },
};

type ReadingRow = [
  readingId: string,
  dpuId: string,
  timestampMs: number,
  direction: Direction | 0,
  entrances: number,
  exits: number,
  doorwayId: number,
];

export class ClickHouseEventPages implements EventPages {
  readonly #client: ClickHouseClient;

  constructor(client: ClickHouseClient) {
    this.#client = client;
  }

  async eventPage({ spaceId, block, range, after, desc, limit: wanted }: EventPageQuery): Promise<EventPage> {
    const limit = Math.max(wanted, ROWS_MIN);
    const order = desc ? 'DESC' : 'ASC';
    // Rows, not events: an event may be said, taken back and said again. In the order of the table, and so few are read.
    const rows = await this.#rows<[number, string, string, string]>(
      `SELECT toUnixTimestamp64Milli(timestamp), reading_id, toInt64(entrances) * sign, toInt64(exits) * sign FROM space_events
      WHERE space_id = {space:UInt32} AND block <= {block:UInt64} AND timestamp >= ${AT('from')} AND timestamp <= ${AT('to')}
        ${after ? `AND (timestamp, reading_id) ${desc ? '<' : '>'} (${AT('afterTime')}, {afterId:String})` : ''}
      ORDER BY timestamp ${order}, reading_id ${order} LIMIT {limit:UInt32}`,
      {
        space: spaceId,
        block,
        limit: limit + 1,
        from: Math.max(range.fromMs, desc ? 0 : (after?.timestampMs ?? 0)),
        to: Math.min(range.toMs, desc ? (after?.timestampMs ?? LATEST_MS) : LATEST_MS, LATEST_MS),
        ...(after ? { afterTime: after.timestampMs, afterId: after.readingId } : {}),
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
      // The last one may go on beyond what was read.
      if (at === rows.length && !isAll && place !== after) break;
      place = { timestampMs: Number(timestampMs), readingId };
      if (entrances !== 0 || exits !== 0) events.push({ ...place, entrances, exits, sign: 1 });
    }
    return { events, end: isAll ? null : place };
  }

  async countEvents(spaceId: SpaceId, range: { fromMs: number; toMs: number }, block: number): Promise<number> {
    const [row] = await this.#rows<[number]>(
      `SELECT sumIf(sign, entrances + exits > 0) FROM space_events WHERE space_id = {space:UInt32} AND block <= {block:UInt64} AND timestamp >= ${AT('from')} AND timestamp <= ${AT('to')}`,
      { space: spaceId, block, from: Math.max(0, range.fromMs), to: Math.min(range.toMs, LATEST_MS) },
    );
    return Number(row?.[0] ?? 0);
  }

  async newestBlock(spaceId: SpaceId, range: { fromMs: number; toMs: number }): Promise<number> {
    const [row] = await this.#rows<[number]>(
      `SELECT max(block) FROM space_events WHERE space_id = {space:UInt32} AND timestamp >= ${AT('from')} AND timestamp <= ${AT('to')}`,
      { space: spaceId, from: Math.max(0, range.fromMs), to: Math.min(range.toMs, LATEST_MS) },
    );
    return Number(row?.[0] ?? 0);
  }

  async runsOf(spaces: readonly OccupancyRequest[], upToMs: number): Promise<Map<SpaceId, Segment>> {
    // Few spaces have more than a day since their last reset; the least bound lets the table's order be used.
    const firstMs = spaces.reduce((least, { afterMs }) => Math.min(least, afterMs), Infinity);
    if (firstMs >= upToMs) return new Map();
    const rows = await this.#rows<SegmentRow>(
      segmentQuery(
        'space_id',
        `
      space_id IN {spaces:Array(UInt32)} AND timestamp > ${AT('first')} AND timestamp <= ${AT('upTo')}
      AND toUnixTimestamp64Milli(timestamp) > transform(space_id, {spaces:Array(UInt32)}, {after:Array(Int64)}, toInt64(0)) AND ${UP_TO_BLOCK}`,
      ),
      {
        ...bound(spaces),
        after: spaces.map(({ afterMs }) => afterMs),
        first: Math.max(0, firstMs),
        upTo: Math.min(upToMs, LATEST_MS),
      },
    );
    return new Map(rows.map((row) => [Number(row[0]) as SpaceId, toSegment(row)]));
  }

  async eventsOf(
    spaces: readonly OccupancyRequest[],
    { fromMs, toMs }: { fromMs: number; toMs: number },
  ): Promise<Map<SpaceId, HistoryEvent[]>> {
    const found = new Map<SpaceId, HistoryEvent[]>(spaces.map(({ spaceId }) => [spaceId, []]));
    if (spaces.length === 0) return found;
    const rows = await this.#rows<[number, number, string, string, string]>(
      `SELECT space_id, toUnixTimestamp64Milli(timestamp), reading_id, sum(toInt64(entrances) * sign) AS into, sum(toInt64(exits) * sign) AS out FROM space_events
      WHERE space_id IN {spaces:Array(UInt32)} AND timestamp >= ${AT('from')} AND timestamp <= ${AT('to')} AND ${UP_TO_BLOCK}
      GROUP BY space_id, timestamp, reading_id HAVING into != 0 OR out != 0 ORDER BY space_id, timestamp, reading_id`,
      { ...bound(spaces), from: Math.max(0, fromMs), to: Math.min(toMs, LATEST_MS) },
    );
    for (const [spaceId, timestampMs, readingId, entrances, exits] of rows) {
      found.get(Number(spaceId) as SpaceId)?.push({
        timestampMs: Number(timestampMs),
        readingId,
        entrances: Number(entrances),
        exits: Number(exits),
        sign: 1,
      });
    }
    return found;
  }

  async spacesByTime({ range, after, desc, limit }: Omit<EventPageQuery, 'spaceId' | 'block'>): Promise<TimedSpace[]> {
    const order = desc ? 'DESC' : 'ASC';
    const rows = await this.#rows<[number, number, string]>(
      `SELECT space_id, toUnixTimestamp64Milli(timestamp), reading_id FROM events_by_time
      WHERE space_id > 0 AND timestamp >= ${AT('from')} AND timestamp <= ${AT('to')}
        ${after ? `AND (timestamp, reading_id) ${desc ? '<' : '>'} (${AT('afterTime')}, {afterId:String})` : ''}
      ORDER BY timestamp ${order}, reading_id ${order} LIMIT {limit:UInt32}`,
      {
        limit,
        from: Math.max(range.fromMs, desc ? 0 : (after?.timestampMs ?? 0)),
        to: Math.min(range.toMs, desc ? (after?.timestampMs ?? LATEST_MS) : LATEST_MS, LATEST_MS),
        ...(after ? { afterTime: after.timestampMs, afterId: after.readingId } : {}),
      },
    );
    return rows.map(([spaceId, timestampMs, readingId]) => ({
      spaceId: Number(spaceId) as SpaceId,
      timestampMs: Number(timestampMs),
      readingId,
    }));
  }

  async countAllEvents(range: { fromMs: number; toMs: number }): Promise<number> {
    const [row] = await this.#rows<[number]>(
      `SELECT sumIf(sign, entrances + exits > 0) FROM events_by_time WHERE space_id > 0 AND timestamp >= ${AT('from')} AND timestamp <= ${AT('to')}`,
      { from: Math.max(0, range.fromMs), to: Math.min(range.toMs, LATEST_MS) },
    );
    return Number(row?.[0] ?? 0);
  }

  async readings(query: ReadingsQuery): Promise<StoredReading[]> {
    // In the order of the table only a page is read; any other order, and an offset, look at everything.
    return query.sort === 'timestamp' && query.offset === 0
      ? this.#readingsInOrder(query)
      : this.#readingsSorted(query);
  }

  async #readingsInOrder({ filter, desc, limit, after }: ReadingsQuery): Promise<StoredReading[]> {
    const condition = conditionOf(filter, READING_COLUMNS);
    const order = desc ? 'DESC' : 'ASC';
    const found: StoredReading[] = [];
    for (let place: EventPlace | null = after; found.length < limit;) {
      const rowsMax = Math.max(limit - found.length, ROWS_MIN);
      const rows: [...ReadingRow, sign: number][] = await this.#rows<[...ReadingRow, sign: number]>(
        `SELECT reading_id, dpu_id, toUnixTimestamp64Milli(timestamp), direction, entrances, exits, doorway_id, sign FROM events_by_time
        WHERE is_reading = 1 AND ${condition.sql} ${place ? beyond(desc) : ''}
        ORDER BY timestamp ${order}, reading_id ${order} LIMIT {limit:UInt32}`,
        {
          ...condition.params,
          limit: rowsMax + 1,
          ...(place ? { afterTime: place.timestampMs, afterId: place.readingId } : {}),
        },
      );
      const isAll = rows.length <= rowsMax;
      const groups = inGroups(rows, (a, b) => a[0] === b[0] && a[2] === b[2]);
      // The last one may go on beyond what was read.
      const whole = isAll || groups.length === 1 ? groups : groups.slice(0, -1);
      for (const group of whole) found.push(...standing(group));
      const last = whole.at(-1)?.[0];
      if (isAll || !last) break;
      place = { readingId: last[0], timestampMs: Number(last[2]) };
    }
    return found.slice(0, limit);
  }

  async #readingsSorted({ filter, sort, desc, offset, limit, after }: ReadingsQuery): Promise<StoredReading[]> {
    const condition = conditionOf(filter, READING_COLUMNS);
    const order = desc ? 'DESC' : 'ASC';
    const column = READING_COLUMNS[sort]?.sql ?? 'timestamp';
    const rows = await this.#rows<ReadingRow>(
      `SELECT reading_id, dpu_id, toUnixTimestamp64Milli(timestamp), direction, entrances, exits, doorway_id FROM (
        SELECT timestamp, reading_id, dpu_id, direction, entrances, exits, doorway_id FROM events_by_time
        WHERE is_reading = 1 AND ${condition.sql} ${after ? beyond(desc) : ''}
        GROUP BY timestamp, reading_id, dpu_id, direction, entrances, exits, doorway_id HAVING sum(sign) > 0
        ORDER BY ${column === 'timestamp' ? '' : `${column} ${order}, `}timestamp ${order}, reading_id ${order}
        LIMIT {limit:UInt32} OFFSET {offset:UInt64}
      )`,
      {
        ...condition.params,
        limit,
        offset,
        ...(after ? { afterTime: after.timestampMs, afterId: after.readingId } : {}),
      },
    );
    return rows.map(toReading);
  }

  async countReadings(filter: ReadingsQuery['filter']): Promise<number> {
    const condition = conditionOf(filter, READING_COLUMNS);
    const [row] = await this.#rows<[number]>(
      `SELECT sum(sign) FROM events_by_time WHERE is_reading = 1 AND ${condition.sql}`,
      condition.params,
    );
    return Number(row?.[0] ?? 0);
  }

  async reading(dpuId: DpuId, readingId: string): Promise<StoredReading | undefined> {
    const said = readingOfIdentity(readingId);
    if (said && said.timestampMs > LATEST_MS) return undefined;
    // A reading that was stored under an id of the previous form is sent again, and looked up, under the present one.
    const ids = said?.name === undefined ? [readingId] : [readingId, previousIdOf(said)];
    const [row] = await this.#rows<ReadingRow>(
      `SELECT reading_id, dpu_id, toUnixTimestamp64Milli(timestamp), direction, entrances, exits, doorway_id FROM readings
      WHERE dpu_id = {dpu:String} AND reading_id IN {ids:Array(String)} ${said ? `AND timestamp = ${AT('time')} AND direction = {direction:Int8}` : ''}
      GROUP BY timestamp, reading_id, dpu_id, direction, entrances, exits, doorway_id HAVING sum(sign) > 0 ORDER BY timestamp, direction LIMIT 1`,
      { dpu: dpuId, ids, ...(said ? { time: said.timestampMs, direction: directionOf(said.measure) } : {}) },
    );
    return row && toReading(row);
  }

  async #rows<Row>(query: string, params: Record<string, unknown>): Promise<Row[]> {
    return queryRows<Row>(this.#client, query, params);
  }
}

/** After a place, which is bound as `afterTime` and `afterId`; the first half lets the table's order be used. */
function beyond(desc: boolean): string {
  return `AND timestamp ${desc ? '<=' : '>='} ${AT('afterTime')} AND (timestamp, reading_id) ${desc ? '<' : '>'} (${AT('afterTime')}, {afterId:String})`;
}

function inGroups<Row>(rows: readonly Row[], isSame: (a: Row, b: Row) => boolean): Row[][] {
  const groups: Row[][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last?.[0] !== undefined && isSame(last[0], row)) last.push(row);
    else groups.push([row]);
  }
  return groups;
}

/** Of the rows of one reading's id and instant, what was said more often than taken back: it may have been moved to another doorway. */
function standing(rows: readonly [...ReadingRow, sign: number][]): StoredReading[] {
  const [only] = rows;
  if (only && rows.length === 1) return only[7] > 0 ? [toReading(only)] : [];
  const bySaying = new Map<string, { row: [...ReadingRow, sign: number]; signs: number }>();
  for (const row of rows) {
    const key = JSON.stringify(row.slice(0, 7));
    const before = bySaying.get(key);
    if (before) before.signs += row[7];
    else bySaying.set(key, { row, signs: row[7] });
  }
  return [...bySaying.values()].filter(({ signs }) => signs > 0).map(({ row }) => toReading(row));
}

function toReading([readingId, dpuId, timestampMs, direction, entrances, exits, doorwayId]:
  ReadingRow | [...ReadingRow, number]): StoredReading {
  return {
    readingId,
    dpuId: dpuId as DpuId,
    timestampMs: Number(timestampMs),
    direction,
    entrances: Number(entrances),
    exits: Number(exits),
    doorwayId: Number(doorwayId) || null,
  };
}
