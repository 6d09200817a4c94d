// A log written by version 1 of the service is refused by name, and `density migrate` takes it over: counts, duplicates
// and moves are those of the set of readings, whatever part of it ClickHouse held. On real engines.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import { connectClickHouse } from '../../src/clickhouse/connect.ts';
import { tablesToConvert } from '../../src/clickhouse/convert-tables.ts';
import { ClickHouseHistory } from '../../src/clickhouse/history.ts';
import { queryRows } from '../../src/clickhouse/query-rows.ts';
import { tablesFor } from '../../src/clickhouse/schema.ts';
import { createTables } from '../../src/clickhouse/tables.ts';
import { migrateCommand } from '../../src/cli/migrate-command.ts';
import { serve } from '../../src/cli/serve.ts';
import { tableOptionsOf } from '../../src/cli/table-options.ts';
import { readConfig, type Config } from '../../src/config.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { fromPersonTuple, loggedEvent, type PersonTuple } from '../../src/domain/log-entry.ts';
import { partitionOfDpu, partitionOfSpace } from '../../src/domain/partition.ts';
import { DEFAULT_SETTINGS, type TopologyFact } from '../../src/domain/topology.ts';
import { startEngines, type Engines } from '../../src/local/engines.ts';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { createStreams, readingSubject, SPACE_EVENTS } from '../../src/nats/streams.ts';
import { NatsTopologyLog } from '../../src/nats/topology-log.ts';
import { Version1Log } from '../../src/nats/version-1-log.ts';
import { withWholeIds } from '../support/earlier-tables.ts';
import { eventually } from '../support/eventually.ts';
import { QUICK, request, type Answer } from '../support/local-service.ts';

const PARTITIONS = 2;
const DPU = 'd' as DpuId;
const [ROUTER, SHARD] = [partitionOfDpu(DPU, PARTITIONS), partitionOfSpace(1 as SpaceId, PARTITIONS)];
const START_MS = Date.UTC(2026, 0, 1, 9);
/** Two entrances and an exit by a DPU that names its readings, then an entrance without a name. */
const READINGS = [
  [0, 1, 'n0'],
  [1_000, 1, 'n1'],
  [2_000, -1, 'n2'],
  [3_000, 1, undefined],
] as const;
const items = READINGS.map(([ms, direction, id]) => ({
  dpu_id: DPU,
  timestamp: new Date(START_MS + ms).toISOString(),
  direction,
  ...(id === undefined ? {} : { id }),
}));
const tuples = READINGS.map(([ms, direction, id]): PersonTuple =>
  id === undefined
    ? [1, DPU, 1, START_MS + ms, direction, direction, 1, 1]
    : [1, DPU, 1, START_MS + ms, direction, direction, 1, 1, id],
);

let folder: string;
let engines: Engines;
let nats: NatsHandles;
let config: Config;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-migrate-'));
  const environment = {
    ...QUICK,
    NATS_SERVER_BIN: process.env['NATS_SERVER_BIN'],
    DENSITY_DATA_DIR: folder,
    PARTITIONS: String(PARTITIONS),
  };
  engines = await startEngines(
    readConfig(environment),
    () => undefined,
    () => undefined,
  );
  config = readConfig({ ...environment, NATS_URL: engines.natsUrl, CLICKHOUSE_URL: engines.clickhouseUrl });
  nats = await connectNats(engines.natsUrl, 'test');
});
afterAll(async () => {
  await nats?.nc.close();
  await engines?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The data of version 1: the first two readings are stored, the others are only in its log. */
async function leaveVersion1(): Promise<void> {
  const { js, jsm } = nats;
  await createStreams(jsm, PARTITIONS, 1);
  await jsm.streams.delete(SPACE_EVENTS);
  const { created } = await jsm.streams.add({
    name: SPACE_EVENTS,
    subjects: ['spaces.*', 'routers.*'],
    allow_atomic: true,
    allow_direct: true,
  });
  const dates = { createdMs: 0, updatedMs: 0, deleted: false };
  const facts: TopologyFact[] = [
    { kind: 'settings', doc: DEFAULT_SETTINGS },
    ...[1, 2].map((id): TopologyFact => ({
      kind: 'space',
      doc: { id: id as SpaceId, name: `s${id}`, timeZone: 'UTC', dailyReset: null, capacity: null, ...dates },
    })),
    ...[1, 2].map((id): TopologyFact => ({
      kind: 'doorway',
      doc: { id: id as DoorwayId, name: `w${id}`, ingressSpaceId: id as SpaceId, egressSpaceId: null, ...dates },
    })),
    { kind: 'dpu', doc: { id: DPU, placements: [{ doorwayId: 1 as DoorwayId, fromMs: BEGINNING_MS }], ...dates } },
  ];
  for (const [seq, fact] of facts.entries()) expect(await new NatsTopologyLog(js).append(fact, seq)).toBe(seq + 1);
  const clickhouse = await connectClickHouse(engines.clickhouseUrl);
  await createTables(clickhouse);
  const named = tuples.slice(0, 2).map((tuple) => {
    const event = fromPersonTuple(tuple, 1);
    return loggedEvent({ ...event, hasPreviousId: true }, 1);
  });
  await new ClickHouseHistory(clickhouse, created).storeBlock(blockOf(0, SHARD, 1, named));
  await clickhouse.close();

  const put = async (subject: string, entry: object): Promise<number> =>
    (await js.publish(subject, JSON.stringify({ v: 1, ...entry }))).seq;
  let previousSeq = 0;
  for (const [at, tuple] of tuples.entries()) {
    const { seq: readingsSeq } = await js.publish(readingSubject(DPU), JSON.stringify(items[at]));
    await put(`spaces.${SHARD}`, { e: [tuple] });
    previousSeq = await put(`routers.${ROUTER}`, {
      kind: 'position',
      router: ROUTER,
      commitId: `c${at}`,
      previousSeq,
      payloads: { [SHARD]: 1 },
      readingsSeq,
      previousReadingsSeq: readingsSeq - 1,
      topologySeq: facts.length,
      reattribution: null,
      clockMs: START_MS + at,
      counters: { received: at + 1, fresh: at + 1, held: 0, duplicate: 0, dead: 0 },
    });
  }
}

type Send = (method: string, path: string, body?: unknown) => Promise<Answer>;

/** Runs the service, and queries it. */
async function whileRunning<T>(act: (send: Send) => Promise<T>): Promise<T> {
  const running = await serve(config, { printLine: () => undefined, onFailure: () => undefined, logLevel: 'silent' });
  try {
    return await act((method, path, body) => request(`${running.url}/api/v1${path}`, method, body));
  } finally {
    await running.stop();
  }
}

it('a log of version 1 is refused, and then migrated; readings that only it had are counted once, under their ids', async () => {
  await leaveVersion1();
  await expect(
    serve(config, { printLine: () => undefined, onFailure: () => undefined, logLevel: 'silent' }),
  ).rejects.toThrow(
    /SPACE_EVENTS was written by version 1 of the service: stop every process and run: density migrate/,
  );

  // The migration is interrupted just before its end, and run again; the third run has nothing to do.
  const log = new Version1Log(nats.js, nats.jsm, PARTITIONS);
  const finish = Version1Log.prototype.finish;
  Version1Log.prototype.finish = async () => Promise.reject(new Error('killed'));
  await expect(
    migrateCommand(
      config,
      {},
      () => undefined,
      () => undefined,
    ),
  ).rejects.toThrow('killed');
  Version1Log.prototype.finish = finish;
  expect(await log.isConverted()).toBe(true);
  for (let times = 0; times < 2; times++)
    expect(
      await migrateCommand(
        config,
        {},
        () => undefined,
        () => undefined,
      ),
    ).toBe(0);
  expect(await Version1Log.isThere(nats.jsm)).toBe(false);

  await whileRunning(async (send) => {
    const counts = async (): Promise<unknown[]> =>
      Promise.all([1, 2].map(async (id) => (await send('GET', `/counts/${id}/current`)).body));
    expect(await counts()).toMatchObject([{ count: 2, net: 2, drift: 0 }, { count: 0 }]);
    await send('POST', '/readings/batch', items);
    await eventually(async () =>
      expect((await send('GET', '/account')).body).toMatchObject({
        accepted: 8,
        applied: 4,
        duplicate: 4,
        remainder: 0,
      }),
    );
    await send('PATCH', `/dpus/${DPU}`, { doorway_id: 2, effective_at: new Date(START_MS).toISOString() });
    await eventually(async () =>
      expect(await counts()).toMatchObject([
        { count: 0, net: 0, drift: 0 },
        { count: 2, net: 2, drift: 0 },
      ]),
    );
    await eventually(async () => {
      const readings = (await send('GET', '/readings?sort=timestamp')).body as { id: string; doorway_id: number }[];
      expect(readings.map(({ id, doorway_id: doorway }) => [id, doorway])).toEqual([
        ['d.n0', 2],
        ['d.n1', 2],
        ['d.n2', 2],
        [`d~${START_MS + 3_000}~+`, 2],
      ]);
    });
  });
});

it('tables of earlier versions are converted while no process runs; counts, duplicates and the account continue', async () => {
  const clickhouse = await connectClickHouse(engines.clickhouseUrl);
  try {
    // The tables as an earlier version created them, with everything stored so far.
    for (const definition of tablesFor(tableOptionsOf(config)).map(withWholeIds)) {
      const [, name] = /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(definition) ?? [];
      if (name === undefined || !definition.includes('PARTITION BY')) continue;
      await clickhouse.command({
        query: definition
          .replace(`EXISTS ${name} (`, `EXISTS ${name}_old (`)
          .replace(/PARTITION BY if\((\w+) < .*\)\n/, 'PARTITION BY toYYYYMM($1)\n'),
      });
      const columns = (
        await queryRows<[string]>(
          clickhouse,
          "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {name:String} AND default_kind != 'EPHEMERAL'",
          { name: `${name}_old` },
        )
      ).join();
      await clickhouse.command({ query: `INSERT INTO ${name}_old (${columns}) SELECT ${columns} FROM ${name}` });
      await clickhouse.command({ query: `EXCHANGE TABLES ${name} AND ${name}_old` });
      await clickhouse.command({ query: `DROP TABLE ${name}_old SYNC` });
    }
    const migrate = async (): Promise<string> => {
      const output: string[] = [];
      expect(
        await migrateCommand(
          config,
          {},
          (line) => output.push(line),
          () => undefined,
        ),
      ).toBe(0);
      return output.join('\n');
    };
    const counted = async (send: Send): Promise<void> =>
      eventually(async () => {
        expect((await send('GET', '/counts/2/current')).body).toMatchObject({ count: 2, net: 2, drift: 0 });
        const { stored, ...account } = (await send('GET', '/account')).body as { stored: { findings: string[] } };
        expect(account).toMatchObject({ applied: 4, remainder: 0 });
        expect(stored.findings).toEqual([]);
      });
    await whileRunning(async (send) => {
      await counted(send);
      expect(await migrate()).toContain('keep the form of an earlier version: the service is running');
    });
    expect(await migrate()).toMatch(/table space_events: \d+ rows converted/);
    expect(await tablesToConvert(clickhouse, tableOptionsOf(config))).toEqual([]);
    expect(await migrate()).not.toMatch(/converted|earlier/);
    await whileRunning(async (send) => {
      await counted(send);
      await send('POST', '/readings/batch', items);
      await eventually(async () =>
        expect((await send('GET', '/account')).body).toMatchObject({ accepted: 12, duplicate: 8 }),
      );
      await counted(send);
    });
  } finally {
    await clickhouse.close();
  }
});
