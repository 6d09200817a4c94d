// The throughput of readings that are already in the READINGS log, until all are applied by the actors and stored in
// ClickHouse, in one process; compared with a bare pull consumer that only parses the same log. Service and bare
// consumer run in this process, so their CPU time is that of this process.
import { createClient } from '@clickhouse/client';
import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import { pino } from 'pino';
import { readConfig } from '../src/config.ts';
import type { DpuId, SpaceId } from '../src/domain/ids.ts';
import { formatInstant } from '../src/domain/instant.ts';
import { DEFAULT_SETTINGS, type Doorway, type Space } from '../src/domain/topology.ts';
import { connectNats, type NatsHandles } from '../src/nats/connect.ts';
import { READINGS, readingSubject } from '../src/nats/streams.ts';
import { Service } from '../src/service.ts';
import type { ServiceOptions } from '../src/service/options.ts';
import { CountedPublisher } from './support/counted-publisher.ts';
import { CpuMeter, perReading, type CpuUse } from './support/cpu.ts';
import { commitAndReadBack, countCommits, insertAgain, type Commits } from './support/ingest-floor.ts';
import { machine, numberFrom, printLine } from './support/output.ts';
import { withEngines, type Engines } from './support/processes.ts';
import { readingsStored, untilCount } from './support/stored.ts';

const [READINGS_COUNT, DPUS, SPACES] = [numberFrom('BENCH_READINGS', 1_000_000), 2_000, 1_000];
/** Of one DPU; event time advances about as fast as publishing does. */
const READING_EVERY_MS = 20;
const DISORDER_MS = 2_000;
const IN_FLIGHT_MAX = 5_000;
const WITHIN_MS = numberFrom('BENCH_WITHIN_SECONDS', 900) * 1000;

const PEOPLE = 10;

/** What the nth reading of a DPU by event time says beside its timestamp, and how many people it stands for. */
const FORMS: Readonly<
  Record<string, { readonly people: number; readonly fields: (nth: number, atMs: number) => object }>
> = {
  single: { people: 1, fields: (nth) => ({ direction: nth % 3 === 0 ? -1 : 1 }) },
  interval: {
    people: PEOPLE,
    fields: (nth, atMs) => ({
      start: formatInstant(atMs - READING_EVERY_MS),
      entrances: nth % PEOPLE,
      exits: PEOPLE - (nth % PEOPLE),
    }),
  },
  standing: { people: PEOPLE, fields: (nth) => ({ total_entrances: nth * 6, total_exits: nth * 4 }) },
};

async function raiseBuilding(service: Service): Promise<void> {
  const spaces: SpaceId[] = [];
  for (let n = 0; n < SPACES; n++) {
    const { doc } = await service.topology.execute(
      {
        kind: 'createSpace',
        fields: { name: `space ${n}`, timeZone: 'UTC', dailyReset: null, capacity: null },
      },
      'loopback',
    );
    spaces.push((doc as Space).id);
  }
  for (let n = 0; n < DPUS; n++) {
    // Every second doorway connects two spaces, the others lead outside.
    const sides = {
      ingressSpaceId: spaces[n % SPACES] ?? null,
      egressSpaceId: n % 2 === 0 ? null : (spaces[(n + 1) % SPACES] ?? null),
    };
    const { doc } = await service.topology.execute(
      {
        kind: 'createDoorway',
        fields: { name: `doorway ${n}`, ...sides },
      },
      'loopback',
    );
    await service.topology.execute(
      { kind: 'createDpu', id: `dpu-${n}` as DpuId, doorwayId: (doc as Doorway).id },
      'loopback',
    );
  }
}

/** Event times close to arrival times, slightly out of order per DPU. */
async function publish({ nc }: NatsHandles, fields: (nth: number, atMs: number) => object): Promise<void> {
  const startMs = Date.now() - DISORDER_MS;
  const publisher = new CountedPublisher(nc);
  for (let n = 0; n < READINGS_COUNT; n++) {
    const [dpu, nth] = [(n * 7919) % DPUS, Math.floor(n / DPUS)];
    // A different permutation of 0..7 for each DPU: its readings are reordered within groups of eight.
    const inOrder = nth ^ (dpu % 8);
    const atMs = startMs + inOrder * READING_EVERY_MS;
    publisher.publish(
      readingSubject(`dpu-${dpu}`),
      JSON.stringify({ timestamp: formatInstant(atMs), ...fields(inOrder, atMs) }),
    );
    if (n % 500 === 0) await publisher.settled(IN_FLIGHT_MAX);
  }
  // Heartbeats until after the last reading, so that everything becomes final.
  const heartbeat = JSON.stringify({ timestamp: formatInstant(Date.now() + 60_000) });
  for (let n = 0; n < DPUS; n++) publisher.publish(`dpu.dpu-${n}.heartbeat`, heartbeat);
  await publisher.finish();
}

async function bareConsumer({ js, jsm }: NatsHandles, { pids }: Engines): Promise<CpuUse> {
  const { state } = await jsm.streams.info(READINGS);
  const { name } = await jsm.consumers.add(READINGS, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.All,
    mem_storage: true,
  });
  const consumer = await js.consumers.get(READINGS, name);
  const meter = new CpuMeter({ process: process.pid, ...pids });
  const messages = await consumer.consume({ max_messages: 10_000 });
  let parsed = 0;
  for await (const message of messages) {
    if (message.data.length > 0 && message.json<{ timestamp?: string }>().timestamp) parsed += 1;
    if (message.seq >= state.last_seq) break;
  }
  const use = meter.read();
  await jsm.consumers.delete(READINGS, name);
  printLine(`bare consumer:  ${Math.round(parsed / use.seconds)} readings/s; ${perReading(use, parsed)}`);
  return use;
}

/** @returns readings a second */
async function ingest(options: ServiceOptions, { pids }: Engines): Promise<number> {
  const clickhouse = createClient({ url: options.clickhouseUrl });
  const meter = new CpuMeter({ service: process.pid, ...pids });
  const service = await Service.start(options, pino({ level: 'warn' }, pino.destination(2)));
  await untilCount(async () => (await service.accounts.read()).applied, READINGS_COUNT, 'applied', WITHIN_MS);
  await untilCount(() => readingsStored(clickhouse), READINGS_COUNT, 'stored', WITHIN_MS);
  const use = meter.read();
  await service.stop();
  await clickhouse.close();
  printLine(
    `whole service:  ${Math.round(READINGS_COUNT / use.seconds)} readings/s; ${perReading(use, READINGS_COUNT)}`,
  );
  return READINGS_COUNT / use.seconds;
}

async function measure(form: string, engines: Engines): Promise<void> {
  const { people, fields } = FORMS[form] ?? {};
  if (!people || !fields) throw new Error(`BENCH_FORMS: ${form} is none of ${Object.keys(FORMS).join(', ')}`);
  const options = optionsFor(engines);
  const service = await Service.start(options, pino({ level: 'warn' }, pino.destination(2)));
  await raiseBuilding(service);
  await service.stop();
  const nats = await connectNats(options.natsUrl, 'bench');
  await publish(nats, fields);
  printLine(
    `${form}: ${READINGS_COUNT} readings of ${DPUS} DPUs in ${SPACES} spaces are in the log, ${people} people each`,
  );
  const bare = await bareConsumer(nats, engines);
  const commits = countCommits(nats);
  const full = await ingest(options, engines);
  const ratio = (full * bare.seconds) / READINGS_COUNT;
  printLine(`ratio:          ${ratio.toFixed(3)}; ${Math.round(full * people)} people/s   (${machine()})`);
  await floor(nats, { ...commits }, bare, engines);
  await nats.nc.close();
}

/** What of the service's CPU time any program on these engines would need, too. @param bare reading and parsing */
async function floor(
  nats: NatsHandles,
  commits: Commits,
  bare: CpuUse,
  { pids, clickhouseUrl }: Engines,
): Promise<void> {
  const clickhouse = createClient({ url: clickhouseUrl });
  const uses = { process: process.pid, ...pids };
  const parts: [string, CpuUse][] = [
    ['reading', bare],
    [
      `${commits.count} commits of ${Math.round(commits.bytes / commits.count)} bytes`,
      await commitAndReadBack(nats, commits, uses),
    ],
    ['inserting', await insertAgain(clickhouse, uses)],
  ];
  await clickhouse.close();
  const cpuSeconds = new Map<string, number>();
  for (const [what, use] of parts) {
    printLine(`least, ${what}: ${perReading(use, READINGS_COUNT)}`);
    for (const [name, cpu] of use.cpuSeconds) cpuSeconds.set(name, (cpuSeconds.get(name) ?? 0) + cpu);
  }
  printLine(`least together: ${perReading({ seconds: NaN, cpuSeconds }, READINGS_COUNT)}`);
}

function optionsFor(engines: Engines): ServiceOptions {
  const config = readConfig({});
  return {
    natsUrl: engines.natsUrl,
    clickhouseUrl: engines.clickhouseUrl,
    partitions: 16,
    replicas: 1,
    settings: DEFAULT_SETTINGS,
    skewMs: config.SKEW_MAX_MS,
    earliestMs: 0,
    tickIntervalMs: 1_000,
    readingsKeptMs: 86_400_000,
    deadLetters: { bytesMax: config.DEAD_LETTERS_BYTES_MAX, keptMs: 86_400_000 },
    subscribersMax: 0,
    heartbeatMs: 15_000,
    nodeName: 'bench',
    takesShards: true,
    standsBy: false,
    leaseTtlMs: config.LEASE_TTL_MS,
  };
}

for (const form of (process.env['BENCH_FORMS'] ?? Object.keys(FORMS).join()).split(','))
  await withEngines((engines) => measure(form, engines));
