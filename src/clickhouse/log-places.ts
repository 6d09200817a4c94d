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
      'SELECT epoch, seq FROM log_places WHERE cut_ms <= {at:Int64} ORDER BY cut_ms DESC, epoch DESC, seq DESC LIMIT 1',
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
      `SELECT min(cut_ms), count(), maxIf((epoch, seq), is_floor = 1 AND shard = {shard:UInt16}), countIf(is_floor = 1 AND shard = {shard:UInt16})
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
