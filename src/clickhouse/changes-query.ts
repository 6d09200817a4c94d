// What has been asserted and retracted in a space since a place in the log, summed up by cause. No row leaves ClickHouse. Must agree
// with src/counts/changed-totals.ts, which adds what is not stored yet.
import type { ClickHouseClient } from '@clickhouse/client';
import { ARRIVED, OTHERS } from '../domain/commit-causes.ts';
import type { DoorwayId, DpuId } from '../domain/ids.ts';
import type { ChangedTotal, ChangesQuery } from '../ports/history.ts';
import { instantParam, storable } from './instants.ts';
import { knownParams, ROWS_SINCE } from './known-rows.ts';
import { queryRows } from './query-rows.ts';

type ChangeRow = [
  cause: string,
  isLate: number,
  doorwayId: number,
  dpuId: string,
  entrances: string,
  exits: string,
  net: string,
  asserted: string,
  retracted: string,
  firstMs: string,
  lastMs: string,
];

const KEYS = ['cause', 'is_late', 'doorway', 'dpu'] as const;
const isInSpan = `timestamp >= ${instantParam('from')}`;

/** Readings that came in order are one group, however many sensors sent them. */
const CHANGES = `
  SELECT if(place <= {limit:UInt32}, cause, '${OTHERS}') AS cause, if(place <= {limit:UInt32}, is_late, 0) AS is_late,
    if(place <= {limit:UInt32}, doorway, 0) AS doorway, if(place <= {limit:UInt32}, dpu, '') AS dpu,
    sum(into), sum(out), sum(net), sum(asserted), sum(retracted), min(first), max(last)
  FROM (
    SELECT *, row_number() OVER (ORDER BY abs(into) + abs(out) + abs(net) DESC, ${KEYS.join(', ')}) AS place
    FROM (
      SELECT e.cause AS cause, cause = '${ARRIVED}' AND timestamp <= ${instantParam('watermark')} AS is_late,
        cause = '${ARRIVED}' AND NOT is_late AS is_new, if(is_new, 0, doorway_id) AS doorway, if(is_new, '', dpu_id) AS dpu,
        sumIf(toInt64(entrances) * sign, ${isInSpan}) AS into, sumIf(toInt64(exits) * sign, ${isInSpan}) AS out,
        sumIf((toInt64(entrances) - toInt64(exits)) * sign, timestamp > ${instantParam('netAfter')}) AS net,
        countIf(sign = 1) AS asserted, countIf(sign = -1) AS retracted,
        min(toUnixTimestamp64Milli(timestamp)) AS first, max(toUnixTimestamp64Milli(timestamp)) AS last
      FROM space_events AS e
      WHERE space_id = {space:UInt32} AND ${ROWS_SINCE}
        AND timestamp > ${instantParam('after')} AND timestamp < ${instantParam('to')}
      GROUP BY cause, is_late, is_new, doorway, dpu
    )
  )
  GROUP BY cause, is_late, doorway, dpu`;

export async function changesSince(
  client: ClickHouseClient,
  { spaceId, block, since, fromMs, toMs, netAfterMs, watermarkMs, limit }: ChangesQuery,
): Promise<ChangedTotal[]> {
  const rows = await queryRows<ChangeRow>(client, CHANGES, {
    space: spaceId,
    ...knownParams({ block, upTo: since }),
    from: storable(fromMs),
    to: storable(toMs),
    after: storable(Math.min(fromMs - 1, netAfterMs)),
    netAfter: storable(netAfterMs),
    watermark: storable(watermarkMs),
    limit,
  });
  return rows.map(([cause, isLate, doorwayId, dpuId, ...numbers]) => {
    const [entrances = 0, exits = 0, net = 0, asserted = 0, retracted = 0, firstMs = 0, lastMs = 0] =
      numbers.map(Number);
    return {
      cause,
      isLate: isLate === 1,
      doorwayId: doorwayId === 0 ? null : (doorwayId as DoorwayId),
      dpuId: dpuId === '' ? null : (dpuId as DpuId),
      ...{ entrances, exits, net, asserted, retracted, firstMs, lastMs },
    };
  });
}
