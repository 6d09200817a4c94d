// The stored events of several spaces in one query, each divided at an instant of its own, and up to a block of its own.
import type { ClickHouseClient } from '@clickhouse/client';
import type { SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { EMPTY_SEGMENT, type Segment } from '../domain/segment.ts';
import type { DividedRequest, HistoryEvent } from '../ports/history.ts';
import { EVENT_ORDER } from './event-order.ts';
import { instantParam, storable } from './instants.ts';
import { hoursFor, SPAN_MIN_MS, type PlannedSpace } from './hours-plan.ts';
import { plannedRows } from './planned-rows.ts';
import { queryRows } from './query-rows.ts';
import { OF_SPACES, ofItsSpace, spacesParams, UP_TO_BLOCKS } from './rows-of-spaces.ts';
import { segmentQuery, toSegment, type SegmentRow } from './segment-query.ts';
import { segmentsByHour, type SpaceGap } from './segments-by-hour.ts';

const ROWS = `${OF_SPACES} AND timestamp > ${instantParam('first')} AND timestamp <= ${instantParam('last')}
  AND ${UP_TO_BLOCKS}`;
const MS = 'toUnixTimestamp64Milli(timestamp)';

function params(spaces: readonly DividedRequest[], firstMs: number, lastMs: number): Record<string, unknown> {
  return {
    ...spacesParams(spaces),
    divided: spaces.map(({ dividedMs }) => storable(dividedMs)),
    first: Math.max(BEGINNING_MS, firstMs),
    last: storable(lastMs),
  };
}

/** ClickHouse holds everything that it sums up in a query. With more rows, spaces are asked for one after the other. */
const ROWS_TOGETHER_MAX = 2_000_000;
/** Each range is a part of the text of a query, which ClickHouse limits to 256 KB. */
const RANGES_TOGETHER_MAX = 1_000;

export async function segmentsOfSpaces(
  client: ClickHouseClient,
  spaces: readonly DividedRequest[],
  edgesMs: readonly number[],
): Promise<Map<SpaceId, Segment[]>> {
  const edges = edgesMs.map(storable);
  const gaps = new Map(edges.map((edge, gap) => [edge, gap]));
  const found = new Map(spaces.map(({ spaceId }) => [spaceId, edges.slice(1).map(() => EMPTY_SEGMENT)]));
  for (const row of await rowsOfSpaces(client, spaces, edges)) {
    const [spaceId, edgeMs] = row[0];
    const [segments, gap] = [found.get(Number(spaceId) as SpaceId), gaps.get(Number(edgeMs))];
    if (segments && gap !== undefined) segments[gap] = toSegment(row);
  }
  return found;
}

async function rowsOfSpaces(
  client: ClickHouseClient,
  spaces: readonly DividedRequest[],
  edges: readonly number[],
): Promise<SegmentRow<SpaceGap>[]> {
  const asked = spaces.map(({ spaceId, block, dividedMs }) => ({ spaceId, block, untilMs: dividedMs }));
  const planned = await hoursFor(client, { edgesMs: edges, spaces: asked });
  const bounds = { ...params(spaces, edges[0] ?? 0, edges.at(-1) ?? 0), edges };
  const asRead = planned ? plannedRows(planned, undefined) : { events: ROWS, hours: '0', params: bounds };
  const isTooMuch = async (): Promise<boolean> => {
    if (rangesOf(planned ?? []) > RANGES_TOGETHER_MAX) return true;
    const read = [await rowsRead(client, 'space_events', asRead.events, asRead.params)];
    if (planned) read.push(await rowsRead(client, 'segments_by_hour', asRead.hours, asRead.params));
    return read.some((rows) => rows > ROWS_TOGETHER_MAX);
  };
  const isLong = (edges.at(-1) ?? 0) - (edges[0] ?? 0) >= SPAN_MIN_MS;
  if (spaces.length > 1 && isLong && (await isTooMuch())) {
    const rows: SegmentRow<SpaceGap>[] = [];
    for (const space of spaces) rows.push(...(await rowsOfSpaces(client, [space], edges)));
    return rows;
  }
  if (planned) return segmentsByHour(client, planned, edges);
  return queryRows<SegmentRow<SpaceGap>>(
    client,
    // An event exactly at an edge belongs to the gap before it, which is why 1 ms is subtracted.
    segmentQuery(
      `(space_id, roundDown(${MS} - 1, {edges:Array(Int64)}))`,
      `${ROWS} AND ${MS} <= ${ofItsSpace('divided', 'Int64')}`,
    ),
    bounds,
  );
}

function rangesOf(planned: readonly PlannedSpace[]): number {
  return planned.reduce((sum, { plan }) => sum + plan.slots.length + plan.events.length, 0);
}

/** How many rows a condition makes ClickHouse read, by its index. */
async function rowsRead(
  client: ClickHouseClient,
  table: 'space_events' | 'segments_by_hour',
  where: string,
  values: Record<string, unknown>,
): Promise<number> {
  const rows = await queryRows<[database: string, table: string, parts: string, rows: string]>(
    client,
    `EXPLAIN ESTIMATE SELECT 1 FROM ${table} WHERE ${where}`,
    values,
  );
  return rows.reduce((sum, [, , , read]) => sum + Number(read), 0);
}

export async function eventsOfSpaces(
  client: ClickHouseClient,
  spaces: readonly DividedRequest[],
  upToMs: number,
): Promise<Map<SpaceId, HistoryEvent[]>> {
  const found = new Map<SpaceId, HistoryEvent[]>(spaces.map(({ spaceId }) => [spaceId, []]));
  if (spaces.length === 0) return found;
  const after = spaces.map(({ spaceId, block, dividedMs }) => {
    const events = [{ afterMs: dividedMs, upToMs }];
    return { spaceId, block, storedBlock: 0, plan: { slots: [], events } };
  });
  const asked = plannedRows(after, undefined);
  const rows = await queryRows<[number, string, string, string, string]>(
    client,
    `SELECT space_id, ${MS}, reading_id, sum(toInt64(entrances) * sign) AS into, sum(toInt64(exits) * sign) AS out FROM space_events
    WHERE ${asked.events}
    GROUP BY space_id, timestamp, reading_id HAVING into != 0 OR out != 0 ORDER BY space_id, ${EVENT_ORDER}`,
    asked.params,
  );
  for (const [spaceId, timestampMs, readingId, entrances, exits] of rows)
    found.get(Number(spaceId) as SpaceId)?.push({
      ...{ timestampMs: Number(timestampMs), readingId, entrances: Number(entrances), exits: Number(exits), sign: 1 },
    });
  return found;
}
