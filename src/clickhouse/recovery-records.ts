// The queries over stored events that a repair of the logs uses: the mark of each block, readings page by page, and
// their rows. The repair writes the missing rows; nothing in this file changes a table.
import type { ClickHouseClient } from '@clickhouse/client';
import {
  DELETED_DOORWAY,
  NO_DOORWAY,
  NOWHERE,
  type DoorwayId,
  type DpuId,
  type Partition,
  type SpaceId,
} from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { Direction } from '../domain/measure.ts';
import { readingIdOf, storedReading, type Reading } from '../domain/reading.ts';
import type { EventPlace } from '../domain/space-event.ts';
import type { StoredBlockMark } from '../ports/space-events-log.ts';
import type { Claim, ReadingCounts, ReadingsInOrder, RecoveryRecords } from '../ports/recovery.ts';
import { ClickHouseEpochRecords } from './epoch-records.ts';
import { beyondPlace, EVENT_ORDER, placeParams } from './event-order.ts';
import { chunksOf, queryRows } from './query-rows.ts';
import { LAST_BLOCK } from './schema.ts';

/** A place before every row in event order. */
const FIRST_PLACE: EventPlace = { timestampMs: BEGINNING_MS, readingId: '' };

type BlockRow = [shard: number, block: string, epoch: number, logSeq: string, commitId: string];
type ReadingRow = [dpuId: string, timestampMs: string, direction: Direction | 0, readingId: string];
type ClaimRow = [
  spaceId: number,
  dpuId: string,
  doorwayId: number,
  timestampMs: string,
  direction: Direction | 0,
  entrances: number,
  exits: number,
  isEgress: 0 | 1,
  isReading: 0 | 1,
  readingId: string,
  signs: string,
];

/** Matches the projection totals_by_shard, so that ClickHouse does not read every row. */
const LAST_BLOCKS = `SELECT shard, is_reading, ${LAST_BLOCK} AS last FROM space_events GROUP BY shard, is_reading`;

export class ClickHouseRecoveryRecords extends ClickHouseEpochRecords implements RecoveryRecords {
  readonly #client: ClickHouseClient;

  constructor(client: ClickHouseClient, cluster?: string) {
    super(client, cluster);
    this.#client = client;
  }

  async lastBlocks(): Promise<Map<Partition, StoredBlockMark>> {
    const rows = await this.#rows<[number, [string, number, string, string]]>(
      `SELECT shard, max(last) FROM (${LAST_BLOCKS}) GROUP BY shard`,
      {},
    );
    return new Map(rows.map(([shard, mark]) => [Number(shard) as Partition, toBlockMark([shard, ...mark])]));
  }

  async blocksFrom(partition: Partition, epoch: number, logSeq: number): Promise<StoredBlockMark[]> {
    const rows = await this.#rows<BlockRow>(
      `
      SELECT DISTINCT shard, block, epoch, log_seq, log_commit FROM space_events
      WHERE shard = {shard:UInt16} AND epoch = {epoch:UInt32} AND log_seq >= {seq:UInt64} ORDER BY block`,
      { shard: partition, epoch, seq: Math.max(1, logSeq) },
    );
    return rows.map(toBlockMark);
  }

  async readingsFromBlock(
    partition: Partition,
    block: number,
    after: EventPlace | null,
    limit: number,
  ): Promise<ReadingsInOrder> {
    return this.#readings(
      'space_events',
      'shard = {shard:UInt16} AND block >= {block:UInt64}',
      { shard: partition, block },
      after,
      limit,
    );
  }

  async allReadings(after: EventPlace | null, limit: number): Promise<ReadingsInOrder> {
    return this.#readings('events_by_time', '1', {}, after, limit);
  }

  async claimsOf(readings: readonly Reading[]): Promise<Claim[]> {
    const claims: Claim[] = [];
    for (const some of chunksOf(readings)) {
      // events_by_time has the spaces of the readings; with the space, the lookup can use the sorting key of
      // space_events.
      const rows = await this.#rows<ClaimRow>(
        `
        WITH arrayZip({times:Array(Int64)}, {ids:Array(String)}) AS wanted
        SELECT space_id, any(dpu_id), doorway_id, toUnixTimestamp64Milli(timestamp), direction, entrances, exits, is_egress, is_reading, reading_id, sum(sign)
        FROM space_events
        WHERE (space_id, timestamp, reading_id) IN (
          SELECT space_id, timestamp, reading_id FROM events_by_time
          WHERE (timestamp, reading_id) IN (SELECT fromUnixTimestamp64Milli(place.1, 'UTC'), place.2 FROM (SELECT arrayJoin(wanted) AS place)))
        GROUP BY space_id, timestamp, reading_id, doorway_id, direction, entrances, exits, is_egress, is_reading`,
        { times: some.map(({ timestampMs }) => timestampMs), ids: some.map(readingIdOf) },
      );
      claims.push(...rows.map(toClaim));
    }
    return claims;
  }

  async readingCounts(): Promise<Map<DpuId, ReadingCounts>> {
    const rows = await this.#rows<[dpuId: string, readings: string, held: string, excluded: string, deleted: string]>(
      `
      SELECT dpu_id, uniqExact(timestamp, reading_id, direction),
        sumIf(sign, space_id = {nowhere:UInt32} AND doorway_id = {none:UInt32}),
        sumIf(sign, space_id = {nowhere:UInt32} AND doorway_id NOT IN ({none:UInt32}, {deleted:UInt32})),
        sumIf(sign, space_id = {nowhere:UInt32} AND doorway_id = {deleted:UInt32})
      FROM readings GROUP BY dpu_id`,
      { nowhere: NOWHERE, none: NO_DOORWAY, deleted: DELETED_DOORWAY },
    );
    return new Map(
      rows.map(([dpuId, readings, held, excluded, deleted]) => [
        dpuId as DpuId,
        { readings: Number(readings), held: Number(held), excluded: Number(excluded), deleted: Number(deleted) },
      ]),
    );
  }

  async #readings(
    table: string,
    where: string,
    params: Record<string, unknown>,
    after: EventPlace | null,
    limit: number,
  ): Promise<ReadingsInOrder> {
    const rows = await this.#rows<ReadingRow>(
      `
      SELECT DISTINCT dpu_id, toUnixTimestamp64Milli(timestamp), direction, reading_id FROM ${table}
      WHERE ${where} AND ${beyondPlace(false)}
      ORDER BY ${EVENT_ORDER}, direction LIMIT {limit:UInt32}`,
      { ...params, ...placeParams(after ?? FIRST_PLACE), limit },
    );
    const last = rows.length < limit ? undefined : rows.at(-1);
    return {
      readings: await this.#withoutSuperseded(rows.map(toReading)),
      end: last ? { timestampMs: Number(last[1]), readingId: last[3] } : null,
    };
  }

  /**
   * Drops readings that were superseded by another one with the same id. Earlier versions used an id of the previous
   * format as the identity of a reading, and retracted all but the first.
   */
  async #withoutSuperseded(readings: readonly Reading[]): Promise<Reading[]> {
    const previous = readings.filter(({ hasPreviousId }) => hasPreviousId);
    if (previous.length === 0) return [...readings];
    const rows = await this.#rows<[string]>(
      `
      SELECT reading_id FROM space_events WHERE reading_id IN {ids:Array(String)} GROUP BY reading_id, timestamp, direction HAVING sumIf(sign, is_reading = 1) > 0`,
      { ids: previous.map(readingIdOf) },
    );
    const standing = new Set(rows.map(([id]) => id));
    return readings.filter((reading) => !reading.hasPreviousId || standing.has(readingIdOf(reading)));
  }

  async #rows<Row>(query: string, params: Record<string, unknown>): Promise<Row[]> {
    return queryRows<Row>(this.#client, query, params);
  }
}

/** Converts a row of LAST_BLOCK, preceded by its shard, to the mark of a block. */
export function toBlockMark([, block, epoch, logSeq, commitId]: BlockRow): StoredBlockMark {
  return { number: Number(block), epoch: Number(epoch), mark: { seq: Number(logSeq), commitId } };
}

function toReading([dpuId, timestampMs, direction, readingId]: ReadingRow): Reading {
  return storedReading(dpuId as DpuId, Number(timestampMs), direction, readingId);
}

function toClaim([
  spaceId,
  dpuId,
  doorwayId,
  timestampMs,
  direction,
  entrances,
  exits,
  isEgress,
  isReading,
  readingId,
  signs,
]: ClaimRow): Claim {
  const { measure, name, hasPreviousId } = storedReading(dpuId as DpuId, Number(timestampMs), direction, readingId);
  return {
    spaceId: spaceId as SpaceId,
    dpuId: dpuId as DpuId,
    doorwayId: doorwayId as DoorwayId,
    timestampMs: Number(timestampMs),
    measure,
    entrances: Number(entrances),
    exits: Number(exits),
    isEgress: Number(isEgress) === 1,
    primary: Number(isReading) === 1,
    signs: Number(signs),
    ...(name === undefined ? {} : { name }),
    ...(hasPreviousId ? { hasPreviousId } : {}),
  };
}
