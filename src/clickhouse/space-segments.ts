// The stored events of one space, summed up between edges.
import type { ClickHouseClient } from '@clickhouse/client';
import type { SpaceId } from '../domain/ids.ts';
import type { LogPlace } from '../domain/log-place.ts';
import { EMPTY_SEGMENT, type Segment } from '../domain/segment.ts';
import { hoursFor } from './hours-plan.ts';
import { instantParam, storable } from './instants.ts';
import { knownParams, knownRows } from './known-rows.ts';
import { queryRows } from './query-rows.ts';
import { segmentQuery, toSegment, type SegmentRow } from './segment-query.ts';
import { segmentsByHour } from './segments-by-hour.ts';

/** One segment for each range between edges. */
export async function segmentsOfSpace(
  client: ClickHouseClient,
  spaceId: SpaceId,
  edgesMs: readonly number[],
  block: number,
  upTo?: LogPlace,
): Promise<Segment[]> {
  const edges = edgesMs.map(storable);
  const planned = await hoursFor(client, { edgesMs: edges, spaces: [{ spaceId, block }], upTo });
  const byEdge = new Map(
    planned
      ? (await segmentsByHour(client, planned, edges, upTo)).map((row) => [Number(row[0][1]), toSegment(row)])
      : (await ofEvents(client, spaceId, edges, block, upTo)).map((row) => [Number(row[0]), toSegment(row)]),
  );
  return edges.slice(0, -1).map((edge) => byEdge.get(edge) ?? EMPTY_SEGMENT);
}

async function ofEvents(
  client: ClickHouseClient,
  spaceId: SpaceId,
  edges: readonly number[],
  block: number,
  upTo: LogPlace | undefined,
): Promise<SegmentRow[]> {
  // An event exactly at an edge belongs to the gap before it, which is why 1 ms is subtracted.
  return queryRows<SegmentRow>(
    client,
    segmentQuery(
      'roundDown(toUnixTimestamp64Milli(timestamp) - 1, {edges:Array(Int64)})',
      `space_id = {space:UInt32} AND ${knownRows({ upTo })}
      AND timestamp > ${instantParam('first')} AND timestamp <= ${instantParam('last')}`,
    ),
    { space: spaceId, ...knownParams({ block, upTo }), edges, first: edges[0] ?? 0, last: edges.at(-1) ?? 0 },
  );
}
