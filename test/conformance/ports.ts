// P1: the ports in memory, on which the simulation runs, keep the contracts of the real engines. Both implement the
// same interfaces, and every suite of this folder runs on both.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe } from 'vitest';
import { connectClickHouse } from '../../src/clickhouse/connect.ts';
import { ClickHouseEventPages } from '../../src/clickhouse/event-pages.ts';
import { ClickHouseHistory } from '../../src/clickhouse/history.ts';
import { ClickHouseLogPlaces } from '../../src/clickhouse/log-places.ts';
import { ClickHousePartitionRecords } from '../../src/clickhouse/partition-records.ts';
import { ClickHouseRecoveryRecords } from '../../src/clickhouse/recovery-records.ts';
import { HOURS_LIMITS, StoredBlocks } from '../../src/clickhouse/stored-blocks.ts';
import { createTables } from '../../src/clickhouse/tables.ts';
import { readConfig } from '../../src/config.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import type { EventPages } from '../../src/ports/event-pages.ts';
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { startEngines } from '../../src/local/engines.ts';
import { NatsChangeChannel } from '../../src/nats/change-channel.ts';
import { NatsCheckpoints } from '../../src/nats/checkpoints.ts';
import { connectNats } from '../../src/nats/connect.ts';
import { NatsDeadLetters } from '../../src/nats/dead-letters.ts';
import { NatsLeases } from '../../src/nats/leases.ts';
import { NatsReadingsLog } from '../../src/nats/readings-log.ts';
import { NatsSpaceEventsLog } from '../../src/nats/space-events-log.ts';
import { createStreams } from '../../src/nats/streams.ts';
import { NatsTopologyLog } from '../../src/nats/topology-log.ts';
import type { ChangeChannel } from '../../src/ports/change-channel.ts';
import type { Checkpoints } from '../../src/ports/checkpoints.ts';
import type { DeadLetters } from '../../src/ports/dead-letters.ts';
import type { History, PartitionRecords } from '../../src/ports/history.ts';
import type { Leases } from '../../src/ports/leases.ts';
import type { LogPlaces } from '../../src/ports/log-places.ts';
import type { ReadingsLog } from '../../src/ports/readings-log.ts';
import type { SpaceEventsLog } from '../../src/ports/space-events-log.ts';
import type { TopologyLog } from '../../src/ports/topology-log.ts';
import type { RecoveryRecords } from '../../src/ports/recovery.ts';
import { compare } from '../simulation/engines/compare.ts';
import { memoryEventPages } from '../simulation/engines/memory-event-pages.ts';
import { MemoryHistory, MemoryTables } from '../simulation/engines/memory-history.ts';
import { LeaseTable, MemoryLeases } from '../simulation/engines/memory-leases.ts';
import { MemoryLogPlaces } from '../simulation/engines/memory-log-places.ts';
import {
  MemoryCheckpoints,
  MemoryReadingsLog,
  MemorySpaceEventsLog,
  MemoryStreams,
  MemoryTopologyLog,
} from '../simulation/engines/memory-streams.ts';
import { MemoryDeadLetters } from '../simulation/engines/memory-dead-letters.ts';
import { MemoryRecovery } from '../simulation/engines/memory-recovery.ts';
import { Random } from '../simulation/random.ts';
import { Scheduler } from '../simulation/scheduler.ts';
import { MemoryChangeChannel } from '../support/memory-change-channel.ts';
import { QUICK } from '../support/local-service.ts';

export const PARTITIONS = 3;
const LEASE_TTL_MS = 6_000;

export interface Ports {
  readonly readings: ReadingsLog;
  readonly events: SpaceEventsLog;
  readonly topology: TopologyLog;
  readonly deadLetters: DeadLetters;
  readonly checkpoints: Checkpoints;
  readonly history: History;
  /** The same, which sums up stored hours where they are, however few. */
  readonly summingHistory: History;
  readonly logPlaces: LogPlaces;
  readonly eventPages: EventPages;
  readonly changes: ChangeChannel;
  readonly records: PartitionRecords;
  readonly leases: Leases;
  readonly recovery: RecoveryRecords;
  /** Removes a block of one space from the views, as a crash in the middle of storing it would leave them. */
  loseFromViews(spaceId: SpaceId, partition: Partition, block: number): Promise<void>;
  /** The rows of a space in the table in time order: timestamp, reading id, sign. */
  eventsByTime(spaceId: SpaceId): Promise<[timestampMs: number, readingId: string, sign: number][]>;
  close(): Promise<void>;
}

/** The ports in memory, with the streams behind them, which a test may damage. */
export interface MemoryPorts extends Ports {
  readonly streams: MemoryStreams;
  /** The epoch in which `events` reads and writes. */
  readonly epoch: LogEpoch;
}

/** Runs a suite once on each implementation. `ports` is to be called within the tests. */
export function describePorts(what: string, suite: (ports: () => Ports) => void): void {
  describe.each([
    ['in memory', async (): Promise<Ports> => memoryPorts()],
    ['on nats-server and ClickHouse', enginePorts],
  ] as const)(`P1 ${what} %s`, (_, create) => {
    let ports: Ports;
    beforeAll(async () => {
      ports = await create();
    });
    afterAll(async () => ports?.close());
    suite(() => ports);
  });
}

/** @param now the clock of the streams */
export async function memoryPorts(now: () => number = Date.now): Promise<MemoryPorts> {
  const random = new Random(1);
  const scheduler = new Scheduler(random);
  const access = { owner: { name: 'suite', isDead: false, suspendedUntil: 0 }, scheduler, random };
  const [streams, tables] = [new MemoryStreams(PARTITIONS, now), new MemoryTables()];
  const [history, epoch] = [new MemoryHistory(access, tables), new LogEpoch()];
  let isClosed = false;
  const turning = (async () => {
    while (!isClosed) if (!(await scheduler.step())) await setImmediate();
  })();
  return {
    streams,
    epoch,
    readings: new MemoryReadingsLog(access, streams),
    events: new MemorySpaceEventsLog(access, streams, epoch),
    topology: new MemoryTopologyLog(access, streams),
    deadLetters: new MemoryDeadLetters(access, streams),
    checkpoints: new MemoryCheckpoints(access, streams),
    history,
    summingHistory: history,
    records: history,
    logPlaces: new MemoryLogPlaces(access, tables),
    eventPages: memoryEventPages(access, tables),
    changes: new MemoryChangeChannel(),
    recovery: new MemoryRecovery(access, tables),
    leases: new MemoryLeases(access, new LeaseTable(LEASE_TTL_MS, () => performance.now()), true),
    loseFromViews: async (spaceId, partition, block) => tables.loseFromViews(spaceId, partition, block),
    eventsByTime: async (spaceId) =>
      tables.eventsByTime
        .filter((row) => row.spaceId === spaceId)
        .sort((a, b) => compare([a.timestampMs, a.readingId, a.sign], [b.timestampMs, b.readingId, b.sign]))
        .map(({ timestampMs, readingId, sign }) => [timestampMs, readingId, sign]),
    close: async () => {
      isClosed = true;
      await turning;
    },
  };
}

async function enginePorts(): Promise<Ports> {
  const dataDir = await mkdtemp(join(tmpdir(), 'density-conformance-'));
  const engines = await startEngines(
    readConfig({ ...QUICK, NATS_SERVER_BIN: process.env['NATS_SERVER_BIN'], DENSITY_DATA_DIR: dataDir }),
    () => undefined,
    () => undefined,
  );
  const handles = await connectNats(engines.natsUrl, 'conformance');
  const { nc, js, jsm } = handles;
  await createStreams(jsm, PARTITIONS, 1);
  const client = await connectClickHouse(engines.clickhouseUrl);
  await createTables(client);
  const history = new ClickHouseHistory(client, 'conformance');
  return {
    readings: new NatsReadingsLog(nc, js, jsm, PARTITIONS),
    events: new NatsSpaceEventsLog(js, jsm),
    topology: new NatsTopologyLog(js),
    deadLetters: new NatsDeadLetters(js, jsm),
    checkpoints: new NatsCheckpoints(js, jsm),
    history,
    summingHistory: new ClickHouseHistory(client, 'conformance', new StoredBlocks(client, { readMax: 0, rowsMin: 2 })),
    records: new ClickHousePartitionRecords(client),
    logPlaces: new ClickHouseLogPlaces(client),
    eventPages: new ClickHouseEventPages(client, new StoredBlocks(client, { ...HOURS_LIMITS, rowsMin: 2 })),
    changes: new NatsChangeChannel(nc),
    recovery: new ClickHouseRecoveryRecords(client),
    leases: await NatsLeases.open(handles, LEASE_TTL_MS, 1),
    loseFromViews: async (spaceId) => {
      for (const table of ['readings', 'events_by_time'])
        await client.command({
          query: `DELETE FROM ${table} WHERE space_id = {id:UInt32}`,
          query_params: { id: spaceId },
        });
    },
    eventsByTime: async (spaceId) => {
      const result = await client.query({
        query:
          'SELECT toFloat64(toUnixTimestamp64Milli(timestamp)), reading_id, sign FROM events_by_time WHERE space_id = {id:UInt32} ORDER BY timestamp, reading_id, sign',
        query_params: { id: spaceId },
        format: 'JSONCompactEachRow',
      });
      return result.json<[number, string, number]>();
    },
    close: async () => {
      await client.close();
      await nc.close();
      await engines.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
