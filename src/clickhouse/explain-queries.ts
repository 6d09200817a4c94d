// The queries behind an explanation of a count: who passed where, and which exits the floor at 0 left without effect. They are
// computed inside ClickHouse, so no event leaves it, however many there are since the last reset. Must agree with
// src/domain/segment.ts.
import type { ClickHouseClient } from '@clickhouse/client';
import type { DoorwayId, DpuId } from '../domain/ids.ts';
import { driftOf, occupancyAfterReset } from '../domain/segment.ts';
import type { DoorwayTotal, EventsQuery, ExitsAtZero, ExitsAtZeroQuery } from '../ports/history.ts';
import { instantParam, storable } from './instants.ts';
import { knownParams, knownRows } from './known-rows.ts';
import { queryRows } from './query-rows.ts';

export async function doorwayTotals(
  client: ClickHouseClient,
  { spaceId, block, upTo, afterMs, upToMs }: EventsQuery,
): Promise<DoorwayTotal[]> {
  const rows = await queryRows<[doorwayId: number, dpuId: string, entrances: string, exits: string]>(
    client,
    `SELECT doorway_id, dpu_id, sum(toInt64(entrances) * sign), sum(toInt64(exits) * sign) FROM space_events
    WHERE space_id = {space:UInt32} AND ${knownRows({ upTo })}
      AND timestamp > ${instantParam('after')} AND timestamp <= ${instantParam('upTo')}
    GROUP BY doorway_id, dpu_id`,
    { space: spaceId, ...knownParams({ block, upTo }), after: storable(afterMs), upTo: storable(upToMs) },
  );
  return rows.map(([doorwayId, dpuId, entrances, exits]) => ({
    doorwayId: Number(doorwayId) as DoorwayId,
    dpuId: dpuId as DpuId,
    entrances: Number(entrances),
    exits: Number(exits),
  }));
}

const UP_TO_ROW = 'ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW';
const INSTANTS = `PARTITION BY edge ORDER BY at ${UP_TO_ROW}`;
/** What a gap starts with, bound as an array in the order of `starts`. */
const startOf = (values: string): string =>
  `transform(edge, {starts:Array(Int64)}, {${values}:Array(Int64)}, toInt64(0))`;

type ExitsRow = [edge: string, sum: string, exits: string, newest: [at: string, exits: string][]];

/**
 * `net` is the net after each event, `lowest` the lowest of an instant, `depth` how far it was below 0 at the lowest since the
 * start. Where the depth grows, that many exits did not change the count. Only the innermost window is over events, because
 * sorting them is what takes time. An event at an edge belongs to the gap before it.
 */
const exitsAtZeroSql = (known: string): string => `
  SELECT edge, sum(delta), sum(swallowed), arraySlice(arrayReverseSort(groupArrayIf((at, swallowed), swallowed > 0)), 1, {limit:UInt32})
  FROM (
    SELECT edge, at, delta, depth - lagInFrame(depth, 1, ${startOf('depths')}) OVER (${INSTANTS}) AS swallowed
    FROM (
      SELECT edge, at, delta, greatest(${startOf('depths')}, -min(lowest) OVER (${INSTANTS})) AS depth
      FROM (
        SELECT edge, at, sum(change) AS delta, min(net) AS lowest
        FROM (
          SELECT edge, at, change, ${startOf('nets')} + sum(change) OVER (PARTITION BY edge ORDER BY at, reading_id ${UP_TO_ROW}) AS net
          FROM (
            SELECT roundDown(at - 1, {starts:Array(Int64)}) AS edge, at, reading_id, sum(part) AS change
            FROM (
              SELECT toUnixTimestamp64Milli(timestamp) AS at, reading_id, (toInt64(entrances) - toInt64(exits)) * sign AS part FROM space_events
              WHERE space_id = {space:UInt32} AND ${known}
                AND timestamp > ${instantParam('first')} AND timestamp <= ${instantParam('last')}
              UNION ALL
              SELECT unstored.1 AS at, unstored.2 AS reading_id, unstored.3 AS part
              FROM (SELECT arrayJoin(arrayZip({times:Array(Int64)}, {ids:Array(String)}, {changes:Array(Int64)})) AS unstored)
            )
            GROUP BY at, reading_id HAVING change != 0
          )
        )
        GROUP BY edge, at
      )
    )
  )
  GROUP BY edge`;

export async function exitsAtZero(
  client: ClickHouseClient,
  { spaceId, block, upTo, edgesMs, starts, unstored, limit }: ExitsAtZeroQuery,
): Promise<ExitsAtZero[]> {
  const edges = edgesMs.map(storable);
  // Gaps after the last storable instant are empty, and ClickHouse takes each edge once.
  const gaps = edges.slice(0, -1).filter((edge, gap) => edge < (edges[gap + 1] ?? edge));
  if (gaps.length === 0) return starts.map(() => NOTHING);
  const rows = await queryRows<ExitsRow>(client, exitsAtZeroSql(knownRows({ upTo })), {
    space: spaceId,
    ...knownParams({ block, upTo }),
    first: gaps[0],
    last: edges.at(-1),
    starts: gaps,
    nets: gaps.map((_, gap) => (starts[gap] ?? NOWHERE).net),
    depths: gaps.map((_, gap) => driftOf(starts[gap] ?? NOWHERE)),
    times: unstored.map(({ timestampMs }) => timestampMs),
    ids: unstored.map(({ readingId }) => readingId),
    changes: unstored.map(({ entrances, exits, sign }) => (entrances - exits) * sign),
    limit,
  });
  const byEdge = new Map(rows.map((row) => [Number(row[0]), toExits(row)]));
  return starts.map((_, gap) => byEdge.get(gaps[gap] ?? NaN) ?? NOTHING);
}

const NOWHERE = occupancyAfterReset(0);
const NOTHING: ExitsAtZero = { sum: 0, exits: 0, newest: [] };

function toExits([, sum, exits, newest]: ExitsRow): ExitsAtZero {
  return {
    sum: Number(sum),
    exits: Number(exits),
    newest: newest.map(([at, some]) => ({ timestampMs: Number(at), exits: Number(some) })),
  };
}
