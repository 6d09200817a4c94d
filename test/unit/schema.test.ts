import { expect, test } from 'vitest';
import { alterationsFor, TABLES, tablesFor, windowBlocksFor } from '../../src/clickhouse/schema.ts';

const OPTIONS = { cluster: 'density', windowBlocks: 50_000, isSynced: true, cold: { volume: 'cold', afterDays: 400 } };
const NAMES = [
  'space_events',
  'log_epochs',
  'topology_copy',
  'log_places',
  'segments_by_hour',
  'stored_hours',
  'readings',
  'events_by_time',
];
const SETTINGS =
  "replicated_deduplication_window = 50000, replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, merge_selector_base = 10, default_compression_codec = 'ZSTD', lightweight_mutation_projection_mode = 'rebuild'";

test('the deduplication window depends on the numbers of shards and blocks, within limits', () => {
  expect(windowBlocksFor(16, 3_000)).toBe(16 * 1_200 * 4);
  expect(windowBlocksFor(1, 60_000)).toBe(10_000);
  expect(windowBlocksFor(256, 1)).toBe(500_000);
});

test('a cluster has replicated tables with a deduplication window, and views on every replica', () => {
  const statements = tablesFor(OPTIONS);
  expect(statements).toHaveLength(TABLES.length);
  for (const statement of statements) {
    expect(statement).toMatch(/^CREATE (TABLE|MATERIALIZED VIEW) IF NOT EXISTS \w+ ON CLUSTER 'density'/);
    expect(statement).not.toMatch(/ENGINE = (Replacing)?MergeTree|non_replicated/);
    if (statement.includes('ENGINE')) expect(statement).toMatch(new RegExp(`\\n  SETTINGS ${SETTINGS}$`));
  }
  const path = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'";
  expect(statements[0]).toContain(`ENGINE = ReplicatedMergeTree(${path})\n`);
  expect(statements.join('\n')).toContain(`ENGINE = ReplicatedReplacingMergeTree(${path}, epoch)`);
  const created = statements.filter((statement) => statement.includes('ENGINE'));
  expect(created.map((statement) => /EXISTS (\w+)/.exec(statement)?.[1])).toEqual(NAMES);
});

test('tables that grow with the readings move to the cold volume by age', () => {
  const created = tablesFor(OPTIONS).filter((statement) => statement.includes('ENGINE'));
  const moved = created.filter((statement) =>
    statement.includes("\n  TTL toDateTime(timestamp) + toIntervalDay(400) TO VOLUME 'cold'\n  SETTINGS"),
  );
  expect(moved.map((statement) => /EXISTS (\w+)/.exec(statement)?.[1])).toEqual([
    'space_events',
    'readings',
    'events_by_time',
  ]);
  for (const statement of tablesFor({ ...OPTIONS, cold: undefined })) expect(statement).not.toContain('TTL');
});

test('existing tables get all current settings', () => {
  expect(alterationsFor(OPTIONS)).toEqual(
    NAMES.map((name) => `ALTER TABLE ${name} ON CLUSTER 'density' MODIFY SETTING ${SETTINGS}`),
  );
  expect(alterationsFor({ ...OPTIONS, cluster: undefined, isSynced: false }).at(-1)).toBe(
    "ALTER TABLE events_by_time MODIFY SETTING non_replicated_deduplication_window = 50000, fsync_after_insert = 0, fsync_part_directory = 0, min_rows_to_fsync_after_merge = 0, merge_selector_base = 10, default_compression_codec = 'ZSTD', lightweight_mutation_projection_mode = 'rebuild'",
  );
});
