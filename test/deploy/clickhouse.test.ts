// The settings of deploy/clickhouse, checked with the real engine; otherwise an unknown name would only be found when a
// server refuses to start.
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { ClickHouseAlone } from '../support/clickhouse-alone.ts';
import { projectYaml } from '../support/project.ts';

interface Users {
  readonly profiles: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
  readonly quotas: Readonly<Record<string, { readonly interval: Readonly<Record<string, number>> }>>;
  readonly users: Readonly<
    Record<
      string,
      {
        readonly profile: string;
        readonly quota: string;
        readonly password_sha256_hex: { '@from_env': string };
        readonly grants: { readonly query: readonly string[] };
      }
    >
  >;
}

const config = projectYaml('deploy/clickhouse/config.d/density.yaml') as {
  readonly merge_tree: Readonly<Record<string, number>>;
};
const users = projectYaml('deploy/clickhouse/users.d/density.yaml') as Users;
let clickhouse: ClickHouseAlone;
let client: ClickHouseClient;

beforeAll(async () => {
  clickhouse = await ClickHouseAlone.start();
  ({ client } = clickhouse);
});

afterAll(async () => {
  await clickhouse.dispose();
});

async function column(query: string): Promise<string[]> {
  const result = await client.query({ query, format: 'JSONCompactEachRow' });
  return (await result.json<[string]>()).map(([value]) => value);
}

test('every table setting exists, and a table accepts it', async () => {
  const known = await column('SELECT name FROM system.merge_tree_settings');
  expect(known).toEqual(expect.arrayContaining(Object.keys(config.merge_tree)));
  const settings = Object.entries(config.merge_tree)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
  await client.command({ query: `CREATE TABLE durable (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS ${settings}` });
  await client.command({ query: 'INSERT INTO durable VALUES (1)' });
  expect(await column('SELECT toString(sum(a)) FROM durable')).toEqual(['1']);
});

test('every profile setting exists and is accepted', async () => {
  const known = await column('SELECT name FROM system.settings');
  for (const [profile, settings] of Object.entries(users.profiles)) {
    expect(known, profile).toEqual(expect.arrayContaining(Object.keys(settings)));
    const assignments = Object.entries(settings).map(
      ([name, value]) => `${name} = ${typeof value === 'string' ? `'${value}'` : value}`,
    );
    expect(await column(`SELECT '1' SETTINGS ${assignments.join(', ')}`), profile).toEqual(['1']);
  }
});

test('an acknowledged block is on disk and on a majority before the log is truncated', () => {
  expect(config.merge_tree).toMatchObject({ fsync_after_insert: 1, fsync_part_directory: 1 });
  expect(users.profiles['density_service']).toMatchObject({ insert_quorum: 'auto', async_insert: 0 });
  expect(users.users['density']?.profile).toBe('density_service');
});

test('the storage policy keeps the tables\' disk, and old rows move to a volume other than the first', () => {
  const tiers = projectYaml('deploy/clickhouse/config.d/tiers.yaml') as {
    readonly storage_configuration: {
      readonly disks: object;
      readonly policies: Readonly<
        Record<string, { readonly volumes: Readonly<Record<string, { readonly disk: string }>> }>
      >;
    };
    readonly merge_tree: { readonly storage_policy: string };
  };
  const volumes = Object.entries(tiers.storage_configuration.policies[tiers.merge_tree.storage_policy]?.volumes ?? {});
  expect(volumes.map(([name]) => name)).toEqual(['default', 'cold']);
  for (const [, { disk }] of volumes)
    expect([...Object.keys(tiers.storage_configuration.disks), 'default']).toContain(disk);
  expect(readConfig({ CLICKHOUSE_COLD_VOLUME: volumes[1]?.[0] })).toMatchObject({
    CLICKHOUSE_COLD_VOLUME: 'cold',
    HISTORY_HOT_DAYS: 365,
  });
});

test('grants allow reads, and the service may not drop, truncate or alter tables', async () => {
  for (const [name, user] of Object.entries(users.users)) {
    for (const grant of user.grants.query)
      expect((await column(`EXPLAIN AST ${grant} TO ${name}`)).length, grant).toBeGreaterThan(0);
    if (user.profile !== 'default') expect(users.profiles, name).toHaveProperty(user.profile);
    if (user.quota !== 'default') expect(users.quotas, name).toHaveProperty(user.quota);
    expect(user.password_sha256_hex['@from_env'], name).toMatch(/^DENSITY_\w*SHA256$/);
  }
  const grants = users.users['density']?.grants.query.filter(
    (grant) => grant !== 'GRANT ALTER CONSTRAINT ON density.space_events',
  );
  // A repair of the logs begins an epoch by adding a constraint.
  expect(grants).toHaveLength((users.users['density']?.grants.query.length ?? 0) - 1);
  for (const word of ['ALL', 'DROP', 'TRUNCATE', 'ALTER', 'DELETE'])
    expect(grants?.join(' ')).not.toMatch(new RegExp(`\\b${word}\\b`));
});
