// Readings that are already in the READINGS log, until all are applied by the actors and stored in
// ClickHouse, in one process; against a bare pull consumer that only parses the same log.
import { cpus, tmpdir } from 'node:os';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@clickhouse/client';
import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import { createInbox } from 'nats';
import { pino } from 'pino';
import { readConfig } from '../src/config.ts';
import type { DpuId, SpaceId } from '../src/domain/ids.ts';
import { formatInstant } from '../src/domain/instant.ts';
import { DEFAULT_SETTINGS, type Doorway, type Space } from '../src/domain/topology.ts';
import { startEngines } from '../src/local/engines.ts';
import { connectNats, type NatsHandles } from '../src/nats/connect.ts';
import { READINGS, readingSubject } from '../src/nats/streams.ts';
import { Service, type ServiceOptions } from '../src/service.ts';

const [READINGS_COUNT, DPUS, SPACES] = [Number(process.env['BENCH_READINGS'] ?? 1_000_000), 2_000, 1_000];
/** Of one DPU: event times go on about as fast as publishing does. */
const READING_EVERY_MS = 20;
const DISORDER_MS = 2_000;
const IN_FLIGHT_MAX = 5_000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function raiseBuilding(service: Service): Promise<void> {
  const spaces: SpaceId[] = [];
  for (let n = 0; n < SPACES; n++) {
    const { doc } = await service.topology.execute({ kind: 'createSpace', fields: { name: `space ${n}`, timeZone: 'UTC', dailyReset: null, capacity: null } });
    spaces.push((doc as Space).id);
  }
  for (let n = 0; n < DPUS; n++) {
    // Every second doorway joins two spaces, the others lead outside.
    const sides = { ingressSpaceId: spaces[n % SPACES] ?? null, egressSpaceId: n % 2 === 0 ? null : spaces[(n + 1) % SPACES] ?? null };
    const { doc } = await service.topology.execute({ kind: 'createDoorway', fields: { name: `doorway ${n}`, ...sides } });
    await service.topology.execute({ kind: 'createDpu', id: `dpu-${n}` as DpuId, doorwayId: (doc as Doorway).id });
  }
}

/**
 * Event times near arrival times, each DPU's a little out of order. With acknowledgements, counted on one
 * inbox: what is published without is dropped when the server's queue is full.
 */
async function publish({ nc }: NatsHandles): Promise<void> {
  const startMs = Date.now() - DISORDER_MS;
  const inbox = createInbox();
  let [sent, acknowledged] = [0, 0];
  const acks = nc.subscribe(inbox, { callback: (error) => { if (!error) acknowledged += 1; } });
  const send = (subject: string, data: string): void => {
    nc.publish(subject, data, { reply: inbox });
    sent += 1;
  };
  const settled = async (inFlightMax: number): Promise<void> => {
    while (sent - acknowledged > inFlightMax) await sleep(1);
  };
  for (let n = 0; n < READINGS_COUNT; n++) {
    const [dpu, nth] = [(n * 7919) % DPUS, Math.floor(n / DPUS)];
    // Another bijection of 0..7 for each DPU: its readings swap places within runs of eight.
    const atMs = startMs + (nth ^ (dpu % 8)) * READING_EVERY_MS;
    send(readingSubject(`dpu-${dpu}`), JSON.stringify({ timestamp: formatInstant(atMs), direction: n % 3 === 0 ? -1 : 1 }));
    if (n % 500 === 0) await settled(IN_FLIGHT_MAX);
  }
  // Alive until after the last reading, so that all of it becomes final.
  const heartbeat = JSON.stringify({ timestamp: formatInstant(Date.now() + 60_000) });
  for (let n = 0; n < DPUS; n++) send(`dpu.dpu-${n}.heartbeat`, heartbeat);
  await settled(0);
  acks.unsubscribe();
}

async function bareConsumer({ js, jsm }: NatsHandles): Promise<number> {
  const { state } = await jsm.streams.info(READINGS);
  const { name } = await jsm.consumers.add(READINGS, { ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.All, mem_storage: true });
  const consumer = await js.consumers.get(READINGS, name);
  const startedAt = performance.now();
  const messages = await consumer.consume({ max_messages: 10_000 });
  let parsed = 0;
  for await (const message of messages) {
    if (message.data.length > 0 && message.json<{ timestamp?: string }>().timestamp) parsed += 1;
    if (message.seq >= state.last_seq) break;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  await jsm.consumers.delete(READINGS, name);
  return parsed / seconds;
}

async function ingest(options: ServiceOptions): Promise<number> {
  const clickhouse = createClient({ url: options.clickhouseUrl });
  const startedAt = performance.now();
  const service = await Service.start(options, pino({ level: 'warn' }, pino.destination(2)));
  for (;;) {
    const { applied } = await service.accounts.read();
    if (applied > READINGS_COUNT) throw new Error(`${applied} applied of ${READINGS_COUNT}`);
    const [row] = await (await clickhouse.query({ query: 'SELECT sum(sign) FROM readings', format: 'JSONCompactEachRow' })).json<[string]>();
    if (applied === READINGS_COUNT && Number(row?.[0]) === READINGS_COUNT) break;
    await sleep(250);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  await service.stop();
  await clickhouse.close();
  return READINGS_COUNT / seconds;
}

const dataDir = await mkdtemp(join(tmpdir(), 'density-bench-'));
const config = readConfig({ NATS_PORT: '0', MQTT_PORT: '0', CLICKHOUSE_PORT: '0', DENSITY_DATA_DIR: dataDir });
const engines = await startEngines(config, say, (error) => { throw error; });
const options: ServiceOptions = {
  natsUrl: engines.natsUrl, clickhouseUrl: engines.clickhouseUrl, partitions: 16, replicas: 1,
  settings: DEFAULT_SETTINGS, skewMs: config.SKEW_MAX_MS, tickIntervalMs: 1_000, readingsKeptMs: 86_400_000, subscribersMax: 0, heartbeatMs: 15_000,
  nodeName: 'bench', takesShards: true, standsBy: false, leaseTtlMs: config.LEASE_TTL_MS,
};
try {
  const service = await Service.start(options, pino({ level: 'warn' }, pino.destination(2)));
  await raiseBuilding(service);
  await service.stop();
  const nats = await connectNats(options.natsUrl, 'bench');
  await publish(nats);
  say(`${READINGS_COUNT} readings of ${DPUS} DPUs in ${SPACES} spaces are in the log`);
  const bare = await bareConsumer(nats);
  say(`bare consumer:  ${Math.round(bare)} readings/s`);
  const full = await ingest(options);
  say(`whole service:  ${Math.round(full)} readings/s`);
  say(`ratio:          ${(full / bare).toFixed(3)}   (${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, node ${process.version})`);
  await nats.nc.close();
} finally {
  await engines.stop();
  await rm(dataDir, { recursive: true, force: true });
}
