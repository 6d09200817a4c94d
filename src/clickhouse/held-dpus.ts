// The DPUs that readings are held for. ClickHouse groups the rows of the space of held readings in the table's order, so
// that its memory grows with the number of such DPUs and not with that of their readings.
import type { ClickHouseClient } from '@clickhouse/client';
import { LINE_SEPARATOR, NO_DOORWAY, NOWHERE, type DpuId } from '../domain/ids.ts';
import type { HeldDpusPage, HeldDpusQuery } from '../ports/event-pages.ts';
import { conditionOf, type Columns } from './filter-sql.ts';
import { queryRows } from './query-rows.ts';

const END_OF_DEVICE = `position(dpu_id, '${LINE_SEPARATOR}')`;
/** As `deviceOf`. */
const DEVICE = `if(${END_OF_DEVICE} > 1, substring(dpu_id, 1, ${END_OF_DEVICE} - 1), dpu_id)`;

/** Leaves out retracted readings, so they are neither counted nor the first or the newest. */
const HELD_DPUS = `SELECT dpu_id, ${DEVICE} AS device, count() AS held, min(timestamp) AS first_at, max(timestamp) AS last_at FROM (
  SELECT dpu_id, timestamp FROM space_events WHERE space_id = ${NOWHERE} AND doorway_id = ${NO_DOORWAY} AND is_reading = 1
  GROUP BY space_id, timestamp, reading_id, dpu_id, direction HAVING sum(sign) > 0
) GROUP BY dpu_id`;
const SETTINGS = 'SETTINGS optimize_aggregation_in_order = 1';

const COLUMNS: Columns = {
  id: { sql: 'dpu_id', type: 'String' },
  device: { sql: 'device', type: 'String' },
  held: { sql: 'held', type: 'Float64' },
  first_reading_at: { sql: 'first_at', type: 'DateTime64' },
  last_reading_at: { sql: 'last_at', type: 'DateTime64' },
};

type HeldRow = readonly [dpuId: string, held: string, firstMs: string, lastMs: string, total: string];

export async function heldDpus(
  client: ClickHouseClient,
  { filter, sort, desc, offset, limit }: HeldDpusQuery,
): Promise<HeldDpusPage> {
  const condition = conditionOf(filter, COLUMNS);
  const column = COLUMNS[sort]?.sql ?? 'dpu_id';
  // The window counts the DPUs of all pages, so that the held rows are read once.
  const rows = await queryRows<HeldRow>(
    client,
    `SELECT dpu_id, held, toUnixTimestamp64Milli(first_at), toUnixTimestamp64Milli(last_at), count() OVER () FROM (${HELD_DPUS})
    WHERE ${condition.sql} ORDER BY ${column} ${desc ? 'DESC' : 'ASC'}, dpu_id
    LIMIT {limit:UInt32} OFFSET {offset:UInt64} ${SETTINGS}`,
    { ...condition.params, limit, offset },
  );
  const dpus = rows.map(([dpuId, held, firstMs, lastMs]) => ({
    dpuId: dpuId as DpuId,
    held: Number(held),
    firstMs: Number(firstMs),
    lastMs: Number(lastMs),
  }));
  const [first] = rows;
  // A page beyond the last one has no row that could hold the total.
  const total = first || offset === 0 ? Number(first?.[4] ?? 0) : await countHeldDpus(client, condition);
  return { dpus, total };
}

async function countHeldDpus(
  client: ClickHouseClient,
  { sql, params }: ReturnType<typeof conditionOf>,
): Promise<number> {
  const query = `SELECT count() FROM (${HELD_DPUS}) WHERE ${sql} ${SETTINGS}`;
  const [row] = await queryRows<[string]>(client, query, params);
  return Number(row?.[0] ?? 0);
}
