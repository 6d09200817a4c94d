// Records the epochs of the logs in ClickHouse, and keeps the copy of the topology.
//
// Invariant: once an epoch has begun, `space_events` accepts no row of an older one, however late it arrives. A
// constraint on the table enforces it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import type { TopologyFact } from '../domain/topology.ts';
import type { CopiedEntry, EpochRecords, TopologyCopy } from '../ports/recovery.ts';
import { queryRows } from './query-rows.ts';

const POLL_MS = 50;
/** No insert takes longer, because clients time out earlier. */
const INSERT_MAX_MS = 60_000;

export class ClickHouseEpochRecords implements EpochRecords, TopologyCopy {
  readonly #client: ClickHouseClient;
  readonly #onCluster: string;

  /** @param cluster the ClickHouse cluster whose replicas hold the tables; undefined for a single server */
  constructor(client: ClickHouseClient, cluster?: string) {
    this.#client = client;
    this.#onCluster = cluster === undefined ? '' : ` ON CLUSTER '${cluster}'`;
  }

  async epochs(): Promise<{ begun: number; done: number }> {
    const [row] = await queryRows<[number, number]>(
      this.#client,
      "SELECT max(epoch), maxIf(epoch, state = 'done') FROM log_epochs",
      {},
    );
    return { begun: Number(row?.[0] ?? 0), done: Number(row?.[1] ?? 0) };
  }

  async beginEpoch(epoch: number, known: string): Promise<void> {
    const onCluster = this.#onCluster;
    await this.#insert('log_epochs', [{ epoch, state: 'begun', report: known }]);
    await this.#client.command({
      query: `ALTER TABLE space_events${onCluster} ADD CONSTRAINT IF NOT EXISTS ${constraintOf(epoch)} CHECK epoch >= ${epoch}`,
    });
    // An insert that is already running ignores the new constraint.
    await this.#waitForInserts();
    const definition = await queryRows<[string]>(
      this.#client,
      "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'space_events'",
      {},
    );
    for (const [, before] of (definition[0]?.[0] ?? '').matchAll(/CONSTRAINT `?epoch_(\d+)`? CHECK/g)) {
      if (Number(before) < epoch)
        await this.#client.command({
          query: `ALTER TABLE space_events${onCluster} DROP CONSTRAINT IF EXISTS ${constraintOf(Number(before))}`,
        });
    }
  }

  async begunReports(): Promise<string[]> {
    const rows = await queryRows<[string]>(
      this.#client,
      "SELECT report FROM log_epochs WHERE state = 'begun' AND report != '' AND epoch > (SELECT maxIf(epoch, state = 'done') FROM log_epochs) ORDER BY epoch",
      {},
    );
    return rows.map(([report]) => report);
  }

  async finishEpoch(epoch: number, report: string): Promise<void> {
    await this.#insert('log_epochs', [{ epoch, state: 'done', report }]);
  }

  async reports(limit: number): Promise<{ epoch: number; atMs: number; report: string }[]> {
    const rows = await queryRows<[number, string, string]>(
      this.#client,
      "SELECT epoch, toUnixTimestamp64Milli(at), report FROM log_epochs WHERE state = 'done' ORDER BY epoch DESC LIMIT {limit:UInt32}",
      { limit },
    );
    return rows.map(([epoch, atMs, report]) => ({ epoch: Number(epoch), atMs: Number(atMs), report }));
  }

  async copiedAfter(seq: number): Promise<CopiedEntry[]> {
    const rows = await queryRows<[string, number, string]>(
      this.#client,
      `SELECT seq, digest, fact FROM ${COPY} WHERE epoch = highest AND seq > {seq:UInt64} ORDER BY seq`,
      { seq },
    );
    return rows.map(([at, digest, fact]) => ({
      seq: Number(at),
      digest: Number(digest),
      fact: JSON.parse(fact) as TopologyFact,
    }));
  }

  async lastCopied(): Promise<Pick<CopiedEntry, 'seq' | 'digest'> | undefined> {
    const [row] = await queryRows<[string, number]>(
      this.#client,
      `SELECT seq, digest FROM ${COPY} WHERE epoch = highest ORDER BY seq DESC LIMIT 1`,
      {},
    );
    return row && { seq: Number(row[0]), digest: Number(row[1]) };
  }

  async copyTopology(entries: readonly CopiedEntry[], epoch: number): Promise<void> {
    await this.#insert(
      'topology_copy',
      entries.map(({ seq, digest, fact }) => ({ seq, epoch, digest, fact: JSON.stringify(fact) })),
    );
  }

  async #insert(table: string, values: readonly object[]): Promise<void> {
    await this.#client.insert({
      table,
      values,
      format: 'JSONEachRow',
      clickhouse_settings: { async_insert: 0, insert_quorum: 'auto' },
    });
  }

  async #waitForInserts(): Promise<void> {
    for (const until = performance.now() + INSERT_MAX_MS; performance.now() < until; await sleep(POLL_MS)) {
      const [row] = await queryRows<[number]>(
        this.#client,
        "SELECT count() FROM system.processes WHERE query_kind = 'Insert' AND query LIKE '%space_events%'",
        {},
      );
      if (Number(row?.[0] ?? 0) === 0) return;
    }
    throw new Error('inserts that started before the epoch are still running');
  }
}

/** After an entry of a later epoch, entries of earlier epochs belong to a log that was lost. */
const COPY = '(SELECT *, max(epoch) OVER (ORDER BY seq) AS highest FROM topology_copy FINAL)';

const constraintOf = (epoch: number): string => `epoch_${epoch}`;
