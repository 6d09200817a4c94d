// The load that the service is designed for: 100,000 DPUs in 50,000 spaces. Registers them, lets all of them return at
// once after an outage of eight hours, publishes single readings by the curve of a day that is squeezed into minutes, and
// kills the service and starts it again. It must have counted exactly what was published, space by space. Service, nats-server and ClickHouse engine are processes of their own; publisher and listener are this one.
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { connectNats, type NatsHandles } from '../src/nats/connect.ts';
import { request } from '../test/support/local-service.ts';
import { COLLECTING, collectedBytes } from './support/collected-heap.ts';
import { CountedPublisher } from './support/counted-publisher.ts';
import { CpuMeter, cpuSecondsOf, inCores, perReading, type CpuUse } from './support/cpu.ts';
import { hoursAtPeak, PHASES, type Phase } from './support/day-curve.ts';
import { fleetOf, importDpus, importSpaces, spaceOfDpu } from './support/fleet-building.ts';
import { FleetLoad } from './support/fleet-load.ts';
import { MemoryWatch, type MemoryLook } from './support/fleet-memory.ts';
import { printStorage } from './support/fleet-storage.ts';
import { Heard, type HeardWindow } from './support/heard.ts';
import { followCounts, type LiveStream } from './support/live-stream.ts';
import { grouped, inMs, inSeconds, machine, numberFrom, printLine } from './support/output.ts';
import { SERVICE_DEFAULTS, startService, withEngines, type Engines, type RunningService } from './support/processes.ts';
import { quantile } from './support/statistics.ts';
import { readingsApplied, readingsStored, untilCount } from './support/stored.ts';

const SPACES = numberFrom('FLEET_SPACES', 50_000);
const DPUS = numberFrom('FLEET_DPUS', 100_000);
/** The length of the day. */
const MINUTES = numberFrom('FLEET_MINUTES', 30);
/** Readings a second at the highest point of the day. */
const PEAK = numberFrom('FLEET_PEAK', 10_000);
/** `false` leaves out the outage. */
const HAS_OUTAGE = (process.env['FLEET_OUTAGE'] ?? 'true') === 'true';
/** How many processes share the shards. The first one answers requests, has its memory measured, and is killed. */
const PROCESSES = numberFrom('FLEET_PROCESSES', 1);
/** Of each DPU, in one array. */
const OUTAGE_READINGS = numberFrom('FLEET_OUTAGE_READINGS', 60);
/** The spaces, and the DPUs in them, that had no outage, and what they send meanwhile. */
const OTHERS_SHARE = 0.01;
const OTHERS_PER_SECOND = numberFrom('FLEET_OTHERS_RATE', 100);
const BEFORE_OUTAGE_MS = 15_000;
const IDLE_MS = numberFrom('FLEET_IDLE_SECONDS', 20) * 1000;
const HEARD_WITHIN_MS = 120_000;
const WITHIN_MS = numberFrom('FLEET_WITHIN_SECONDS', 1_800) * 1000;
const POLL_MS = 20;
const HOURS = 24;
/** Characters. */
const OUTPUT_SHOWN = 2_000;
const SETTINGS = {
  ...COLLECTING,
  READINGS_KEY: 'not a secret in a benchmark',
  // Of the first process. FLEET_INSTANCE= starts it without one.
  INSTANCE_ID: process.env['FLEET_INSTANCE'] ?? 'density-0',
};

const fleet = fleetOf(SPACES, DPUS);
const allDpus = Array.from({ length: DPUS }, (_, n) => n);
const isOther = (dpu: number): boolean => spaceOfDpu(fleet, dpu) > SPACES * (1 - OTHERS_SHARE);
const inMB = (bytes: number): string => (bytes / 1e6).toFixed(0);

interface Run {
  readonly engines: Engines;
  readonly nats: NatsHandles;
  readonly clickhouse: ClickHouseClient;
  readonly heard: Heard;
  readonly load: FleetLoad;
  service: RunningService;
  readonly otherServices: RunningService[];
}

/** @throws Error if the service ends meanwhile */
async function whileItRuns(run: Run, act: (run: Run) => Promise<void>): Promise<void> {
  const ended = [run.service, ...run.otherServices].map(async ({ process: service }) => {
    const code = await service.ended();
    throw new Error(`a service ended with ${code}: ${service.output().slice(-OUTPUT_SHOWN)}`);
  });
  await Promise.race([act(run), ...ended]);
}

const apiOf = ({ service }: Run): string => `${service.url}/api/v1`;
const pidsOf = ({
  service,
  otherServices,
  engines,
}: Run): Record<'service' | 'nats-server' | 'ClickHouse', number> => ({
  service: service.process.child.pid ?? NaN,
  ...engines.pids,
  ...Object.fromEntries(otherServices.map(({ process: { child } }, n) => [`service ${n + 2}`, child.pid ?? NaN])),
});
const followAll = async (run: Run): Promise<LiveStream> =>
  followCounts(apiOf(run), (space, lastMs) => run.heard.hear(space, lastMs));

async function measureImport(run: Run): Promise<void> {
  const collected = async (): Promise<number> => collectedBytes(run.service.process);
  const empty = await collected();
  const meter = new CpuMeter(pidsOf(run));
  await importSpaces(apiOf(run), fleet);
  const spaces = meter.read();
  const withSpaces = await collected();
  const second = new CpuMeter(pidsOf(run));
  await importDpus(apiOf(run), fleet);
  const dpus = second.read();
  printLine(
    `import: ${grouped(SPACES)} spaces ${spaces.seconds.toFixed(1)} s, ${grouped(DPUS)} doorways and DPUs ${dpus.seconds.toFixed(1)} s; ${inCores(dpus)}`,
  );
  // Routers follow the topology a moment later, and an idle service is what is to be measured.
  await sleep(IDLE_MS / 4);
  const idle = new CpuMeter(pidsOf(run));
  await sleep(IDLE_MS);
  printLine(`idle: ${inCores(idle.read())}`);
  const withDpus = await collected();
  const perSpace = (to: number): string => grouped((to - empty) / SPACES);
  printLine(
    `memory after a collection: ${inMB(empty)} MB empty, ${inMB(withSpaces)} MB with spaces (${perSpace(withSpaces)} bytes a space), ${inMB(withDpus)} MB with DPUs (${perSpace(withDpus)} bytes a space with its ${DPUS / SPACES} doorways and DPUs)`,
  );
}

/** Entries of READINGS that wait to be routed, and of SPACE_EVENTS that wait to be applied. */
async function entriesWaiting({ service, otherServices }: Run): Promise<string> {
  const each = [service, ...otherServices].map(async ({ url }) => (await fetch(`${url}/metrics`)).text());
  const metrics = (await Promise.all(each)).join('');
  const sum = (name: string): number =>
    [...metrics.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))].reduce(
      (all, [, each]) => all + Number(each),
      0,
    );
  return `${grouped(sum('density_router_lag_entries'))} + ${grouped(sum('density_fold_lag_entries'))}`;
}

interface Measured {
  readonly name: string;
  readonly window: HeardWindow;
  readonly use: CpuUse;
  readonly client: CpuUse;
  readonly memory: MemoryLook;
  readonly behind: number;
  readonly waiting: string;
  readonly latestMs: number;
}

async function measurePhase(
  run: Run,
  { name, fromHour, toHour }: Phase,
  publisher: CountedPublisher,
  memory: MemoryWatch,
): Promise<Measured> {
  const hourMs = (MINUTES * 60_000) / HOURS;
  const due = (passedMs: number): number =>
    (PEAK * hourMs * (hoursAtPeak(fromHour + passedMs / hourMs) - hoursAtPeak(fromHour))) / 1000;
  const window = run.heard.begin();
  const [meter, client] = [new CpuMeter(pidsOf(run)), new CpuMeter({ client: process.pid })];
  memory.least();
  const latestMs = await run.load.publishSingly(publisher, (toHour - fromHour) * hourMs, due, allDpus);
  return {
    ...{ name, window, use: meter.read(), client: client.read() },
    ...{ memory: memory.least(), behind: run.heard.waiting, waiting: await entriesWaiting(run), latestMs },
  };
}

function printPhases(phases: readonly Measured[]): void {
  printLine(
    '| phase | readings/s | p50 | p99 | max | not heard at its end | waiting to be routed + applied | cores: service + nats-server + ClickHouse + other processes | us CPU a reading | service: resident, heap | nats-server, ClickHouse | sent at most late |',
  );
  printLine('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const { name, window, use, client, memory, behind, waiting, latestMs } of phases) {
    const latencies = window.latencies();
    const cores = [...use.cpuSeconds.values()].map((cpu) => cpu / use.seconds);
    const micros = [...use.cpuSeconds.values()].map((cpu) => (cpu * 1e6) / window.heardMeanwhile);
    const cells = [
      name,
      grouped(window.sent / use.seconds),
      ...[0.5, 0.99, 1].map((part) => inMs(quantile(latencies, part))),
      grouped(behind),
      waiting,
      `${cores.map((each) => each.toFixed(2)).join(' + ')} = ${cores.reduce((a, b) => a + b, 0).toFixed(2)}`,
      `${micros.map((each) => each.toFixed(0)).join(' + ')} = ${micros.reduce((a, b) => a + b, 0).toFixed(0)}`,
      `${inMB(memory.service)}, ${inMB(memory.heap)} MB`,
      `${inMB(memory.nats)}, ${inMB(memory.clickhouse)} MB`,
      `${inMs(latestMs)} (${inCores(client)})`,
    ];
    printLine(`| ${cells.join(' | ')} |`);
    const never = window.sent - latencies.length;
    if (never > 0) printLine(`OF ${name} ${never} READINGS WERE NEVER HEARD`);
  }
}

async function measureDay(run: Run): Promise<void> {
  printLine(machine());
  const publishedBefore = run.load.published;
  const stream = await followAll(run);
  const publisher = new CountedPublisher(run.nats.nc);
  const memory = new MemoryWatch(run.service.url, pidsOf(run));
  const meter = new CpuMeter(pidsOf(run));
  const phases: Measured[] = [];
  for (const phase of PHASES) phases.push(await measurePhase(run, phase, publisher, memory));
  const use = meter.read();
  const endedAt = performance.now();
  run.heard.end();
  while (run.heard.waiting > 0 && performance.now() - endedAt < HEARD_WITHIN_MS) await sleep(POLL_MS);
  const heardMs = performance.now() - endedAt;
  printPhases(phases);
  printLine(
    `the day: ${grouped(run.load.published - publishedBefore)} readings; the last was heard ${inSeconds(heardMs)} after the end; lagged events ${stream.laggedEvents}`,
  );
  printLine(`  ${inCores(use)}; ${perReading(use, run.load.published - publishedBefore)}`);
  await publisher.finish();
  await untilCount(() => readingsApplied(apiOf(run)), run.load.published, 'applied', WITHIN_MS);
  await memory.stop();
  stream.close();
  printLine(`memory after a collection: ${inMB(await collectedBytes(run.service.process))} MB after the day`);
}

/** Resolves with what a request was answered, or undefined if nobody answers. */
const statusOf = async (url: string): Promise<number | undefined> =>
  fetch(url).then(
    async (response) => response.arrayBuffer().then(() => response.status),
    () => undefined,
  );

async function measureRestart(run: Run): Promise<void> {
  printLine(machine());
  const { url } = run.service;
  await run.service.process.end('SIGKILL');
  const killedAt = performance.now();
  const starting = startService(run.engines, { ...SETTINGS, PORT: new URL(url).port });
  const until = async (path: string): Promise<number> => {
    while ((await statusOf(`${url}${path}`)) !== 200) {
      if (performance.now() - killedAt > WITHIN_MS) throw new Error(`${path} is not answered after the restart`);
      await sleep(POLL_MS);
    }
    return performance.now() - killedAt;
  };
  // Neighbouring ids are in different shards.
  const inEachShard = Array.from({ length: Number(SERVICE_DEFAULTS.PARTITIONS) }, (_, n) => n + 1);
  const [service, readyMs, ...answers] = await Promise.all([
    starting,
    until('/readyz'),
    ...inEachShard.map(async (space) => until(`/api/v1/counts/${space}/current`)),
  ]);
  run.service = service;
  const answeredMs = Math.max(...answers);
  const cpuSeconds = cpuSecondsOf(service.process.child.pid ?? NaN);
  printLine(
    `restart after kill -9: /readyz after ${inSeconds(readyMs)}, a current count of each shard after ${inSeconds(answeredMs)}; CPU of the service until then ${cpuSeconds.toFixed(1)} s`,
  );
  printLine(`memory after a collection: ${inMB(await collectedBytes(service.process))} MB after the restart`);
}

async function measureOutage(run: Run): Promise<void> {
  printLine(machine());
  const stream = await followAll(run);
  const [others, returning] = [allDpus.filter(isOther), allDpus.filter((dpu) => !isOther(dpu))];
  const [arrays, singles] = [new CountedPublisher(run.nats.nc), new CountedPublisher(run.nats.nc)];
  const publishOthers = async (ms: number): Promise<number> =>
    run.load.publishSingly(singles, ms, (passedMs) => (passedMs * OTHERS_PER_SECOND) / 1000, others);
  const before = run.heard.begin();
  await publishOthers(BEFORE_OUTAGE_MS);
  const meanwhile = run.heard.begin();
  const memory = new MemoryWatch(run.service.url, pidsOf(run));
  const meter = new CpuMeter(pidsOf(run));
  const startedAt = performance.now();
  let isCounted = false;
  const othersSend = (async (): Promise<void> => {
    while (!isCounted) await publishOthers(1_000);
  })();
  let acknowledgedMs: number;
  try {
    await run.load.publishOutage(arrays, returning, OUTAGE_READINGS);
    await arrays.finish();
    acknowledgedMs = performance.now() - startedAt;
    // The others go on, so there are always a few more to come.
    while ((await readingsApplied(apiOf(run))) < run.load.published - 2 * OTHERS_PER_SECOND) {
      if (performance.now() - startedAt > WITHIN_MS) throw new Error('the outage is not counted');
      await sleep(10 * POLL_MS);
    }
  } finally {
    isCounted = true;
  }
  const countedMs = performance.now() - startedAt;
  const use = meter.read();
  await othersSend;
  await singles.finish();
  run.heard.end();
  for (const at = performance.now(); run.heard.waiting > 0 && performance.now() - at < HEARD_WITHIN_MS;)
    await sleep(POLL_MS);
  const readings = returning.length * OUTAGE_READINGS;
  const { service, heap, nats, clickhouse } = memory.least();
  printLine(
    `outage: ${grouped(readings)} readings in arrays of ${OUTAGE_READINGS}, acknowledged after ${inSeconds(acknowledgedMs)}, counted after ${inSeconds(countedMs)}: ${grouped((readings * 1000) / countedMs)}/s`,
  );
  printLine(`  ${inCores(use)}; ${perReading(use, readings)}`);
  printLine(
    `  at least resident: service ${inMB(service)} MB (heap ${inMB(heap)}), nats-server ${inMB(nats)}, ClickHouse ${inMB(clickhouse)} MB`,
  );
  for (const [when, window] of [
    ['before', before],
    ['meanwhile', meanwhile],
  ] as const) {
    const latencies = window.latencies();
    printLine(
      `  other DPUs ${when}: ${OTHERS_PER_SECOND}/s, p50 ${inMs(quantile(latencies, 0.5))}, p99 ${inMs(quantile(latencies, 0.99))}, max ${inMs(quantile(latencies, 1))}; ${window.sent - latencies.length} never heard`,
    );
  }
  await memory.stop();
  stream.close();
  await untilStored(run, 'after the outage');
  await prove(run);
}

async function untilStored(run: Run, title: string): Promise<void> {
  const at = performance.now();
  await untilCount(() => readingsStored(run.clickhouse), run.load.published, 'stored', WITHIN_MS);
  printLine(`all stored ${inSeconds(performance.now() - at)} later`);
  await printStorage(run.nats, run.clickhouse, run.load.published, title);
}

/** @throws Error unless the service has counted exactly what was published, in total and in each space */
async function prove(run: Run): Promise<void> {
  const { body } = await request(`${apiOf(run)}/account`, 'GET');
  const { accepted, applied, remainder, stored } = body as {
    accepted: number;
    applied: number;
    remainder: number;
    stored: { findings: unknown[] } | null;
  };
  const found = JSON.stringify({ accepted, applied, remainder, findings: stored?.findings });
  const { published } = run.load;
  if (found !== JSON.stringify({ accepted: published, applied: published, remainder: 0, findings: [] }))
    throw new Error(`${published} readings were published; the account says ${found}`);
  // A new stream begins with a snapshot of each space.
  const nets = new Int32Array(SPACES + 1);
  const different = (): number => run.load.net.filter((net, space) => net !== nets[space]).length;
  const stream = await followCounts(apiOf(run), (space, _lastMs, net) => (nets[space] = net));
  for (const at = performance.now(); different() > 0; await sleep(10 * POLL_MS))
    if (performance.now() - at > HEARD_WITHIN_MS) throw new Error(`${different()} spaces have another count`);
  stream.close();
  printLine(`proved: ${grouped(published)} readings, the counts of all ${grouped(SPACES)} spaces`);
}

await withEngines(async (engines) => {
  printLine(
    `${grouped(DPUS)} DPUs in ${grouped(SPACES)} spaces, ${MINUTES} min, peak ${grouped(PEAK)}/s; ${machine()}`,
  );
  const heard = new Heard();
  const run: Run = {
    engines,
    nats: await connectNats(engines.natsUrl, 'bench'),
    clickhouse: createClient({ url: engines.clickhouseUrl }),
    heard,
    load: new FleetLoad(fleet, heard),
    service: await startService(engines, SETTINGS),
    otherServices: [],
  };
  try {
    while (run.otherServices.length < PROCESSES - 1)
      run.otherServices.push(
        await startService(engines, { ...SETTINGS, INSTANCE_ID: `density-${run.otherServices.length + 1}` }),
      );
    await whileItRuns(run, measureImport);
    if (HAS_OUTAGE) await whileItRuns(run, measureOutage);
    await whileItRuns(run, measureDay);
    await measureRestart(run);
    await whileItRuns(run, async () => {
      await untilStored(run, 'after the day');
      await prove(run);
    });
  } finally {
    await run.clickhouse.close();
    await run.nats.nc.close();
    await Promise.all([run.service, ...run.otherServices].map(async (service) => service.stop()));
  }
});
