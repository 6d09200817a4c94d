// Who passed a doorway or a DPU. Must agree with src/counts/passages.ts, which adds what is not stored yet.
import type { ClickHouseClient } from '@clickhouse/client';
import type { Passed } from '../domain/measure.ts';
import type { PassagesQuery } from '../ports/history.ts';
import { instantParam, storable } from './instants.ts';
import { knownRows, upToParams } from './known-rows.ts';
import { queryRows } from './query-rows.ts';
import { OF_SPACES, spacesParams, UP_TO_BLOCKS } from './rows-of-spaces.ts';

/** An event exactly at an edge belongs to the range before it, which is why 1 ms is subtracted. */
const passagesOf = (condition: string, known: string): string => `
  SELECT roundDown(toUnixTimestamp64Milli(timestamp) - 1, {edges:Array(Int64)}) AS edge,
    sum(toInt64(if(is_egress = 1, exits, entrances)) * sign), sum(toInt64(if(is_egress = 1, entrances, exits)) * sign)
  FROM space_events
  WHERE is_reading = 1 AND ${condition} AND ${OF_SPACES}
    AND ${known}
    AND timestamp > ${instantParam('first')} AND timestamp <= ${instantParam('last')}
  GROUP BY edge`;

export async function passages(
  client: ClickHouseClient,
  { source, spaces, upTo, edgesMs }: PassagesQuery,
): Promise<Passed[]> {
  const edges = edgesMs.map(storable);
  const [condition, of] =
    'dpuId' in source
      ? ['dpu_id = {dpu:String}', { dpu: source.dpuId }]
      : ['doorway_id = {doorway:UInt32}', { doorway: source.doorwayId }];
  const query = passagesOf(condition, knownRows({ upTo }, UP_TO_BLOCKS));
  const rows = await queryRows<[edge: string, entrances: string, exits: string]>(client, query, {
    ...of,
    ...upToParams(upTo),
    ...spacesParams(spaces),
    // ClickHouse takes each edge once; ranges after the last storable instant are empty.
    edges: [...new Set(edges)],
    first: edges[0] ?? 0,
    last: edges.at(-1) ?? 0,
  });
  const byEdge = new Map(rows.map(([edge, entrances, exits]) => [Number(edge), people(entrances, exits)]));
  return edges
    .slice(0, -1)
    .map((edge, gap) => (edge === edges[gap + 1] ? people(0, 0) : (byEdge.get(edge) ?? people(0, 0))));
}

function people(entrances: number | string, exits: number | string): Passed {
  return { entrances: Number(entrances), exits: Number(exits) };
}
