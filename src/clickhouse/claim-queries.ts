// The queries behind a dry run: what DPUs claim in a space now, and how many rows it would take to count again.
import type { ClickHouseClient } from '@clickhouse/client';
import type { DoorwayId, DpuId } from '../domain/ids.ts';
import { loggedEvent } from '../domain/log-entry.ts';
import type { Direction } from '../domain/measure.ts';
import { storedReading } from '../domain/reading.ts';
import type { ClaimsQuery, DpuClaim, EventsQuery } from '../ports/history.ts';
import { instantParam, storable } from './instants.ts';
import { chunksOf, queryRows } from './query-rows.ts';

type ClaimRow = [
  dpuId: string,
  timestampMs: string,
  readingId: string,
  direction: Direction | 0,
  doorwayId: number,
  entrances: number,
  exits: number,
  isEgress: number,
  isReading: number,
  signs: string,
];

const CLAIMS = `
  SELECT dpu_id, toUnixTimestamp64Milli(timestamp), reading_id, direction, doorway_id, entrances, exits, is_egress, is_reading, sum(sign) AS signs
  FROM space_events
  WHERE space_id = {space:UInt32} AND block <= {block:UInt64} AND dpu_id IN {dpus:Array(String)}
    AND timestamp >= ${instantParam('from')} AND timestamp < ${instantParam('to')}
  GROUP BY dpu_id, timestamp, reading_id, direction, doorway_id, entrances, exits, is_egress, is_reading
  HAVING signs != 0 LIMIT {limit:UInt32}`;

export async function claimsOfDpus(client: ClickHouseClient, query: ClaimsQuery): Promise<DpuClaim[]> {
  const { spaceId, block, dpuIds, fromMs, toMs, limit } = query;
  const claims: DpuClaim[] = [];
  for (const dpus of chunksOf(dpuIds)) {
    const rows = await queryRows<ClaimRow>(client, CLAIMS, {
      space: spaceId,
      block,
      dpus,
      from: Math.max(0, fromMs),
      to: storable(toMs),
      limit,
    });
    for (const [dpuId, at, readingId, direction, doorwayId, entrances, exits, isEgress, isReading, signs] of rows) {
      const event = {
        ...storedReading(dpuId as DpuId, Number(at), direction, readingId),
        spaceId,
        doorwayId: Number(doorwayId) as DoorwayId,
        entrances: Number(entrances),
        exits: Number(exits),
        isEgress: isEgress === 1,
        sign: 1,
        primary: isReading === 1,
      } as const;
      claims.push({ event: loggedEvent(event, 0), signs: Number(signs) });
    }
  }
  return claims;
}

export async function rowCount(
  client: ClickHouseClient,
  { spaceId, block, afterMs, upToMs }: EventsQuery,
): Promise<number> {
  const [row] = await queryRows<[string]>(
    client,
    `SELECT count() FROM space_events WHERE space_id = {space:UInt32} AND block <= {block:UInt64}
      AND timestamp > ${instantParam('after')} AND timestamp <= ${instantParam('upTo')}`,
    { space: spaceId, block, after: storable(afterMs), upTo: storable(upToMs) },
  );
  return Number(row?.[0] ?? 0);
}
