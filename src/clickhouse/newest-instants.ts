// The newest instants at which readings of a space stand. Reads backwards from the end of the table's order and stops
// when enough are found, so the cost does not depend on the number of events in the space. It first looks at one week: to read all
// partitions of a table takes ClickHouse twice as long, although it stops in the first one.
import type { ClickHouseClient } from '@clickhouse/client';
import { LATEST_STORABLE_MS } from '../domain/instant.ts';
import { DAY_MS } from '../domain/zone.ts';
import type { NewestInstantsQuery, StandingInstant } from '../ports/history.ts';
import { instantParam, storable } from './instants.ts';
import { knownParams, knownRows } from './known-rows.ts';
import { queryRows } from './query-rows.ts';

const ROWS_MIN = 200;
const FIRST_SPAN_MS = 7 * DAY_MS;
/** A move may have retracted many consecutive readings. */
const ROWS_GROWTH = 8;

export async function newestInstants(
  client: ClickHouseClient,
  { spaceId, block, upTo, afterMs, upToMs, limit, expectedMs = upToMs }: NewestInstantsQuery,
): Promise<StandingInstant[]> {
  const found: StandingInstant[] = [];
  let toMs = storable(upToMs);
  const firstMs = Math.min(toMs, expectedMs) - FIRST_SPAN_MS;
  // Without a limit, the week before the end of time is empty.
  let fromMs = firstMs < LATEST_STORABLE_MS - FIRST_SPAN_MS ? Math.max(afterMs, firstMs) : afterMs;
  for (let rowsMax = Math.max(ROWS_MIN, limit); ; rowsMax *= ROWS_GROWTH) {
    const instants = await queryRows<[timestampMs: string, readings: string, rows: string]>(
      client,
      `SELECT toUnixTimestamp64Milli(timestamp) AS at, sum(sign), count() FROM (
        SELECT timestamp, sign FROM space_events
        WHERE space_id = {space:UInt32} AND ${knownRows({ upTo })}
          AND timestamp > ${instantParam('after')} AND timestamp <= ${instantParam('to')}
        ORDER BY timestamp DESC LIMIT {rows:UInt32}
      ) GROUP BY timestamp ORDER BY at DESC`,
      { space: spaceId, ...knownParams({ block, upTo }), after: fromMs, to: toMs, rows: rowsMax },
    );
    const isAll = instants.reduce((sum, [, , rows]) => sum + Number(rows), 0) < rowsMax;
    // The oldest instant may have more rows than those that were read.
    for (const [timestampMs, readings] of isAll ? instants : instants.slice(0, -1))
      if (Number(readings) > 0) found.push({ timestampMs: Number(timestampMs), readings: Number(readings) });
    if (found.length >= limit || (isAll && fromMs === afterMs)) return found.slice(0, limit);
    toMs = isAll ? fromMs : Number(instants.at(-1)?.[0]);
    fromMs = afterMs;
  }
}
