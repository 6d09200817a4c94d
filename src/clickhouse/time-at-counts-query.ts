// How long each count of a space lasted, computed inside ClickHouse, so that no event leaves it. Must agree with
// `TimeAtCounts` in src/domain/time-at-counts.ts.
import type { ClickHouseClient } from '@clickhouse/client';
import { driftOf } from '../domain/segment.ts';
import type { TimeAtCount } from '../domain/time-at-counts.ts';
import type { TimeAtCountsQuery } from '../ports/history.ts';
import { instantParam, storable } from './instants.ts';
import { knownParams, knownRows } from './known-rows.ts';
import { queryRows } from './query-rows.ts';

const UP_TO_ROW = 'ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW';
const ofStretch = (values: string): string =>
  `transform(edge, {edges:Array(Int64)}, {${values}:Array(Int64)}, toInt64(0))`;
/** Parameters are sent in the URL, which ClickHouse limits to 1 MB; a stretch needs about 100 bytes of it. */
const STRETCHES_PER_QUERY = 2_000;

/**
 * Each stretch starts with a row without a change, so that the time before its first event counts too. `net` is the net
 * after each event, `depth` how far below 0 its lowest value was. An event at an edge belongs to the stretch before it.
 */
const timeAtCountsSql = (known: string): string => `
  SELECT ${ofStretch('cells')} AS cell, count, sum(ms)
  FROM (
    SELECT edge, count,
      leadInFrame(at, 1, ${ofStretch('tos')}) OVER (PARTITION BY edge ORDER BY at ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) - at AS ms
    FROM (
      SELECT edge, at, net + greatest(${ofStretch('depths')}, -min(lowest) OVER (PARTITION BY edge ORDER BY at ${UP_TO_ROW})) AS count
      FROM (
        SELECT edge, at, argMax(after, reading_id) AS net, min(after) AS lowest
        FROM (
          SELECT edge, at, reading_id, ${ofStretch('nets')} + sum(change) OVER (PARTITION BY edge ORDER BY at, reading_id ${UP_TO_ROW}) AS after
          FROM (
            SELECT roundDown(toUnixTimestamp64Milli(timestamp) - 1, {edges:Array(Int64)}) AS edge, toUnixTimestamp64Milli(timestamp) AS at,
              reading_id, sum((toInt64(entrances) - toInt64(exits)) * sign) AS change
            FROM space_events
            WHERE space_id = {space:UInt32} AND ${known}
              AND timestamp > ${instantParam('first')} AND timestamp <= ${instantParam('last')}
            GROUP BY edge, at, reading_id HAVING change != 0
            UNION ALL
            SELECT start.1 AS edge, start.2 AS at, '' AS reading_id, toInt64(0) AS change
            FROM (SELECT arrayJoin(arrayZip({edges:Array(Int64)}, {froms:Array(Int64)})) AS start)
          )
        )
        GROUP BY edge, at
      )
    )
  )
  WHERE ms > 0
  GROUP BY cell, count`;

export async function timeAtCounts(
  client: ClickHouseClient,
  { spaceId, block, upTo, stretches }: TimeAtCountsQuery,
): Promise<TimeAtCount[]> {
  const found: TimeAtCount[] = [];
  for (let at = 0; at < stretches.length; at += STRETCHES_PER_QUERY) {
    const part = stretches.slice(at, at + STRETCHES_PER_QUERY);
    const rows = await queryRows<[cell: string, count: string, ms: string]>(
      client,
      timeAtCountsSql(knownRows({ upTo })),
      {
        space: spaceId,
        ...knownParams({ block, upTo }),
        first: storable(part[0]?.afterMs ?? 0),
        last: storable(part.at(-1)?.upToMs ?? 0),
        edges: part.map(({ afterMs }) => afterMs),
        froms: part.map(({ fromMs }) => fromMs),
        tos: part.map(({ toMs }) => toMs),
        nets: part.map(({ start }) => start.net),
        depths: part.map(({ start }) => driftOf(start)),
        cells: part.map(({ cell }) => cell),
      },
    );
    for (const [cell, count, ms] of rows) found.push({ cell: Number(cell), count: Number(count), ms: Number(ms) });
  }
  return found;
}
