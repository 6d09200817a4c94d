// `npm run soak [-- --minutes 60]`: whether anything grows. Runs `density run` on its own engines under a steady load,
// and records each minute what the processes use: memory, descriptors, consumers, connections, parts and disk. Exits
// with 1 if the median of the last quarter exceeds that of the second by more than a limit, or if a reading is missing.
//
// Each figure is the minimum of the samples in its minute: a leak raises it, too, and uncollected garbage does not.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { Command } from 'commander';
import { connectNats, type NatsHandles } from '../src/nats/connect.ts';
import { startDensity, type DensityProcess } from '../test/support/density-process.ts';
import { eventually } from '../test/support/eventually.ts';
import { request } from '../test/support/local-service.ts';
import { machine, printLine } from './support/output.ts';
import { sayComplaints, SERVICE_DEFAULTS, SYNC_INTERVAL } from './support/processes.ts';
import { connectionsTo, diskBytes, openDescriptors, recordedPid, residentBytes } from './support/process-usage.ts';
import { SoakLoad } from './support/soak-load.ts';
import { median } from './support/statistics.ts';

const LOOKS_PER_MINUTE = 6;
const MINUTE = 60_000;
const MB = 1024 * 1024;

interface Bound {
  readonly unit: 'MB' | '' | 'B';
  /** The permitted growth: the larger of a share of the earlier value, and an amount. */
  readonly share: number;
  readonly amount: number;
}

const MEASURES = {
  'service, resident': { unit: 'MB', share: 0.1, amount: 32 * MB },
  'service, heap': { unit: 'MB', share: 0.1, amount: 8 * MB },
  'nats-server, resident': { unit: 'MB', share: 0.1, amount: 16 * MB },
  'ClickHouse, resident': { unit: 'MB', share: 0.1, amount: 64 * MB },
  'service, descriptors': { unit: '', share: 0, amount: 8 },
  'nats-server, descriptors': { unit: '', share: 0, amount: 8 },
  'ClickHouse, descriptors': { unit: '', share: 0.1, amount: 32 },
  'NATS consumers': { unit: '', share: 0, amount: 2 },
  'NATS connections': { unit: '', share: 0, amount: 2 },
  'HTTP connections': { unit: '', share: 0, amount: 10 },
  'NATS, disk': { unit: 'MB', share: 0.1, amount: 16 * MB },
  'ClickHouse, active parts': { unit: '', share: 0.2, amount: 10 },
  'ClickHouse, bytes of a stored reading': { unit: 'B', share: 0.1, amount: 20 },
  'ClickHouse, disk beside active parts': { unit: 'MB', share: 0.2, amount: 32 * MB },
} as const satisfies Readonly<Record<string, Bound>>;
type Measure = keyof typeof MEASURES;
type Look = Readonly<Record<Measure, number>>;
const NAMES = Object.keys(MEASURES) as Measure[];

interface Soaked {
  readonly service: DensityProcess;
  readonly folder: string;
  readonly url: string;
  readonly nats: NatsHandles;
  readonly natsPort: number;
  readonly mqttUrl: string;
  readonly clickhouse: ClickHouseClient;
}

async function withSoaked<T>(act: (soaked: Soaked) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'density-soak-'));
  const service = startDensity(['run', '--json'], {
    ...SERVICE_DEFAULTS,
    NATS_SYNC_INTERVAL: SYNC_INTERVAL,
    DENSITY_DATA_DIR: folder,
    // A few minutes, so that purging happens within the run.
    READINGS_KEPT_HOURS: '0.05',
  });
  try {
    const [line] = await service.waitForOutput(/^\{"url".*\}$/m);
    const ready = JSON.parse(line) as { url: string; nats_url: string; clickhouse_url: string; mqtt_port: number };
    const nats = await connectNats(ready.nats_url, 'soak');
    const clickhouse = createClient({ url: ready.clickhouse_url });
    try {
      return await act({
        service,
        folder,
        url: ready.url,
        nats,
        natsPort: Number(new URL(ready.nats_url).port),
        mqttUrl: `mqtt://127.0.0.1:${ready.mqtt_port}`,
        clickhouse,
      });
    } finally {
      await clickhouse.close();
      await nats.nc.close();
    }
  } finally {
    await service.end('SIGTERM');
    sayComplaints(service);
    await rm(folder, { recursive: true, force: true });
  }
}

async function look({ service, folder, url, nats, natsPort, clickhouse }: Soaked): Promise<Look> {
  const [servicePid, natsPid, clickhousePid] = [
    service.child.pid ?? NaN,
    await recordedPid(join(folder, 'nats/nats-server.pid')),
    await recordedPid(join(folder, 'clickhouse/clickhouse.pid')),
  ];
  let consumers = 0;
  for await (const { state } of nats.jsm.streams.list()) consumers += state.consumer_count;
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const result = await clickhouse.query({
    query: `SELECT count(), sum(bytes_on_disk), (SELECT sum(sign) FROM readings) FROM system.parts WHERE active`,
    format: 'JSONCompactEachRow',
  });
  const [[parts, activeBytes, stored] = []] = (await result.json<string[]>()).map((row) => row.map(Number));
  if (parts === undefined || activeBytes === undefined || !stored) throw new Error('nothing is stored yet');
  return {
    'service, resident': await residentBytes(servicePid),
    'service, heap': Number(/^nodejs_heap_size_used_bytes (\d+)/m.exec(metrics)?.[1]),
    'nats-server, resident': await residentBytes(natsPid),
    'ClickHouse, resident': await residentBytes(clickhousePid),
    'service, descriptors': await openDescriptors(servicePid),
    'nats-server, descriptors': await openDescriptors(natsPid),
    'ClickHouse, descriptors': await openDescriptors(clickhousePid),
    'NATS consumers': consumers,
    'NATS connections': await connectionsTo(natsPort),
    'HTTP connections': await connectionsTo(Number(new URL(url).port)),
    'NATS, disk': await diskBytes(join(folder, 'nats')),
    'ClickHouse, active parts': parts,
    'ClickHouse, bytes of a stored reading': activeBytes / stored,
    'ClickHouse, disk beside active parts': Math.max(0, (await diskBytes(join(folder, 'clickhouse'))) - activeBytes),
  };
}

/** One sample per minute, until `minutes` are over or the load fails. */
async function sample(soaked: Soaked, minutes: number, load: SoakLoad, failed: AbortSignal): Promise<Look[]> {
  const samples: Look[] = [];
  const startedAt = performance.now();
  for (let minute = 1; minute <= minutes; minute++) {
    const looks: Look[] = [];
    while (performance.now() < startedAt + minute * MINUTE) {
      // On a busy machine a sample takes longer, so there are fewer of them, but the minutes keep their length.
      await sleep(MINUTE / LOOKS_PER_MINUTE, undefined, { signal: failed });
      // The first readings take a while to be stored.
      const found = await look(soaked).catch((error: unknown) => {
        if (minute > 1) throw error;
      });
      if (found) looks.push(found);
    }
    if (looks.length === 0) continue;
    const least = Object.fromEntries(
      NAMES.map((name) => [name, Math.min(...looks.map((each) => each[name]))]),
    ) as unknown as Look;
    samples.push(least);
    printLine(
      `minute ${minute}: ${NAMES.map((name) => `${name} ${shown(name, least[name])}`).join('; ')}; ${load.totals}`,
    );
  }
  return samples;
}

/** Checks that exactly the acknowledged readings are counted. */
async function assertCounted(api: string, distinct: number): Promise<void> {
  await eventually(async () => {
    const { status, body } = await request(`${api}/account`, 'GET');
    const { applied, held, remainder, stored } = body as {
      applied: number;
      held: number;
      remainder: number;
      stored: { findings: string[] } | null;
    };
    const found = JSON.stringify({ status, counted: applied + held, remainder, findings: stored?.findings });
    if (found !== JSON.stringify({ status: 200, counted: distinct, remainder: 0, findings: [] }))
      throw new Error(`${distinct} different readings were acknowledged; the account says ${found}`);
    const health = await request(`${api}/health`, 'GET');
    if (health.status !== 200 || (health.body as { losses: unknown[] }).losses.length > 0)
      throw new Error(`health: ${JSON.stringify(health.body)}`);
  }, 2 * MINUTE);
}

function shown(name: Measure, value: number): string {
  const { unit } = MEASURES[name];
  return unit === 'MB' ? `${(value / MB).toFixed(1)} MB` : unit === 'B' ? `${value.toFixed(1)} B` : value.toFixed(0);
}

/** Prints a table. @returns the names of what grew beyond its limit */
function judged(samples: readonly Look[]): Measure[] {
  const quarter = Math.floor(samples.length / 4);
  const [second, last] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)];
  printLine('| what | first minute | 2nd quarter | last quarter | bound |\n| --- | --- | --- | --- | --- |');
  return NAMES.filter((name) => {
    const [before, after] = [second, last].map((part) => median(part.map((each) => each[name])));
    const { share, amount } = MEASURES[name];
    const bound = (before ?? NaN) + Math.max((before ?? NaN) * share, amount);
    const figures = [samples[0]?.[name], before, after, bound].map((value) => shown(name, value ?? NaN));
    printLine(`| ${name} | ${figures.join(' | ')} |`);
    return !((after ?? NaN) <= bound);
  });
}

const { minutes, rate, seed } = new Command('soak')
  .option('--minutes <n>', 'how long, at least 8', '60')
  .option('--rate <n>', 'readings a second', '30')
  .option('--seed <n>', 'of what is sent and asked', '1')
  .parse()
  .opts<Record<'minutes' | 'rate' | 'seed', string>>();

const grown = await withSoaked(async (soaked) => {
  const api = `${soaked.url}/api/v1`;
  const load = new SoakLoad({
    api,
    nc: soaked.nats.nc,
    mqttUrl: soaked.mqttUrl,
    seed: Number(seed),
    readingsPerSecond: Number(rate),
  });
  const [over, failed] = [new AbortController(), new AbortController()];
  const loading = load.run(over.signal).finally(() => failed.abort());
  // The failure is thrown below.
  loading.catch(() => undefined);
  const samples = await sample(soaked, Number(minutes), load, failed.signal).finally(async () => {
    over.abort();
    await loading;
  });
  await assertCounted(api, load.distinct);
  printLine(`${minutes} minutes, ${rate} readings/s, sync_interval ${SYNC_INTERVAL}, ${machine()}: ${load.totals}`);
  return judged(samples);
});
for (const name of grown) printLine(`GROWS: ${name}`);
process.exit(grown.length > 0 ? 1 : 0);
