// Many subscribers of the live stream at a steady rate of readings: the CPU they cost, and the latency from publishing a reading to the
// event that includes it. Subscribers hear one space each, several, or all. They are one process, the service, nats-server and
// ClickHouse are others, and the publisher is this one. Only some subscribers read their events; the others count bytes, because
// a thousand readers would need more CPU than what is measured.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createParser } from 'eventsource-parser';
import { formatInstant } from '../src/domain/instant.ts';
import { readingSubject } from '../src/nats/streams.ts';
import { raiseBuilding } from './support/building.ts';
import { CountedPublisher } from './support/counted-publisher.ts';
import { CpuMeter, inCores } from './support/cpu.ts';
import { grouped, inMs, machine, numberFrom, printLine } from './support/output.ts';
import { withService, type Processes } from './support/processes.ts';
import { quantile } from './support/statistics.ts';

const SUBSCRIBERS = numberFrom('BENCH_SUBSCRIBERS', 1_000);
const SPACES = numberFrom('BENCH_SPACES', 1_000);
const RATE = numberFrom('BENCH_RATE', 1_000);
const WARM_UP_MS = 5_000;
const MEASURED_MS = numberFrom('BENCH_SECONDS', 15) * 1000;
/** How many spaces each hears, one run for each; `all` for all. */
const HEARS = (process.env['BENCH_HEARS'] ?? '0,1,20,all').split(',');
const STEP_MS = 2;
/** One of so many subscribers reads its events. */
const READS_EVERY = 50;

interface Audience {
  readonly api: string;
  /** For each subscriber, its spaces; null for all. */
  readonly spaces: readonly (readonly number[] | null)[];
}

interface Heard {
  /** In ms, of the subscribers that read their events. */
  readonly latencies: readonly number[];
  readonly bytes: number;
  readonly lagged: number;
}

/** The process of the subscribers: opens them, and reports what they heard from `begin` to `end`. */
async function listen({ api, spaces }: Audience): Promise<void> {
  const agent = new Agent({ maxSockets: Infinity });
  let [latencies, bytes, lagged, isMeasured]: [number[], number, number, boolean] = [[], 0, 0, false];
  const open = async (spaceIds: readonly number[] | null, n: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const parser = createParser({
        onEvent: ({ event, data }) => {
          if (event === 'lagged') lagged += 1;
          if (event !== 'change' || !isMeasured) return;
          const { last_reading_at: last } = JSON.parse(data) as { last_reading_at: string };
          latencies.push(Date.now() - Date.parse(last));
        },
      });
      const query = spaceIds === null ? '' : `?space_id=${spaceIds.join(',')}`;
      get(`${api}/counts/stream${query}`, { agent }, (response) => {
        if (response.statusCode !== 200) return reject(new Error(`GET /counts/stream: ${response.statusCode}`));
        response.on('data', (chunk: Buffer) => {
          if (isMeasured) bytes += chunk.length;
          if (n % READS_EVERY === 0) parser.feed(chunk.toString());
        });
        resolve();
      }).on('error', reject);
    });
  for (const [n, spaceIds] of spaces.entries()) await open(spaceIds, n);
  process.send?.('open');
  for (;;) {
    const [wish] = (await once(process, 'message')) as ['begin' | 'end'];
    isMeasured = wish === 'begin';
    if (isMeasured) [latencies, bytes, lagged] = [[], 0, 0];
    else process.send?.({ latencies, bytes, lagged } satisfies Heard);
  }
}

/** Reading n is sent `n / RATE` seconds after the first, however long others take. */
async function publish(publisher: CountedPublisher, lengthMs: number): Promise<void> {
  const [startedAt, total] = [performance.now(), (RATE * lengthMs) / 1000];
  for (let sent = 0; sent < total; await sleep(STEP_MS)) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) * RATE) / 1000));
    for (; sent < due; sent++)
      publisher.publish(
        readingSubject(`dpu-${sent % SPACES}`),
        `{"timestamp":"${formatInstant(Date.now())}","direction":${sent % 3 === 0 ? -1 : 1}}`,
      );
  }
}

function audience(api: string, hears: string, spaceIds: readonly number[]): Audience {
  const spacesOf = (n: number): readonly number[] | null =>
    hears === 'all' ? null : Array.from({ length: Number(hears) }, (_, at) => spaceIds[(n * 7 + at) % SPACES] ?? NaN);
  return { api, spaces: hears === '0' ? [] : Array.from({ length: SUBSCRIBERS }, (_, n) => spacesOf(n)) };
}

async function run(hears: string, { api, nats, pids }: Processes, spaceIds: readonly number[]): Promise<void> {
  const listeners: ChildProcess = fork(fileURLToPath(import.meta.url), ['listen']);
  const opened = once(listeners, 'message');
  listeners.send(audience(api, hears, spaceIds));
  await opened;
  const publisher = new CountedPublisher(nats.nc);
  const publishing = publish(publisher, WARM_UP_MS + MEASURED_MS);
  await sleep(WARM_UP_MS);
  listeners.send('begin');
  const meter = new CpuMeter({ ...pids, subscribers: listeners.pid ?? NaN });
  await publishing;
  const use = meter.read();
  const report = once(listeners, 'message');
  listeners.send('end');
  const [{ latencies, bytes, lagged }] = (await report) as [Heard];
  listeners.kill();
  await publisher.settled(0);
  publisher.close();
  const sorted = Float64Array.from(latencies).sort();
  const what = hears === '0' ? 'no subscribers' : `${grouped(SUBSCRIBERS)} subscribers of ${hears} space(s)`;
  printLine(`${what}: ${inCores(use)}`);
  if (sorted.length > 0)
    printLine(
      `  p50 ${inMs(quantile(sorted, 0.5))}, p99 ${inMs(quantile(sorted, 0.99))} of ${grouped(sorted.length)} events that were read; ${grouped(bytes / use.seconds)} bytes/s${lagged > 0 ? `; ${lagged} LAGGED` : ''}`,
    );
}

if (process.argv[2] === 'listen') {
  const [wanted] = (await once(process, 'message')) as [Audience];
  await listen(wanted);
} else
  await withService(async (processes) => {
    const dpuIds = Array.from({ length: SPACES }, (_, n) => `dpu-${n}`);
    const spaceIds = await raiseBuilding(processes.api, SPACES, dpuIds);
    printLine(`${grouped(RATE)} readings/s in ${grouped(SPACES)} spaces, ${MEASURED_MS / 1000} s measured`);
    for (const hears of HEARS) await run(hears, processes, spaceIds);
    printLine(`(${machine()})`);
  });
