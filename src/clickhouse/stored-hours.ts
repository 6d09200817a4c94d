// Stores the segments of hours (docs/adr/0114). A segment is computed from all rows of its space and hour in blocks up to one, and
// those rows never change. So it does not matter how often, when or by whom it is computed, or whether that is interrupted:
// the same version has the same segment. (The first commit of what it added may be an earlier one, if it was computed without
// the version before; then the hour is read as events more often.) Only when all hours are stored, `stored_hours` says so.
import type { ClickHouseClient } from '@clickhouse/client';
import { Failure } from '../domain/failure.ts';
import type { Partition } from '../domain/ids.ts';
import { DAY_MS, HOUR_MS } from '../domain/zone.ts';
import { instantParam } from './instants.ts';
import { queryRows } from './query-rows.ts';
import { segmentQuery } from './segment-query.ts';

/** How many changed rows one statement covers, roughly: ClickHouse holds the rows of their hours in memory. */
const ROWS_MAX = 500_000;

/** Days without changes in between are read too, as far as a space that has changed has rows there. */
const GAP_DAYS_MAX = 7;
/** Below the client's timeout, so that nothing goes on that nobody waits for. */
const SECONDS_MAX = 50;

/** The slot of a row of space_events: `slotOf` in SQL. No row is from before 1970. */
export const SLOT = `(2 * intDiv(toUnixTimestamp64Milli(timestamp), ${HOUR_MS}) + (toUnixTimestamp64Milli(timestamp) % ${HOUR_MS} > 0))`;

/** Days, the last one included, with the number of changed rows. */
interface Days {
  readonly first: number;
  last: number;
  rows: number;
}

const CHANGED = 'shard = {shard:UInt16} AND block > {before:UInt64} AND block <= {block:UInt64}';
const IN_DAYS = `timestamp > ${instantParam('after')} AND timestamp <= ${instantParam('upTo')}`;

/** Stores the hours that blocks since the last time changed. @param storedBlock up to which the shard is stored */
export async function storeHours(
  client: ClickHouseClient,
  shard: Partition,
  storedBlock: number,
  signal?: AbortSignal,
): Promise<void> {
  if (signal?.aborted) return;
  const [marked] = await queryRows<[string]>(
    client,
    'SELECT max(block) FROM stored_hours WHERE shard = {shard:UInt16}',
    {
      shard,
    },
  );
  const before = Number(marked?.[0] ?? 0);
  const days = await queryRows<[day: string, rows: string, last: string]>(
    client,
    `SELECT intDiv(toUnixTimestamp64Milli(timestamp), ${DAY_MS}) AS day, count(), max(block) FROM space_events WHERE ${CHANGED} GROUP BY day ORDER BY day`,
    { shard, before, block: storedBlock },
  );
  // The last one with rows: the number of a block without rows is given again after the state of a shard was lost.
  const block = days.reduce((most, [, , last]) => Math.max(most, Number(last)), 0);
  if (block === 0) return;
  for (const { first, last } of together(days)) {
    if (signal?.aborted) return;
    const range = { after: first * DAY_MS - 1, upTo: (last + 1) * DAY_MS - 1 };
    await insert(client, INSERT, { shard, before, block, ...range });
  }
  await insert(client, 'INSERT INTO stored_hours SELECT {shard:UInt16}, {block:UInt64}', { shard, block });
}

function together(days: readonly (readonly [day: string, rows: string, last: string])[]): Days[] {
  const found: Days[] = [];
  for (const [dayText, rowsText] of days) {
    const [day, rows, batch] = [Number(dayText), Number(rowsText), found.at(-1)];
    if (batch && day - batch.last <= GAP_DAYS_MAX && batch.rows + rows <= ROWS_MAX) {
      batch.last = day;
      batch.rows += rows;
    } else found.push({ first: day, last: day, rows });
  }
  return found;
}

/** All rows of the slots that have changed. */
const ROWS = `shard = {shard:UInt16} AND block <= {block:UInt64} AND ${IN_DAYS}
  AND space_id IN (SELECT space_id FROM space_events WHERE ${CHANGED} AND ${IN_DAYS})
  AND (space_id, ${SLOT}) IN (SELECT space_id, ${SLOT} FROM space_events WHERE ${CHANGED} AND ${IN_DAYS})`;

/** A slot whose events were all retracted is stored with none, so that its earlier version is no longer the last one. */
const INSERT = `
  INSERT INTO segments_by_hour (space_id, slot, block, shard, first_epoch, first_seq, last_epoch, last_seq, net, lowest, highest, rise, entrances, exits, events)
  SELECT touched.of.1, touched.of.2, touched.last_block, {shard:UInt16}, touched.first.1, touched.first.2, touched.last.1, touched.last.2,
    summed.net, summed.lowest, summed.highest, summed.rise, summed.entrances, summed.exits, summed.events
  FROM (
    SELECT (space_id, ${SLOT}) AS of, max(block) AS last_block, minIf((epoch, commit_seq), block > {before:UInt64}) AS first, max((epoch, commit_seq)) AS last
    FROM space_events WHERE ${ROWS} GROUP BY of
  ) AS touched
  LEFT JOIN (${segmentQuery(`(space_id, ${SLOT})`, ROWS)}) AS summed ON touched.of = summed.key`;

async function insert(client: ClickHouseClient, query: string, params: Record<string, number>): Promise<void> {
  const clickhouse_settings = { insert_quorum: 'auto', max_execution_time: SECONDS_MAX } as const;
  await client.command({ query, query_params: params, clickhouse_settings }).catch((error: unknown) => {
    throw new Failure('unavailable', 'hours cannot be stored at the moment', { cause: error, retryAfterSeconds: 5 });
  });
}
