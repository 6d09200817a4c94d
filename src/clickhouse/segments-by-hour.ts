// Sums up stored hours and events into segments inside ClickHouse. Must agree with `append` in src/domain/segment.ts.
import type { ClickHouseClient } from '@clickhouse/client';
import { HOUR_MS } from '../domain/zone.ts';
import type { LogPlace } from '../domain/log-place.ts';
import { EVENT_ORDER } from './event-order.ts';
import { storable } from './instants.ts';
import { VERSION_KNOWN, type PlannedSpace } from './hours-plan.ts';
import { plannedRows } from './planned-rows.ts';
import { queryRows } from './query-rows.ts';
import type { SegmentRow, SpaceGap } from './segment-query.ts';

const MS = 'toUnixTimestamp64Milli(timestamp)';
/** The last instant before a slot. */
const BEFORE_SLOT_MS = `(intDiv(toInt64(slot), 2) * ${HOUR_MS} - 1 + slot % 2)`;
const GAP = (ms: string): string => `(space_id, roundDown(${ms}, {edges:Array(Int64)}))`;
const RUN = 'PARTITION BY key ORDER BY at, id ROWS BETWEEN UNBOUNDED PRECEDING AND';

/** One row for each space and gap between edges in which there are events. */
export async function segmentsByHour(
  client: ClickHouseClient,
  spaces: readonly PlannedSpace[],
  edgesMs: readonly number[],
  upTo?: LogPlace,
): Promise<SegmentRow<SpaceGap>[]> {
  const { events, hours, params } = plannedRows(spaces, upTo);
  // What is summed up is a run of items. Each has a segment; that of an event is the event alone. No event is in an hour that is
  // summed up, so an hour stands at its first instant.
  const query = `
    SELECT key, sum(change), min(low), max(high), max(if(n = 1, rise, greatest(rise, high - least_before))), sum(into), sum(out), sum(events)
    FROM (
      SELECT key, change, into, out, rise, events, low, high, row_number() OVER (${RUN} CURRENT ROW) AS n, min(low) OVER (${RUN} 1 PRECEDING) AS least_before
      FROM (
        SELECT key, at, id, change, into, out, rise, events, before + lowest AS low, before + highest AS high
        FROM (
          SELECT key, at, id, change, lowest, highest, rise, into, out, events, sum(change) OVER (${RUN} CURRENT ROW) - change AS before
          FROM (
            SELECT ${GAP(`${MS} - 1`)} AS key, ${MS} AS at, reading_id AS id, into - out AS change, change AS lowest, change AS highest, toInt64(0) AS rise, into, out, toInt64(1) AS events
            FROM (
              SELECT space_id, ${EVENT_ORDER}, sum(toInt64(entrances) * sign) AS into, sum(toInt64(exits) * sign) AS out
              FROM space_events WHERE ${events}
              GROUP BY space_id, ${EVENT_ORDER} HAVING into != 0 OR out != 0
            )
            UNION ALL
            SELECT ${GAP(BEFORE_SLOT_MS)} AS key, ${BEFORE_SLOT_MS} + 1 AS at, '' AS id, version.1 AS change, version.2 AS lowest, version.3 AS highest, version.4 AS rise, version.5 AS into, version.6 AS out, version.7 AS events
            FROM (${versionsOf('net, lowest, highest, rise, entrances, exits, events', hours, upTo)})
          )
        )
      )
    ) GROUP BY key`;
  return queryRows<SegmentRow<SpaceGap>>(client, query, { ...params, edges: edgesMs.map(storable) });
}

/** The wanted columns of the version of each hour that is asked for, as the tuple `version`; without hours that have no events. */
export function versionsOf(columns: string, hours: string, upTo: LogPlace | undefined): string {
  const version = upTo ? `argMaxIf(tuple(${columns}), block, ${VERSION_KNOWN})` : `argMax(tuple(${columns}), block)`;
  return `SELECT space_id, slot, ${version} AS version FROM segments_by_hour WHERE ${hours} GROUP BY space_id, slot HAVING version.-1 > 0`;
}
