// Reads the rows of one partition from ClickHouse when its state has to be rebuilt, and completes a block whose
// insert was interrupted between the table of events and its materialized views.
import type { ClickHouseClient } from '@clickhouse/client';
import type { StoredNewest } from '../../actors/partition/fold-from-history.ts';
import type { StoredClaim } from '../../actors/partition/log-tail.ts';
import { Failure } from '../domain/failure.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../domain/ids.ts';
import type { EventPlace } from '../domain/space-event.ts';
import type { PartitionRecords } from '../ports/history.ts';
import { ID_TAIL } from './id-tail.ts';
import { chunksOf, queryRows } from './query-rows.ts';
import { viewQuery, viewTarget } from './schema.ts';

/**
 * A materialized view of space_events, and how to compare its target with the source. All fields except names are
 * SQL.
 */
interface View {
  readonly view: Parameters<typeof viewTarget>[0];
  readonly target: string;
  /** The rows of space_events that the view selects. */
  readonly where: string;
  /** The columns that identify a row, in both tables. */
  readonly key: string;
}

const ROWS = 'space_events WHERE shard = {shard:UInt16} AND block = {block:UInt64}';
const VIEWS: readonly View[] = [
  {
    view: 'readings_view',
    target: 'readings',
    where: 'is_reading = 1',
    key: '(space_id, dpu_id, timestamp, reading_id)',
  },
  {
    view: 'events_by_time_view',
    target: 'events_by_time',
    where: '1',
    key: '(space_id, timestamp, reading_id)',
  },
];

type ClaimRow = [
  spaceId: number,
  timestampMs: string,
  readingId: string,
  doorwayId: number,
  entrances: number,
  exits: number,
  isEgress: 0 | 1,
  isReading: 0 | 1,
  signs: string,
  last: [epoch: number, seq: string],
];

export class ClickHousePartitionRecords implements PartitionRecords {
  readonly #client: ClickHouseClient;

  constructor(client: ClickHouseClient) {
    this.#client = client;
  }

  async completeBlock(partition: Partition, number: number): Promise<void> {
    const params = { shard: partition, block: number };
    const months = await queryRows<[number]>(
      this.#client,
      `SELECT DISTINCT toYYYYMM(timestamp) FROM ${ROWS} ORDER BY 1`,
      params,
    );
    for (const [month] of months) {
      for (const view of VIEWS) await this.#completePart(view, { ...params, month });
    }
  }

  /**
   * Inserts a block's rows of one month into a view's target unless they are there; ClickHouse stores such a part
   * completely or not at all. Compares the stored rows, because the deduplication token may have expired.
   */
  async #completePart({ view, target, where, key }: View, params: Record<string, unknown>): Promise<void> {
    const ofMonth = `${ROWS} AND toYYYYMM(timestamp) = {month:UInt32} AND ${where}`;
    const keys = `SELECT ${key} FROM ${ofMonth}`;
    const spaces = `space_id IN (SELECT space_id FROM ${ofMonth})`;
    const [actual] = await queryRows(
      this.#client,
      `SELECT count() FROM ${target} WHERE ${spaces} AND ${key} IN (${keys})`,
      params,
    );
    const [expected] = await queryRows(
      this.#client,
      `SELECT count() FROM space_events WHERE shard = {shard:UInt16} AND ${where} AND ${key} IN (${keys})`,
      params,
    );
    if (JSON.stringify(actual) === JSON.stringify(expected)) return;
    const select = viewQuery(view);
    // A table of an earlier version has whole ids, from which the tail has to be computed.
    await this.#client
      .command({
        query: `INSERT INTO ${viewTarget(view)} ${select.replace('FROM space_events', `FROM (SELECT * EXCEPT id_tail, ${ID_TAIL} AS id_tail FROM ${ROWS} AND toYYYYMM(timestamp) = {month:UInt32})`)}`,
        query_params: params,
        clickhouse_settings: { insert_deduplicate: 0, async_insert: 0 },
      })
      .catch((error: unknown) => {
        throw new Failure('unavailable', `the rows of a block that ${target} lacks may not have been stored`, {
          cause: error,
          retryAfterSeconds: 5,
        });
      });
  }

  async newest(partition: Partition): Promise<StoredNewest[]> {
    const rows = await queryRows<[number, string, string, string]>(
      this.#client,
      `
      SELECT space_id, dpu_id, toUnixTimestamp64Milli(max(timestamp)), toUnixTimestamp64Milli(maxIf(timestamp, sign < 0))
      FROM space_events WHERE shard = {shard:UInt16} GROUP BY space_id, dpu_id ORDER BY space_id, dpu_id`,
      { shard: partition },
    );
    return rows.map(([spaceId, dpuId, newestMs, newestRetractedMs]) => ({
      spaceId: spaceId as SpaceId,
      dpuId: dpuId as DpuId,
      newestMs: Number(newestMs),
      newestRetractedMs: Number(newestRetractedMs),
    }));
  }

  async claims(
    partition: Partition,
    places: readonly (EventPlace & { readonly spaceId: SpaceId })[],
  ): Promise<StoredClaim[]> {
    const found: StoredClaim[] = [];
    for (const some of chunksOf(places)) {
      const rows = await queryRows<ClaimRow>(
        this.#client,
        `
        SELECT space_id, toUnixTimestamp64Milli(timestamp), reading_id, doorway_id, entrances, exits, is_egress, is_reading, sum(sign), max((epoch, commit_seq))
        FROM space_events
        WHERE shard = {shard:UInt16} AND (space_id, timestamp, reading_id) IN (
          SELECT place.1, fromUnixTimestamp64Milli(place.2, 'UTC'), place.3
          FROM (SELECT arrayJoin(arrayZip({spaces:Array(UInt32)}, {times:Array(Int64)}, {ids:Array(String)})) AS place))
        GROUP BY space_id, timestamp, reading_id, doorway_id, entrances, exits, is_egress, is_reading`,
        {
          shard: partition,
          spaces: some.map(({ spaceId }) => spaceId),
          times: some.map(({ timestampMs }) => timestampMs),
          ids: some.map(({ readingId }) => readingId),
        },
      );
      found.push(
        ...rows.map((row) => ({
          ...toClaim(row),
          signs: Number(row[8]),
          last: { epoch: Number(row[9][0]), seq: Number(row[9][1]) },
        })),
      );
    }
    return found;
  }
}

function toClaim([spaceId, timestampMs, readingId, doorwayId, entrances, exits, isEgress, isReading]: ClaimRow): Omit<
  StoredClaim,
  'signs' | 'last'
> {
  return {
    spaceId: spaceId as SpaceId,
    timestampMs: Number(timestampMs),
    readingId,
    doorwayId: doorwayId as DoorwayId,
    entrances: Number(entrances),
    exits: Number(exits),
    isEgress: Number(isEgress) === 1,
    primary: Number(isReading) === 1,
  };
}
