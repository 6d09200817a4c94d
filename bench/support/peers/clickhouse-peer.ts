// ClickHouse alone: one table of readings, which name the space where their DPU was on record when they were inserted,
// and counts by sum(). The engine is that of the other benchmarks, ClickHouse as a library behind its HTTP interface.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { startClickhouse } from '../../../src/local/clickhouse/clickhouse-engine.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { CpuMeter } from '../cpu.ts';
import { csvOf, type Crowd, type Reading } from './crowd.ts';
import { allQuarters, CLIENTS, QUARTER_MS, QUARTERS, type Peer } from './peer.ts';

const TABLE = `
CREATE TABLE readings (dpu_id LowCardinality(String), timestamp DateTime64(3, 'UTC'), direction Int8, id String, space_id UInt32)
ENGINE = MergeTree ORDER BY (space_id, timestamp)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1`;
const MERGED_WITHIN_MS = 120_000;

export async function withClickhouse(crowd: Crowd, act: (peer: Peer) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'density-clickhouse-'));
  const engine = await startClickhouse({
    dataDir: join(folder, 'clickhouse'),
    host: '127.0.0.1',
    port: 0,
    logFile: join(folder, 'clickhouse.log'),
    onExit: (error) => {
      throw error;
    },
  });
  const clickhouse = createClient({
    url: engine.url,
    max_open_connections: CLIENTS,
    clickhouse_settings: { date_time_input_format: 'best_effort' },
  });
  try {
    await clickhouse.command({ query: TABLE });
    const [version = []] = await rowsOf<[string]>(clickhouse, 'SELECT version()', {});
    await act(peerOn(clickhouse, crowd, engine.pid, `ClickHouse ${version[0]}`));
  } finally {
    await clickhouse.close();
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function rowsOf<Row>(
  clickhouse: ClickHouseClient,
  query: string,
  params: Readonly<Record<string, number>>,
): Promise<Row[]> {
  const result = await clickhouse.query({ query, query_params: params, format: 'JSONCompactEachRow' });
  return result.json<Row>();
}

function peerOn(clickhouse: ClickHouseClient, crowd: Crowd, pid: number, name: string): Peer {
  const moved = new Map<number, number>();
  const numberOf = async (query: string, params: Readonly<Record<string, number>>): Promise<number> =>
    Number((await rowsOf<[string]>(clickhouse, query, params))[0]?.[0]);
  const encode = (readings: readonly Reading[]): string =>
    csvOf(readings, ({ dpu }) => `,${moved.get(dpu) ?? crowd.spaceOf(dpu)}`);
  const insertMany = async (body: string): Promise<void> =>
    void (await clickhouse.insert({
      table: 'readings',
      values: Readable.from([body], { objectMode: false }),
      format: 'CSV',
    }));
  return {
    name,
    design: 'MergeTree ordered by space and time; every part is synced before it is acknowledged (fsync_after_insert)',
    meter: () => new CpuMeter({ ClickHouse: pid }),
    encode,
    insertMany,
    insertOne: async (_client, reading) => insertMany(encode([reading])),
    untilCounted: async () => undefined,
    untilStored: async () =>
      eventually(async () => {
        const merges = await numberOf('SELECT count() FROM system.merges', {});
        if (merges > 0) throw new Error(`${merges} merges run`);
      }, MERGED_WITHIN_MS),
    countNow: async (space) =>
      numberOf('SELECT sum(direction) FROM readings WHERE space_id = {space:UInt32}', { space }),
    countAt: async (space, atMs) =>
      numberOf(
        'SELECT sum(direction) FROM readings WHERE space_id = {space:UInt32} AND timestamp <= fromUnixTimestamp64Milli({atMs:Int64})',
        { space, atMs },
      ),
    countsOfDay: async (space, startMs) => {
      const rows = await rowsOf<[number, string, string, string]>(
        clickhouse,
        `SELECT intDiv(toUnixTimestamp64Milli(timestamp) - {startMs:Int64}, ${QUARTER_MS}) AS quarter,
           sum(sum(direction)) OVER (ORDER BY quarter), countIf(direction = 1), countIf(direction = -1)
         FROM readings
         WHERE space_id = {space:UInt32} AND timestamp < fromUnixTimestamp64Milli({endMs:Int64})
         GROUP BY quarter`,
        { space, startMs, endMs: startMs + QUARTERS * QUARTER_MS },
      );
      return allQuarters(new Map(rows.map(([quarter, count]) => [Number(quarter), Number(count)])));
    },
    // What is stored already names the space, which is part of the key, so it stays.
    move: async (dpu, toDoorOfDpu) => void moved.set(dpu, crowd.spaceOf(toDoorOfDpu)),
    bytesStored: async () =>
      numberOf("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'readings'", {}),
  };
}
