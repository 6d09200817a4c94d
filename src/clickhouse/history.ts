// Stored space events in ClickHouse: storing blocks, and the queries that counting needs. Queries take an upper block
// number, so that a count joined from here and from a fold's memory has neither a gap nor an overlap. All values are
// bound as parameters.
import { ClickHouseError, type ClickHouseClient } from '@clickhouse/client';
import { blockToken, type Block } from '../../actors/partition/block.ts';
import { Failure } from '../domain/failure.ts';
import type { DpuId, Partition, SpaceId } from '../domain/ids.ts';
import { addTo } from '../domain/lists.ts';
import type { LogPlace } from '../domain/log-place.ts';
import { EpochChanged } from '../domain/log-epoch.ts';
import { END_MS } from '../domain/instant.ts';
import type { Direction, Passed } from '../domain/measure.ts';
import { identityOf, readingIdOf, storedReading, type Reading } from '../domain/reading.ts';
import type { TimeAtCount } from '../domain/time-at-counts.ts';
import type { Segment } from '../domain/segment.ts';
import type { SeriesKind } from '../domain/series.ts';
import type {
  ChangedTotal,
  ChangesQuery,
  ClaimsQuery,
  DividedRequest,
  DpuClaim,
  DpuReadingsPage,
  DpuReadingsQuery,
  DoorwayTotal,
  EventsQuery,
  ExitsAtZero,
  ExitsAtZeroQuery,
  History,
  HistoryEvent,
  NewestInstantsQuery,
  OccupancyRequest,
  PassagesQuery,
  DpuInstant,
  SeriesPlace,
  StandingInstant,
  StoredTotals,
  TimeAtCountsQuery,
} from '../ports/history.ts';
import type { StoredBlockMark } from '../ports/space-events-log.ts';
import { Slots } from '../runtime/slots.ts';
import { toBlockMark } from './recovery-records.ts';
import { blockRows, insertRows } from './block-rows.ts';
import { changesSince } from './changes-query.ts';
import { claimsOfDpus, rowCount } from './claim-queries.ts';
import { EVENT_ORDER, placeParams } from './event-order.ts';
import { doorwayTotals, exitsAtZero } from './explain-queries.ts';
import { timeAtCounts } from './time-at-counts-query.ts';
import { instantParam, storable } from './instants.ts';
import { knownParams, knownRows } from './known-rows.ts';
import { passages } from './passages-query.ts';
import { newestInstants } from './newest-instants.ts';
import { LAST_BLOCK } from './schema.ts';
import { segmentsSince } from './segments-since.ts';
import { eventsOfSpaces, segmentsOfSpaces } from './spaces-queries.ts';
import { StoredBlocks } from './stored-blocks.ts';
import { storeHours } from './stored-hours.ts';
import { chunksOf, queryRows } from './query-rows.ts';

type ReadingRow = [dpuId: string, timestampMs: number, direction: Direction | 0, readingId: string];

/** Beyond this many instants of one DPU, one query covers the span of all of them. */
const SPANS_MAX = 8;

interface InstantSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The rows that belong to a series, recognised by the format of their id (measure.ts); the cheap condition comes
 * first.
 */
const SERIES: Readonly<Record<SeriesKind, string>> = {
  standings: "position(reading_id, '~t') > 0 AND match(reading_id, '^[^~]+~[0-9]+~t')",
  revisions: "direction = 0 AND match(reading_id, '^[^~]+~[0-9]+~[0-9]+-[0-9]+-[0-9]+r')",
};

export class ClickHouseHistory implements History {
  readonly #client: ClickHouseClient;
  /** Part of every deduplication token, because another log has the same block numbers. */
  readonly #logId: string;
  /** One shard after the other, so that questions have ClickHouse for themselves in between. */
  readonly #storingHours = new Slots(1, Infinity);
  readonly #blocks: StoredBlocks;

  /**
   * @param logId identifies the SPACE_EVENTS log that the blocks come from
   */
  constructor(client: ClickHouseClient, logId: string, blocks = new StoredBlocks(client)) {
    this.#client = client;
    this.#blocks = blocks;
    this.#logId = logId;
  }

  async storeBlock(block: Block): Promise<void> {
    const { partition, number, rows } = block;
    if (rows.length === 0) return;
    const inserted = insertRows(this.#client, blockToken(this.#logId, block), blockRows(block));
    await inserted.catch((error: unknown) => {
      if (error instanceof ClickHouseError && error.type === 'VIOLATED_CONSTRAINT')
        throw new EpochChanged(
          `block ${number} of partition ${partition} belongs to epoch ${block.epoch}, but the logs are in a later one`,
          { cause: error },
        );
      throw new Failure('unavailable', `block ${number} of partition ${partition} may not have been stored`, {
        cause: error,
        retryAfterSeconds: 5,
      });
    });
  }

  async storeHours(partition: Partition, block: number, signal?: AbortSignal): Promise<void> {
    await this.#storingHours.run(async () => storeHours(this.#client, partition, block, signal));
  }

  async lastBlock(partition: Partition): Promise<number> {
    const [row] = await this.#rows<[number]>('SELECT max(block) FROM space_events WHERE shard = {shard:UInt16}', {
      shard: partition,
    });
    return Number(row?.[0] ?? 0);
  }

  async lastBlockMark(partition: Partition): Promise<StoredBlockMark | undefined> {
    const rows = await this.#rows<[[string, number, string, string], string]>(
      `SELECT max(last), count() FROM (SELECT is_reading, ${LAST_BLOCK} AS last FROM space_events WHERE shard = {shard:UInt16} GROUP BY shard, is_reading)`,
      { shard: partition },
    );
    const [mark, count] = rows[0] ?? [];
    return mark && Number(count) > 0 ? toBlockMark([partition, ...mark]) : undefined;
  }

  async newestReadings(dpuIds: readonly DpuId[]): Promise<Map<DpuId, number>> {
    const newest = new Map<DpuId, number>();
    // ClickHouse reads all rows of a DPU that meet the condition, and most DPUs have years of them.
    for (const condition of ['AND timestamp >= now() - INTERVAL 7 DAY', ''])
      for (const ids of chunksOf(dpuIds.filter((id) => !newest.has(id)))) {
        const rows = await this.#rows<[string, number]>(
          `SELECT dpu_id, toUnixTimestamp64Milli(max(timestamp)) FROM readings WHERE dpu_id IN {ids:Array(String)} ${condition} GROUP BY dpu_id`,
          { ids },
        );
        for (const [dpuId, newestMs] of rows) newest.set(dpuId as DpuId, Number(newestMs));
      }
    return newest;
  }

  async findReadings(readings: readonly Reading[]): Promise<Reading[]> {
    // Matched by fields rather than by id, because a stored id may have the previous form.
    const found = await this.readingsAt(readings);
    const wanted = new Set(readings.map(identityOf));
    return found.filter((reading) => wanted.has(identityOf(reading)));
  }

  async readingsAt(places: readonly DpuInstant[]): Promise<Reading[]> {
    const found: Reading[] = [];
    for (const some of chunksOf(places)) {
      const rows = await this.#rows<ReadingRow>(
        `SELECT DISTINCT dpu_id, toUnixTimestamp64Milli(timestamp), direction, reading_id FROM readings
        WHERE (dpu_id, timestamp) IN (
          SELECT pair.1, fromUnixTimestamp64Milli(pair.2, 'UTC')
          FROM (SELECT arrayJoin(arrayZip({dpus:Array(String)}, {times:Array(Int64)})) AS pair))`,
        { dpus: some.map(({ dpuId }) => dpuId), times: some.map(({ timestampMs }) => timestampMs) },
      );
      found.push(...rows.map(toReading));
    }
    return found;
  }

  async readingsOfDpus({ dpuIds, fromMs, toMs, after, limit }: DpuReadingsQuery): Promise<DpuReadingsPage> {
    const rows = await this.#rows<ReadingRow>(
      `SELECT DISTINCT dpu_id, toUnixTimestamp64Milli(timestamp), direction, reading_id FROM readings
      WHERE dpu_id IN {dpus:Array(String)}
        AND timestamp >= ${instantParam('from')} AND timestamp < ${instantParam('to')}
        AND (dpu_id, ${EVENT_ORDER}) > ({afterDpu:String}, ${instantParam('afterTime')}, {afterId:String})
      ORDER BY dpu_id, ${EVENT_ORDER}, direction LIMIT {limit:UInt32}`,
      { dpus: dpuIds, from: fromMs, to: storable(toMs), limit, afterDpu: after.dpuId, ...placeParams(after) },
    );
    const found = rows.map(toReading);
    const counted = await this.#countedUnderPreviousIds(found.filter(({ hasPreviousId }) => hasPreviousId));
    const readings = found.filter((reading) => !reading.hasPreviousId || counted.has(identityOf(reading)));
    const last = rows.length < limit ? undefined : found.at(-1);
    return {
      readings,
      end: last ? { dpuId: last.dpuId, timestampMs: last.timestampMs, readingId: readingIdOf(last) } : null,
    };
  }

  async neighbours(places: readonly SeriesPlace[]): Promise<Reading[]> {
    const found = new Map<string, Reading>();
    for (const [kind, condition] of Object.entries(SERIES)) {
      for (const [dpuId, times] of byDpu(places.filter((place) => place.kind === kind))) {
        // A few instants are looked up one by one; many are covered by one span.
        const spans = times.length > SPANS_MAX ? [spanOf(times)] : times.map((at) => ({ fromMs: at, toMs: at }));
        for (const span of spans)
          for (const row of await this.#seriesRows(condition, dpuId, span)) found.set(row[3], toReading(row));
      }
    }
    return [...found.values()];
  }

  /**
   * All rows within a span, and those of the nearest instants before and after it, in the table's order, so that few
   * rows are read.
   */
  async #seriesRows(condition: string, dpuId: DpuId, { fromMs, toMs }: InstantSpan): Promise<ReadingRow[]> {
    const some = `readings WHERE dpu_id = {dpu:String} AND ${condition} AND timestamp`;
    return this.#rows<ReadingRow>(
      `WITH ifNull((SELECT timestamp FROM ${some} < ${instantParam('from')} ORDER BY dpu_id DESC, timestamp DESC LIMIT 1), ${instantParam('from')}) AS first,
        ifNull((SELECT timestamp FROM ${some} > ${instantParam('to')} ORDER BY dpu_id, timestamp LIMIT 1), ${instantParam('to')}) AS last
      SELECT DISTINCT dpu_id, toUnixTimestamp64Milli(timestamp), direction, reading_id FROM ${some} >= first AND timestamp <= last`,
      { dpu: dpuId, from: storable(fromMs), to: storable(toMs) },
    );
  }

  /**
   * Among readings that are stored under ids of the previous format, the identities of those that count: the first
   * reading of each id.
   */
  async #countedUnderPreviousIds(readings: readonly Reading[]): Promise<Set<string>> {
    const counted = new Set<string>();
    for (const some of chunksOf(readings)) {
      const rows = await this.#rows<ReadingRow>(
        `SELECT dpu_id, toUnixTimestamp64Milli(first.1), first.2, reading_id FROM (
          SELECT dpu_id, reading_id, min((timestamp, direction)) AS first FROM readings
          WHERE dpu_id IN {dpus:Array(String)} AND reading_id IN {ids:Array(String)} GROUP BY dpu_id, reading_id)`,
        { dpus: [...new Set(some.map(({ dpuId }) => dpuId))], ids: some.map(readingIdOf) },
      );
      for (const row of rows) counted.add(identityOf(toReading(row)));
    }
    return counted;
  }

  async occupancySegments(requests: readonly OccupancyRequest[]): Promise<Map<SpaceId, Segment>> {
    return segmentsSince(this.#client, this.#blocks, requests, END_MS);
  }

  async segments(spaceId: SpaceId, edgesMs: readonly number[], block: number, upTo?: LogPlace): Promise<Segment[]> {
    const found = await segmentsOfSpaces(this.#client, this.#blocks, { spaces: [{ spaceId, block }], edgesMs, upTo });
    return found.get(spaceId) ?? [];
  }

  async segmentsOfSpaces(
    spaces: readonly DividedRequest[],
    edgesMs: readonly number[],
  ): Promise<Map<SpaceId, Segment[]>> {
    const asked = spaces.map(({ spaceId, block, dividedMs }) => ({ spaceId, block, untilMs: dividedMs }));
    return segmentsOfSpaces(this.#client, this.#blocks, { spaces: asked, edgesMs });
  }

  async eventsOfSpaces(spaces: readonly DividedRequest[], upToMs: number): Promise<Map<SpaceId, HistoryEvent[]>> {
    return eventsOfSpaces(this.#client, spaces, upToMs);
  }

  async events(
    spaceId: SpaceId,
    afterMs: number,
    upToMs: number,
    block: number,
    upTo?: LogPlace,
  ): Promise<HistoryEvent[]> {
    const rows = await this.#rows<[number, string, string, string]>(
      `SELECT toUnixTimestamp64Milli(timestamp) AS at, reading_id, sum(toInt64(entrances) * sign) AS into, sum(toInt64(exits) * sign) AS out
      FROM space_events
      WHERE space_id = {space:UInt32} AND ${knownRows({ upTo })}
        AND timestamp > ${instantParam('after')} AND timestamp <= ${instantParam('upTo')}
      GROUP BY timestamp, reading_id HAVING into != 0 OR out != 0 ORDER BY ${EVENT_ORDER}`,
      { space: spaceId, ...knownParams({ block, upTo }), after: afterMs, upTo: storable(upToMs) },
    );
    return rows.map(([timestampMs, readingId, entrances, exits]) => ({
      timestampMs: Number(timestampMs),
      readingId,
      entrances: Number(entrances),
      exits: Number(exits),
      sign: 1,
    }));
  }

  async doorwayTotals(query: EventsQuery): Promise<DoorwayTotal[]> {
    return doorwayTotals(this.#client, query);
  }

  async exitsAtZero(query: ExitsAtZeroQuery): Promise<ExitsAtZero[]> {
    return exitsAtZero(this.#client, query);
  }

  async passages(query: PassagesQuery): Promise<Passed[]> {
    return passages(this.#client, query);
  }

  async timeAtCounts(query: TimeAtCountsQuery): Promise<TimeAtCount[]> {
    return timeAtCounts(this.#client, query);
  }

  async claimsOfDpus(query: ClaimsQuery): Promise<DpuClaim[]> {
    return claimsOfDpus(this.#client, query);
  }

  async changesSince(query: ChangesQuery): Promise<ChangedTotal[]> {
    return changesSince(this.#client, query);
  }

  async rowCount(query: EventsQuery): Promise<number> {
    return rowCount(this.#client, query);
  }

  async newestInstants(query: NewestInstantsQuery): Promise<StandingInstant[]> {
    return newestInstants(this.#client, query);
  }

  async storedTotals(): Promise<Map<Partition, StoredTotals>> {
    // The inner query matches the projection totals_by_shard, so that ClickHouse does not read every row.
    const rows = await this.#rows<[number, string, string]>(
      'SELECT shard, sumIf(readings, is_reading = 1), max(last) FROM (SELECT shard, is_reading, sum(sign) AS readings, max(block) AS last FROM space_events GROUP BY shard, is_reading) GROUP BY shard',
      {},
    );
    return new Map(
      rows.map(([shard, readings, lastBlock]) => [
        Number(shard) as Partition,
        { readings: Number(readings), lastBlock: Number(lastBlock) },
      ]),
    );
  }

  async readingsUpTo(partition: Partition, block: number): Promise<number> {
    const [row] = await this.#rows<[string]>(
      'SELECT sum(sign) FROM space_events WHERE shard = {shard:UInt16} AND is_reading = 1 AND block <= {block:UInt64}',
      { shard: partition, block },
    );
    return Number(row?.[0] ?? 0);
  }

  async ping(): Promise<boolean> {
    return (await this.#client.ping()).success;
  }

  async #rows<Row>(query: string, params: Record<string, unknown>): Promise<Row[]> {
    return queryRows<Row>(this.#client, query, params);
  }
}

function byDpu(places: readonly SeriesPlace[]): Map<DpuId, number[]> {
  const times = new Map<DpuId, number[]>();
  for (const { dpuId, timestampMs } of places) addTo(times, dpuId, timestampMs);
  return times;
}

function spanOf(times: readonly number[]): InstantSpan {
  return times.reduce((span, at) => ({ fromMs: Math.min(span.fromMs, at), toMs: Math.max(span.toMs, at) }), {
    fromMs: Infinity,
    toMs: -Infinity,
  });
}

function toReading([dpuId, timestampMs, direction, readingId]: ReadingRow): Reading {
  return storedReading(dpuId as DpuId, Number(timestampMs), direction, readingId);
}
