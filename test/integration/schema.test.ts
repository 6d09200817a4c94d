// The tables on the real engine, and the migration of data from versions with fewer tables.
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import { ClickHouseEventPages } from '../../src/clickhouse/event-pages.ts';
import { ClickHouseHistory } from '../../src/clickhouse/history.ts';
import { ClickHouseLogPlaces } from '../../src/clickhouse/log-places.ts';
import { ClickHousePartitionRecords } from '../../src/clickhouse/partition-records.ts';
import { alterationsFor, tablesFor, viewQuery } from '../../src/clickhouse/schema.ts';
import { alterTables, createTables, dropTables } from '../../src/clickhouse/tables.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { loggedEvent } from '../../src/domain/log-entry.ts';
import { ClickHouseAlone } from '../support/clickhouse-alone.ts';
import { withWholeIds } from '../support/earlier-tables.ts';
import { eventually } from '../support/eventually.ts';
import { instead } from '../support/instead.ts';
import { personEvent } from '../support/person-event.ts';
import { refusing } from '../support/refusing-client.ts';

let clickhouse: ClickHouseAlone;
let client: ClickHouseClient;

beforeAll(async () => {
  clickhouse = await ClickHouseAlone.start();
  ({ client } = clickhouse);
});
afterAll(async () => {
  await clickhouse?.dispose();
});

const command = async (query: string): Promise<unknown> => client.command({ query });
const rows = async (query: string): Promise<unknown[]> =>
  (await client.query({ query, format: 'JSONCompactEachRow' })).json();
const COLUMNS = 'timestamp, reading_id, dpu_id, direction, doorway_id, space_id, sign, is_reading';
const digest = async (table: string): Promise<unknown[]> =>
  rows(`SELECT count(), sum(cityHash64(${COLUMNS})) FROM ${table}`);
const digestOfReadings = async (table: string): Promise<unknown[]> =>
  rows(
    `SELECT count(), sum(cityHash64(timestamp, reading_id, dpu_id, direction, doorway_id, space_id, sign)) FROM ${table}`,
  );
const store = async (from: number): Promise<unknown> =>
  command(`
  INSERT INTO space_events (space_id, timestamp_ms, id_tail, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block)
  SELECT 1 + number % 3, 1514764800000 + number * 3600000, toString(number), 'a', 1, 1, 1, 0, 0, if(number % 7 = 0, -1, 1), number % 2, 0, number
  FROM numbers(${from}, 3000)`);

test('the table in time order is filled once with data stored before it existed, whoever creates it', async () => {
  await createTables(client);
  await command('DROP VIEW events_by_time_view');
  await command('DROP TABLE events_by_time');
  await store(0);
  await Promise.all([createTables(client), createTables(client), createTables(client)]);
  expect(await digest('events_by_time')).toEqual(await digest('space_events'));
  await createTables(client);
  await store(3_000);
  expect(await digest('events_by_time')).toEqual(await digest('space_events'));
  expect(await rows('SELECT count() FROM space_events')).toEqual([[6000]]);
});

test('T24 a table whose rows lack their commit gets the columns, and the place from which on earlier moments can be answered', async () => {
  await command(`
  INSERT INTO space_events (space_id, timestamp_ms, id_tail, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block, epoch, log_seq)
  SELECT 5, 1514764800000 + number, toString(number), 'p', 1, 1, 1, 0, 0, 1, 1, 3 + number % 2, 40 + number, 1, 900 + number FROM numbers(4)`);
  const before = await digest('space_events');
  // As an earlier version left it.
  await command('DROP VIEW log_places_view');
  await command('DROP TABLE log_places');
  await command('ALTER TABLE space_events DROP INDEX known_at');
  for (const column of ['commit_seq', 'cut_ms', 'complete_seq', 'cause'])
    await command(`ALTER TABLE space_events DROP COLUMN ${column}`);
  const fromMs = Date.now();
  await createTables(client);
  await createTables(client);
  expect(await digest('space_events')).toEqual(before);
  expect(await rows("SELECT name FROM system.data_skipping_indices WHERE table = 'space_events'")).toEqual([
    ['blocks'],
    ['known_at'],
  ]);
  expect(await rows('SELECT DISTINCT cause FROM space_events WHERE space_id = 5')).toEqual([['unknown']]);
  const places = new ClickHouseLogPlaces(client);
  const known = async (shard: number): Promise<unknown> => (await places.knownFrom(shard as Partition)).floor;
  expect([await known(3), await known(4), await known(5)]).toEqual([
    { epoch: 1, seq: 902 },
    { epoch: 1, seq: 903 },
    undefined,
  ]);
  const { firstMs = 0 } = await places.knownFrom(5 as Partition);
  expect(Math.abs(firstMs - fromMs)).toBeLessThan(60_000);
  expect(await places.placeAt(3 as Partition, firstMs - 1)).toBeUndefined();
  // No shard has cut a block since, so nothing is known to have been final.
  expect(await places.placeAt(3 as Partition, firstMs + 60_000)).toEqual({ epoch: 1, seq: 903, block: 0 });
  const place = { spaceId: 5 as SpaceId, dpuId: 'p' as DpuId, doorwayId: 1 as DoorwayId };
  const row = loggedEvent(personEvent({ ...place, timestampMs: 2_000, sign: 1, primary: true }, 1), 950);
  const mark = { seq: 960, commitId: 'c', cutMs: firstMs + 70_000, completeSeq: 955 };
  await new ClickHouseHistory(client, 'upgraded').storeBlock(blockOf(1, 3 as Partition, 50, [row], mark));
  expect(await places.placeAt(3 as Partition, firstMs + 70_000)).toEqual({ epoch: 1, seq: 960, block: 50 });
  // A process that does not know of them still runs, and stores another block.
  await command(`
  INSERT INTO space_events (space_id, timestamp_ms, id_tail, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block, epoch, log_seq)
  SELECT 5, 1514764900000, 'late', 'p', 1, 1, 1, 0, 0, 1, 1, 5, 51, 1, 970`);
  expect(await known(5)).toEqual({ epoch: 1, seq: 970 });
});

test.each([
  [60, '', []],
  [
    61,
    ', after a start that was interrupted',
    ['ADD COLUMN shard UInt16 DEFAULT 0, ADD COLUMN block UInt64 DEFAULT 0'],
  ],
])(
  'T28 tables whose rows lack their block get it, and the time from which on lists of an earlier moment can be answered (block %i%s)',
  async (number, _, added) => {
    const before = await Promise.all(['readings', 'events_by_time'].map(digestOfReadings));
    // As an earlier version left them.
    for (const table of ['readings', 'events_by_time']) {
      await command(
        `ALTER TABLE ${table}_view MODIFY QUERY ${viewQuery(`${table}_view`).replace(', shard, block', '')}`,
      );
      for (const column of ['shard', 'block']) await command(`ALTER TABLE ${table} DROP COLUMN ${column}`);
    }
    await command('ALTER TABLE log_places DELETE WHERE is_floor = 2 SETTINGS mutations_sync = 2');
    const places = new ClickHouseLogPlaces(client);
    expect(await places.blocksFromMs()).toBeUndefined();
    for (const columns of added)
      for (const table of ['readings', 'events_by_time']) await command(`ALTER TABLE ${table} ${columns}`);
    const startedMs = Date.now();
    await Promise.all([createTables(client), createTables(client)]);
    const fromMs = (await places.blocksFromMs()) ?? 0;
    expect(Math.abs(fromMs - startedMs)).toBeLessThan(60_000);
    expect(await Promise.all(['readings', 'events_by_time'].map(digestOfReadings))).toEqual(before);
    const place = { spaceId: 6 as SpaceId, dpuId: 'q' as DpuId, doorwayId: 1 as DoorwayId };
    const row = loggedEvent(personEvent({ ...place, timestampMs: 2_000, sign: 1, primary: true }, 1), 980);
    const mark = { seq: 990, commitId: 'd', cutMs: fromMs + 70_000, completeSeq: 985 };
    await new ClickHouseHistory(client, 'upgraded').storeBlock(blockOf(1, 2 as Partition, number, [row], mark));
    for (const table of ['readings', 'events_by_time'])
      expect(
        await rows(`SELECT DISTINCT shard, block FROM ${table} WHERE space_id = 6 AND block >= ${number}`),
      ).toEqual([[2, number]]);
    // Rows from before are in every list.
    const pages = new ClickHouseEventPages(client);
    const [all, without] = [
      await pages.countReadings(undefined),
      await pages.countReadings(undefined, [0, 0, number - 1]),
    ];
    expect(all - without).toBe(1);
    await createTables(client);
    expect(await places.blocksFromMs()).toBe(fromMs);
  },
);

const OPTIONS = { cluster: undefined, windowBlocks: 76_800, isSynced: true, cold: undefined };
const definitions = async (): Promise<string[]> =>
  (
    await rows(
      "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name",
    )
  ).map(String);

test('migrating gives existing tables another window and synced parts, and forgets no block', async () => {
  const block = async (): Promise<unknown> =>
    client.command({
      query: `INSERT INTO space_events (space_id, timestamp_ms, id_tail, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block)
      SELECT 9, 1514764800000 + number * 60000, toString(number), 'b', 1, 1, 1, 0, 0, 1, 1, 0, 7000 FROM numbers(10)`,
      clickhouse_settings: {
        insert_deduplicate: 1,
        insert_deduplication_token: 'log/0/7000',
        deduplicate_blocks_in_dependent_materialized_views: 1,
        insert_quorum: 'auto',
        insert_quorum_timeout: 20_000,
      },
    });
  const stored = async (): Promise<unknown[]> =>
    rows(`SELECT (SELECT count() FROM space_events WHERE space_id = 9), (SELECT count() FROM readings WHERE dpu_id = 'b'),
    (SELECT count() FROM events_by_time WHERE space_id = 9)`);
  await block();
  expect(await stored()).toEqual([[10, 10, 10]]);
  await alterTables(client, OPTIONS);
  const after = await definitions();
  expect(after).toHaveLength(8);
  for (const definition of after)
    expect(definition).toMatch(
      /non_replicated_deduplication_window = 76800.*fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, merge_selector_base = 10, default_compression_codec = .*ZSTD/,
    );
  await block();
  expect(await stored()).toEqual([[10, 10, 10]]);
});

test('migrating sets, changes and removes the age at which rows move to another volume, and removes no row', async () => {
  const before = await digest('space_events');
  const aged = async (): Promise<number> =>
    (await definitions()).filter((definition) => definition.includes(' TO VOLUME ')).length;
  // The only volume of an engine without a storage policy.
  for (const afterDays of [30, 30, 400]) {
    await alterTables(client, { ...OPTIONS, cold: { volume: 'default', afterDays } });
    expect(await aged()).toBe(3);
  }
  expect((await definitions()).join('\n')).not.toContain('toIntervalDay(30)');
  await command('OPTIMIZE TABLE space_events FINAL');
  expect(await digest('space_events')).toEqual(before);
  await alterTables(client, OPTIONS);
  expect(await aged()).toBe(0);
});

/** The tables and views from before readings had measures. */
function beforeMeasures(): string[] {
  return tablesFor(OPTIONS).map((statement) =>
    withWholeIds(statement)
      .replace(
        /(CREATE TABLE IF NOT EXISTS space_events[^]*)entrances UInt32,\s*exits UInt32,\s*is_egress UInt8,/,
        '$1delta Int8,',
      )
      .replace(/(CREATE TABLE IF NOT EXISTS (?:readings|events_by_time) [^]*)entrances UInt32,\s*exits UInt32,/, '$1')
      .replace(/direction, if\(e\.is_egress[^]*? AS exits, doorway_id/, 'direction, doorway_id'),
  );
}

test('rows from before readings had measures count as one person each, and new rows go into the same tables', async () => {
  await dropTables(client);
  for (const statement of beforeMeasures()) await command(statement);
  // One entrance through a doorway from space 2 into space 1, and one exit through it.
  await command(`INSERT INTO space_events (space_id, timestamp_ms, reading_id, dpu_id, doorway_id, direction, delta, sign, is_reading, shard, block)
    VALUES (1, 60000, 'd~60000~+', 'd', 1, 1, 1, 1, 1, 0, 1), (2, 60000, 'd~60000~+', 'd', 1, 1, -1, 1, 0, 0, 1),
           (1, 60001, 'd~60001~-', 'd', 1, -1, -1, 1, 1, 0, 1), (2, 60001, 'd~60001~-', 'd', 1, -1, 1, 1, 0, 0, 1)`);
  await Promise.all([createTables(client, OPTIONS), createTables(client, OPTIONS)]);
  await command(`INSERT INTO space_events (space_id, timestamp_ms, id_tail, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block)
    VALUES (2, 60002, '~5-3', 'd', 1, 0, 3, 5, 1, 1, 1, 0, 2)`);
  expect(
    await rows(
      'SELECT space_id, reading_id, entrances, exits, is_egress FROM space_events ORDER BY reading_id, space_id',
    ),
  ).toEqual([
    [1, 'd~60000~+', 1, 0, 0],
    [2, 'd~60000~+', 0, 1, 1],
    [1, 'd~60001~-', 0, 1, 0],
    [2, 'd~60001~-', 1, 0, 1],
    [2, 'd~60002~5-3', 3, 5, 1],
  ]);
  const asTheDeviceSawIt = [
    ['d~60000~+', 1, 0],
    ['d~60001~-', 0, 1],
    ['d~60002~5-3', 5, 3],
  ];
  const readings = async (): Promise<unknown[]> =>
    rows('SELECT reading_id, entrances, exits FROM readings ORDER BY reading_id');
  expect(await readings()).toEqual(asTheDeviceSawIt);
  // The new columns of these tables are in another order than those of the view.
  await command("DELETE FROM readings WHERE reading_id = 'd~60002~5-3'");
  await new ClickHousePartitionRecords(client).completeBlock(0 as Partition, 2);
  expect(await readings()).toEqual(asTheDeviceSawIt);
  expect(
    await rows('SELECT DISTINCT reading_id, entrances, exits FROM events_by_time WHERE is_reading ORDER BY reading_id'),
  ).toEqual(asTheDeviceSawIt);
});

/** The table and the view of earlier versions. */
const RETIRED = [
  `CREATE TABLE counts_by_minute (space_id UInt32, minute DateTime('UTC'), net Int64, entrances Int64, exits Int64)
    ENGINE = SummingMergeTree((net, entrances, exits)) PARTITION BY toYYYYMM(minute) ORDER BY (space_id, minute)
    SETTINGS non_replicated_deduplication_window = 10000`,
  `CREATE MATERIALIZED VIEW counts_by_minute_view TO counts_by_minute AS
    SELECT space_id, toStartOfMinute(timestamp) AS minute, sum((toInt64(e.entrances) - e.exits) * sign) AS net,
      sum(toInt64(e.entrances) * sign) AS entrances, sum(toInt64(e.exits) * sign) AS exits
    FROM space_events AS e GROUP BY space_id, minute`,
];
const retired = async (): Promise<unknown[]> =>
  rows(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'counts_by_minute%' ORDER BY 1",
  );

test('counts by minute of an earlier version: processes drop the view at their start, and migrating the table', async () => {
  for (const statement of RETIRED) await command(statement);
  await store(0);
  // Other processes insert meanwhile.
  let isOver = false;
  const inserting = (async () => {
    for (let n = 1; !isOver; n++) await store(n * 3_000);
  })();
  await Promise.all([createTables(client, OPTIONS), createTables(client, OPTIONS), createTables(client, OPTIONS)]);
  isOver = true;
  await inserting;
  expect(await retired()).toEqual([['counts_by_minute']]);
  const minutes = await rows('SELECT count() FROM counts_by_minute');
  await store(3_000_000);
  expect(await rows('SELECT count() FROM counts_by_minute')).toEqual(minutes);
  // It is dropped whatever its size, and together with what an interrupted migration has left.
  await command('CREATE TABLE counts_by_minute_by_decade (a UInt8) ENGINE = Memory');
  await Promise.all([alterTables(client, OPTIONS), alterTables(client, OPTIONS)]);
  expect(await retired()).toEqual([]);
  expect(await digest('events_by_time')).toEqual(await digest('space_events'));
});

test('a process that may not drop the view of an earlier version works with it, until tables are migrated', async () => {
  for (const statement of RETIRED) await command(statement);
  const refusal = (message: string): ClickHouseClient => refusing(client, /^DROP /, message);
  const withoutRight = refusal(
    'density: Not enough privileges. To execute this query, it is necessary to have the grant DROP VIEW ON density.counts_by_minute_view.',
  );
  await createTables(withoutRight, OPTIONS);
  expect(await retired()).toHaveLength(2);
  const before = await rows('SELECT sum(entrances) FROM counts_by_minute');
  await store(6_000_000);
  expect(await rows('SELECT sum(entrances) FROM counts_by_minute')).not.toEqual(before);
  await expect(createTables(refusal('Timeout exceeded'), OPTIONS)).rejects.toThrow('Timeout exceeded');
  await alterTables(client, OPTIONS);
  expect(await retired()).toEqual([]);
});

test('tables of one server are not silently replaced by replicated ones', async () => {
  // Without a Keeper the engine itself refuses `ON CLUSTER`, but parses the statement that a cluster would get.
  const cluster = { ...OPTIONS, cluster: 'blue', cold: { volume: 'cold', afterDays: 30 } };
  for (const statement of [...tablesFor(cluster), ...alterationsFor(cluster)])
    await command(`EXPLAIN AST ${statement}`);
  await expect(command('EXPLAIN AST CREATE TABLE a ENGIN = MergeTree')).rejects.toThrow();
  const answering = instead(client, { command: async () => ({ query_id: '', response_headers: {} }) });
  await expect(createTables(answering, cluster)).rejects.toThrow(
    /exists with engine MergeTree: CLICKHOUSE_CLUSTER cannot be changed/,
  );
});

test('no table is left after dropping all', async () => {
  await dropTables(client);
  expect(await rows('SELECT name FROM system.tables WHERE database = currentDatabase()')).toEqual([]);
});

test('migrating gives a table of an earlier version its projection, and the rows in it', async () => {
  await createTables(client);
  await store(0);
  const hasProjection = async (): Promise<boolean> =>
    String((await rows('SHOW CREATE TABLE space_events'))[0]).includes('PROJECTION totals_by_shard');
  const built = async (): Promise<unknown[]> =>
    rows(
      "SELECT is_done, latest_fail_reason FROM system.mutations WHERE table = 'space_events' AND command LIKE '%MATERIALIZE PROJECTION totals_by_shard%'",
    );
  await command('ALTER TABLE space_events DROP PROJECTION totals_by_shard SETTINGS mutations_sync = 2');
  expect([await hasProjection(), await built()]).toEqual([false, []]);
  await alterTables(client, OPTIONS);
  expect(await hasProjection()).toBe(true);
  await eventually(async () => expect(await built()).toEqual([[1, '']]));
  await alterTables(client, OPTIONS);
  expect(await built()).toHaveLength(1);
});
