// Pages of what is stored, by keyset: a page begins after a place, so that a deep one costs what the first does.
// All values are bound as parameters.
import type { ClickHouseClient } from '@clickhouse/client';
import type { DpuId, SpaceId } from '../domain/ids.ts';
import type { Direction } from '../domain/reading.ts';
import type { EventPage, EventPageQuery, EventPages, HistoryEvent, ReadingsQuery, StoredReading, TimedSpace } from '../ports.ts';
import { conditionOf, type Columns } from './filter-sql.ts';
import { queryRows } from './query-rows.ts';

const LATEST_MS = 9_000_000_000_000;
/** More rows than anybody says and takes back one event, so that a page always gets on. */
const ROWS_MIN = 200;
const AT = (name: string): string => `fromUnixTimestamp64Milli({${name}:Int64}, 'UTC')`;

const READING_COLUMNS: Columns = {
  id: { sql: 'reading_id', type: 'String' },
  timestamp: { sql: 'timestamp', type: 'DateTime64' },
  dpu_id: { sql: 'dpu_id', type: 'String' },
  direction: { sql: 'direction', type: 'Float64' },
  doorway_id: { sql: 'doorway_id', type: 'Float64', nullAs: 0 },
};

type ReadingRow = [readingId: string, dpuId: string, timestampMs: number, direction: Direction, doorwayId: number];

export class ClickHouseEventPages implements EventPages {
  readonly #client: ClickHouseClient;

  constructor(client: ClickHouseClient) {
    this.#client = client;
  }

  async eventPage({ spaceId, block, range, after, desc, limit: wanted }: EventPageQuery): Promise<EventPage> {
    const limit = Math.max(wanted, ROWS_MIN);
    const order = desc ? 'DESC' : 'ASC';
    // Rows, not events: an event may be said, taken back and said again. In the order of the table, and so few are read.
    const rows = await this.#rows<[number, string, number]>(
      `SELECT toUnixTimestamp64Milli(timestamp), reading_id, delta * sign FROM space_events
      WHERE space_id = {space:UInt32} AND block <= {block:UInt64} AND timestamp >= ${AT('from')} AND timestamp <= ${AT('to')}
        ${after ? `AND (timestamp, reading_id) ${desc ? '<' : '>'} (${AT('afterTime')}, {afterId:String})` : ''}
      ORDER BY timestamp ${order}, reading_id ${order} LIMIT {limit:UInt32}`,
      {
        space: spaceId, block, limit: limit + 1,
        from: Math.max(range.fromMs, desc ? 0 : after?.timestampMs ?? 0), to: Math.min(range.toMs, desc ? after?.timestampMs ?? LATEST_MS : LATEST_MS, LATEST_MS),
        ...(after ? { afterTime: after.timestampMs, afterId: after.readingId } : {}),
      });
    const isAll = rows.length <= limit;
    const events: HistoryEvent[] = [];
    let place = after;
    for (let at = 0; at < rows.length;) {
      const [timestampMs, readingId] = rows[at] as [number, string, number];
      let change = 0;
      for (; rows[at]?.[0] === timestampMs && rows[at]?.[1] === readingId; at++) change += Number(rows[at]?.[2]);
      // The last one may go on beyond what was read.
      if (at === rows.length && !isAll && place !== after) break;
      place = { timestampMs: Number(timestampMs), readingId };
      if (change !== 0) events.push({ ...place, delta: change > 0 ? 1 : -1, sign: 1 });
    }
    return { events, end: isAll ? null : place };
  }

  async countEvents(spaceId: SpaceId, range: { fromMs: number; toMs: number }, block: number): Promise<number> {
    const [row] = await this.#rows<[number]>(
      `SELECT sum(sign) FROM space_events WHERE space_id = {space:UInt32} AND block <= {block:UInt64} AND timestamp >= ${AT('from')} AND timestamp <= ${AT('to')}`,
      { space: spaceId, block, from: Math.max(0, range.fromMs), to: Math.min(range.toMs, LATEST_MS) });
    return Number(row?.[0] ?? 0);
  }

  async spacesByTime({ range, after, desc, limit }: Omit<EventPageQuery, 'spaceId' | 'block'>): Promise<TimedSpace[]> {
    const order = desc ? 'DESC' : 'ASC';
    const rows = await this.#rows<[number, number, string]>(
      `SELECT space_id, toUnixTimestamp64Milli(timestamp), reading_id FROM events_by_time
      WHERE space_id > 0 AND timestamp >= ${AT('from')} AND timestamp <= ${AT('to')}
        ${after ? `AND (timestamp, reading_id) ${desc ? '<' : '>'} (${AT('afterTime')}, {afterId:String})` : ''}
      ORDER BY timestamp ${order}, reading_id ${order} LIMIT {limit:UInt32}`,
      {
        limit, from: Math.max(range.fromMs, desc ? 0 : after?.timestampMs ?? 0), to: Math.min(range.toMs, desc ? after?.timestampMs ?? LATEST_MS : LATEST_MS, LATEST_MS),
        ...(after ? { afterTime: after.timestampMs, afterId: after.readingId } : {}),
      });
    return rows.map(([spaceId, timestampMs, readingId]) => ({ spaceId: Number(spaceId) as SpaceId, timestampMs: Number(timestampMs), readingId }));
  }

  async countAllEvents(range: { fromMs: number; toMs: number }): Promise<number> {
    const [row] = await this.#rows<[number]>(
      `SELECT sum(sign) FROM events_by_time WHERE space_id > 0 AND timestamp >= ${AT('from')} AND timestamp <= ${AT('to')}`,
      { from: Math.max(0, range.fromMs), to: Math.min(range.toMs, LATEST_MS) });
    return Number(row?.[0] ?? 0);
  }

  async readings({ filter, sort, desc, offset, limit, after }: ReadingsQuery): Promise<StoredReading[]> {
    const condition = conditionOf(filter, READING_COLUMNS);
    const order = desc ? 'DESC' : 'ASC';
    const column = READING_COLUMNS[sort]?.sql ?? 'timestamp';
    const rows = await this.#rows<ReadingRow>(
      `SELECT reading_id, dpu_id, toUnixTimestamp64Milli(timestamp), direction, doorway_id FROM (
        SELECT timestamp, reading_id, dpu_id, direction, doorway_id FROM events_by_time
        WHERE is_reading = 1 AND ${condition.sql}
          ${after ? `AND timestamp ${desc ? '<=' : '>='} ${AT('afterTime')} AND (timestamp, reading_id) ${desc ? '<' : '>'} (${AT('afterTime')}, {afterId:String})` : ''}
        GROUP BY timestamp, reading_id, dpu_id, direction, doorway_id HAVING sum(sign) > 0
        ORDER BY ${column === 'timestamp' ? '' : `${column} ${order}, `}timestamp ${order}, reading_id ${order}
        LIMIT {limit:UInt32} OFFSET {offset:UInt64}
      ) SETTINGS optimize_aggregation_in_order = 1`,
      { ...condition.params, limit, offset, ...(after ? { afterTime: after.timestampMs, afterId: after.readingId } : {}) });
    return rows.map(toReading);
  }

  async countReadings(filter: ReadingsQuery['filter']): Promise<number> {
    const condition = conditionOf(filter, READING_COLUMNS);
    const [row] = await this.#rows<[number]>(`SELECT sum(sign) FROM events_by_time WHERE is_reading = 1 AND ${condition.sql}`, condition.params);
    return Number(row?.[0] ?? 0);
  }

  async reading(dpuId: DpuId, readingId: string): Promise<StoredReading | undefined> {
    const [row] = await this.#rows<ReadingRow>(
      `SELECT reading_id, dpu_id, toUnixTimestamp64Milli(timestamp), direction, doorway_id FROM readings
      WHERE dpu_id = {dpu:String} AND reading_id = {id:String}
      GROUP BY timestamp, reading_id, dpu_id, direction, doorway_id HAVING sum(sign) > 0 ORDER BY timestamp, direction LIMIT 1`,
      { dpu: dpuId, id: readingId });
    return row && toReading(row);
  }

  async #rows<Row>(query: string, params: Record<string, unknown>): Promise<Row[]> {
    return queryRows<Row>(this.#client, query, params);
  }
}

function toReading([readingId, dpuId, timestampMs, direction, doorwayId]: ReadingRow): StoredReading {
  return { readingId, dpuId: dpuId as DpuId, timestampMs: Number(timestampMs), direction, doorwayId: Number(doorwayId) || null };
}
