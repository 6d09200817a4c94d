// Places in the log, in the table log_places, which a materialized view fills with the marks of stored blocks.
import type { ClickHouseClient } from '@clickhouse/client';
import type { Partition } from '../domain/ids.ts';
import type { LogPlace } from '../domain/log-place.ts';
import type { KnownFrom, LogPlaces, RecordedPlace } from '../ports/log-places.ts';
import { queryRows } from './query-rows.ts';

export class ClickHouseLogPlaces implements LogPlaces {
  readonly #client: ClickHouseClient;

  constructor(client: ClickHouseClient) {
    this.#client = client;
  }

  async placeAt(partition: Partition, atMs: number): Promise<RecordedPlace | undefined> {
    // Ordered as the table is, so that ClickHouse reads its end only.
    const [place] = await this.#rows<[epoch: number, seq: string]>(
      'SELECT epoch, seq FROM log_places WHERE cut_ms <= {at:Int64} AND is_floor < 2 ORDER BY cut_ms DESC, epoch DESC, seq DESC LIMIT 1',
      { at: atMs },
    );
    if (!place) return undefined;
    const [epoch, seq] = [Number(place[0]), Number(place[1])];
    const [own] = await this.#rows<[block: string]>(
      `SELECT block FROM log_places
      WHERE shard = {shard:UInt16} AND cut_ms <= {at:Int64} AND is_floor = 0 AND (epoch, seq) <= ({epoch:UInt32}, {seq:UInt64})
      ORDER BY cut_ms DESC, epoch DESC, seq DESC LIMIT 1`,
      { shard: partition, at: atMs, epoch, seq },
    );
    return { epoch, seq, block: Number(own?.[0] ?? 0) };
  }

  async knownFrom(partition: Partition): Promise<KnownFrom> {
    const [row] = await this.#rows<
      [firstMs: string, count: string, floor: [epoch: number, seq: string], floors: string]
    >(
      `SELECT minIf(cut_ms, is_floor < 2), countIf(is_floor < 2), maxIf((epoch, seq), is_floor = 1 AND shard = {shard:UInt16}), countIf(is_floor = 1 AND shard = {shard:UInt16})
      FROM log_places`,
      { shard: partition },
    );
    if (!row) return { firstMs: undefined, floor: undefined };
    const [firstMs, count, [epoch, seq], floors] = row;
    const floor: LogPlace = { epoch: Number(epoch), seq: Number(seq) };
    return {
      firstMs: Number(count) === 0 ? undefined : Number(firstMs),
      floor: Number(floors) === 0 ? undefined : floor,
    };
  }

  async blocksCutBy(stored: readonly number[], atMs: number): Promise<number[]> {
    // In the table's order, so that ClickHouse reads back only until it has found every shard that has rows.
    const shards = stored.filter((block) => block > 0).length;
    if (shards === 0) return stored.map(() => 0);
    const rows = await this.#rows<[shard: number, block: string]>(
      `SELECT shard, block FROM log_places WHERE cut_ms <= {at:Int64} AND is_floor < 2
      ORDER BY cut_ms DESC, epoch DESC, seq DESC, shard DESC LIMIT 1 BY shard LIMIT {shards:UInt32}`,
      { at: atMs, shards },
    );
    const blocks = new Map(rows.map(([shard, block]) => [Number(shard), Number(block)]));
    return stored.map((_, partition) => blocks.get(partition) ?? 0);
  }

  async blocksFromMs(): Promise<number | undefined> {
    const [row] = await this.#rows<[atMs: string, count: string]>(
      'SELECT min(cut_ms), count() FROM log_places WHERE is_floor = 2',
      {},
    );
    return row && Number(row[1]) > 0 ? Number(row[0]) : undefined;
  }

  async completeSeq(partition: Partition, epoch: number): Promise<number> {
    const [row] = await this.#rows<[seq: string]>(
      'SELECT max(complete_seq) FROM log_places WHERE shard = {shard:UInt16} AND epoch = {epoch:UInt32}',
      { shard: partition, epoch },
    );
    return Number(row?.[0] ?? 0);
  }

  async #rows<Row>(query: string, params: Record<string, unknown>): Promise<Row[]> {
    return queryRows<Row>(this.#client, query, params);
  }
}
