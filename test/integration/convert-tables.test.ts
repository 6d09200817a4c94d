// Tables of earlier versions on the real engine: they work, and are converted to the current form.
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import { convertTables, tablesToConvert } from '../../src/clickhouse/convert-tables.ts';
import { ClickHouseHistory } from '../../src/clickhouse/history.ts';
import { ClickHousePartitionRecords } from '../../src/clickhouse/partition-records.ts';
import { tablesFor } from '../../src/clickhouse/schema.ts';
import { alterTables, createTables, dropTables } from '../../src/clickhouse/tables.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { loggedEvent } from '../../src/domain/log-entry.ts';
import { ClickHouseAlone } from '../support/clickhouse-alone.ts';
import { withWholeIds } from '../support/earlier-tables.ts';
import { instead } from '../support/instead.ts';
import { personEvent } from '../support/person-event.ts';
import { refusing } from '../support/refusing-client.ts';

let clickhouse: ClickHouseAlone;
let client: ClickHouseClient;

beforeAll(async () => {
  clickhouse = await ClickHouseAlone.start();
  ({ client } = clickhouse);
  await createTables(client);
});
afterAll(async () => {
  await clickhouse?.dispose();
});

const OPTIONS = { cluster: undefined, windowBlocks: 76_800, isSynced: true, cold: undefined };
const command = async (query: string): Promise<unknown> => client.command({ query });
const rows = async (query: string): Promise<unknown[]> =>
  (await client.query({ query, format: 'JSONCompactEachRow' })).json();
const COLUMNS = 'timestamp, reading_id, dpu_id, direction, doorway_id, space_id, sign, is_reading';
const digest = async (table: string): Promise<unknown[]> =>
  rows(`SELECT count(), sum(cityHash64(${COLUMNS})) FROM ${table}`);
const definitions = async (): Promise<string[]> =>
  (
    await rows(
      "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name",
    )
  ).map(String);

/** Rows in each month from 1970 on; 630 months reach the middle of 2022. */
const storeMonths = async (block: number, months: number): Promise<unknown> =>
  command(`
  INSERT INTO space_events (space_id, timestamp_ms, id_tail, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block) SETTINGS max_partitions_per_insert_block = 0
  SELECT 8, toUnixTimestamp64Milli(toDateTime64(toDate('1970-01-15') + toIntervalMonth(number % ${months}), 3, 'UTC')) + number, concat('${block} ', toString(number)), 'c', 1, 1, 1, 0, 0, 1, 1, 0, ${block} FROM numbers(2000)`);
const partsOf = async (block: number): Promise<unknown> =>
  (await rows(`SELECT uniq(_part) FROM space_events WHERE space_id = 8 AND block = ${block}`))[0];

test('readings of 630 months make one part per decade, and one per month in tables of earlier versions, which still work', async () => {
  await command('SYSTEM STOP MERGES');
  await storeMonths(9_001, 630);
  // From the 1970s to the 2020s.
  expect(await partsOf(9_001)).toEqual([6]);
  await dropTables(client);
  for (const statement of tablesFor(OPTIONS)) {
    const before = statement.replace(/PARTITION BY if\((\w+) < .*\)\n/, 'PARTITION BY toYYYYMM($1)\n');
    expect(before.includes('PARTITION BY if')).toBe(false);
    await command(before);
  }
  await createTables(client, OPTIONS);
  await alterTables(client, { ...OPTIONS, cold: { volume: 'default', afterDays: 30 } });
  expect((await definitions()).filter((definition) => definition.includes(' TO VOLUME '))).toHaveLength(3);
  await alterTables(client, OPTIONS);
  await storeMonths(9_002, 40);
  expect(await partsOf(9_002)).toEqual([40]);
  expect(await digest('events_by_time')).toEqual(await digest('space_events'));
  await command('SYSTEM START MERGES');
});

test('tables by month are converted: every row is in a decade, views keep working, and rows of an earlier epoch are refused', async () => {
  const TAKEN_OVER = ['space_events', 'readings', 'events_by_time'];
  await command('ALTER TABLE space_events ADD CONSTRAINT epoch_0 CHECK epoch >= 0');
  await command('ALTER TABLE space_events ADD CONSTRAINT epoch_7 CHECK epoch >= 7');
  // The leftovers of a killed attempt.
  for (const suffix of ['converted', 'by_decade'])
    await command(`CREATE TABLE space_events_${suffix} (a UInt8) ENGINE = Memory`);
  expect(await tablesToConvert(client, OPTIONS)).toEqual(TAKEN_OVER);
  const before = await Promise.all(['space_events', 'events_by_time'].map(digest));
  const output: string[] = [];
  await convertTables(client, OPTIONS, (line) => output.push(line));
  expect(output).toEqual(TAKEN_OVER.map((name) => expect.stringMatching(`^table ${name}: \\d+ rows`) as string));
  expect(await tablesToConvert(client, OPTIONS)).toEqual([]);
  expect(await rows("SELECT name FROM system.tables WHERE name LIKE '%_by_decade' OR name LIKE '%_converted'")).toEqual(
    [],
  );
  expect(await Promise.all(['space_events', 'events_by_time'].map(digest))).toEqual(before);
  await expect(storeMonths(9_003, 630)).rejects.toThrow(/epoch_7/);
  await command('ALTER TABLE space_events DROP CONSTRAINT epoch_7');
  await command('SYSTEM STOP MERGES');
  await storeMonths(9_003, 630);
  expect(await partsOf(9_003)).toEqual([6]);
  await command('SYSTEM START MERGES');
  expect(await digest('events_by_time')).toEqual(await digest('space_events'));
  await convertTables(client, OPTIONS, () => expect.unreachable());
});

test('a table whose copy differs is left unchanged', async () => {
  await dropTables(client);
  for (const statement of tablesFor(OPTIONS))
    await command(statement.replace(/PARTITION BY if\((\w+) < .*\)\n/, 'PARTITION BY toYYYYMM($1)\n'));
  await storeMonths(9_004, 12);
  // Another process writes while it is copied.
  const writing = instead(client, {
    command: async (params) => {
      const done = await client.command(params);
      if (params.query.startsWith('INSERT INTO space_events_converted')) await storeMonths(9_005, 1);
      return done;
    },
  });
  const tellNothing = (): void => undefined;
  await expect(convertTables(writing, OPTIONS, tellNothing)).rejects.toThrow(
    /copy of table space_events differs from it/,
  );
  expect(await tablesToConvert(client, OPTIONS)).toContain('space_events');
  await convertTables(client, OPTIONS, tellNothing);
  expect(await digest('events_by_time')).toEqual(await digest('space_events'));
});

const REFUSAL = 'Not enough privileges';
const storingWhole = (at: number, id: string, direction: number): string =>
  `INSERT INTO space_events (space_id, timestamp_ms, reading_id, dpu_id, doorway_id, direction, entrances, exits, is_egress, sign, is_reading, shard, block)
    VALUES (1, ${at}, '${id}', 'd', 1, ${direction}, 1, 1, 0, 1, 1, 0, 1)`;

test('tables that store whole reading ids take rows of both versions, and store their tails once converted', async () => {
  await dropTables(client);
  for (const statement of tablesFor(OPTIONS)) await command(withWholeIds(statement));
  const TABLES = ['space_events', 'readings', 'events_by_time'];
  const ids = async (): Promise<unknown[]> =>
    Promise.all(
      TABLES.map(async (table) => (await rows(`SELECT reading_id FROM ${table} ORDER BY reading_id`)).flat()),
    );
  const ofBoth = ['+', '-', '5-3', '5-3.a~b', '+.a'].map((rest, n) => `d~${60_000 + n}~${rest}`);
  const store = async (at: number, id: string, direction: number): Promise<unknown> =>
    command(storingWhole(at, id, direction));
  await createTables(client, OPTIONS);
  // A process of the earlier version, which names the column of the whole id.
  for (const [n, id] of ofBoth.entries()) await store(60_000 + n, id, id.endsWith('+') ? 1 : id.endsWith('-') ? -1 : 0);
  await store(70_000, 'd.old', 1);
  await store(70_001, 'd~70001~-', 1);
  const all = [...ofBoth, 'd.old', 'd~70001~-'];
  const history = new ClickHouseHistory(client, 'whole ids');
  let block = 2;
  /** As a process of this version does, which may not alter tables. */
  const storeBlock = async (): Promise<void> => {
    await createTables(refusing(client, /^(ALTER|DROP|EXCHANGE|RENAME) /, REFUSAL), OPTIONS);
    const place = { spaceId: 1 as SpaceId, doorwayId: 1 as DoorwayId, timestampMs: 80_000 + block };
    const events = ['e', 'f.g'].flatMap((dpu) =>
      ([1, -1] as const).map((direction) =>
        loggedEvent(personEvent({ ...place, dpuId: dpu as DpuId, sign: 1, primary: true }, direction), 1),
      ),
    );
    await history.storeBlock(blockOf(0, 0 as Partition, block, events, { seq: block, commitId: 'c' }));
    block += 1;
    all.push(...events.map(({ readingId }) => readingId));
    all.sort();
    expect(await ids()).toEqual(TABLES.map(() => all));
  };
  await storeBlock();
  expect(all).toContain('f=2Eg~80002~-');
  // A block that was stored in part is completed in this form, and in the current one.
  const complete = async (): Promise<void> => {
    for (const table of ['readings', 'events_by_time']) await command(`DELETE FROM ${table} WHERE dpu_id = 'd'`);
    await new ClickHousePartitionRecords(client).completeBlock(0 as Partition, 1);
    expect(await ids()).toEqual(TABLES.map(() => all));
  };
  await complete();
  expect(await tablesToConvert(client, OPTIONS)).toEqual(TABLES);
  for (const stop of [/^EXCHANGE TABLES space_events/, /^EXCHANGE TABLES readings/, /MODIFY QUERY/]) {
    await expect(convertTables(refusing(client, stop, REFUSAL), OPTIONS, () => undefined)).rejects.toThrow(REFUSAL);
    await storeBlock();
    await complete();
  }
  await alterTables(client, OPTIONS);
  await storeBlock();
  expect(
    (await rows("SELECT as_select FROM system.tables WHERE name IN ('readings_view', 'events_by_time_view')")).join(),
  ).not.toContain('reading_id');
  expect(await tablesToConvert(client, OPTIONS)).toEqual([]);
  const tails = ['', '~+.a', '~-', '~5-3', '~5-3.a~b', 'd.old', ...all.filter((id) => id.startsWith('f'))].sort();
  for (const table of TABLES)
    expect((await rows(`SELECT DISTINCT id_tail FROM ${table} ORDER BY 1`)).flat()).toEqual(tails);
  await complete();
  await expect(store(99_000, 'd~99000~+', 1)).rejects.toThrow('No such column reading_id');
});

test('reading ids from an attached part of an earlier version fails, so that it gives no wrong ones', async () => {
  await dropTables(client);
  for (const statement of tablesFor(OPTIONS)) await command(withWholeIds(statement));
  await command(storingWhole(60_000, 'd~60000~5-3', 0));
  const pathOf = async (): Promise<string> =>
    String((await rows("SELECT data_paths[1] FROM system.tables WHERE name = 'readings'")).flat()[0]);
  const part = String((await rows("SELECT name FROM system.parts WHERE active AND table = 'readings'")).flat()[0]);
  const backup = join(clickhouse.dataDir, 'backup', part);
  await cp(join(await pathOf(), part), backup, { recursive: true });
  await dropTables(client);
  await createTables(client, OPTIONS);
  await cp(backup, join(await pathOf(), 'detached', part), { recursive: true });
  await command(`ALTER TABLE readings ATTACH PART '${part}'`);
  expect(await rows('SELECT dpu_id FROM readings')).toEqual([['d']]);
  await expect(rows('SELECT reading_id FROM readings')).rejects.toThrow('these rows are from an earlier version');
});
