// The latency from publishing a reading to the count on the live stream that includes it, at steady rates; the CPU
// cost; and the cost of an idle service. The service, the nats-server and the ClickHouse engine are separate processes;
// publisher and listener are this one.
import { setTimeout as sleep } from 'node:timers/promises';
import { formatInstant } from '../src/domain/instant.ts';
import { readingSubject, SPACE_EVENTS } from '../src/nats/streams.ts';
import { raiseBuilding } from './support/building.ts';
import { CountedPublisher } from './support/counted-publisher.ts';
import { CpuMeter, inCores, perReading, type CpuUse } from './support/cpu.ts';
import { Heard, type HeardWindow } from './support/heard.ts';
import { followCounts, type LiveStream } from './support/live-stream.ts';
import { grouped, inMs, machine, numberFrom, printLine } from './support/output.ts';
import { withService, type Processes } from './support/processes.ts';
import { quantile } from './support/statistics.ts';
import { readingsApplied, readingsStored, untilCount } from './support/stored.ts';

const SPACES = numberFrom('BENCH_SPACES', 200);
const DPUS = numberFrom('BENCH_DPUS', 400);
/** Readings a second, one run per rate; '' for none. */
const RATES = (process.env['BENCH_RATES'] ?? '1000,10000')
  .split(',')
  .filter((rate) => rate !== '')
  .map(Number);
const WARM_UP_MS = numberFrom('BENCH_WARM_UP_SECONDS', 5) * 1000;
const MEASURED_MS = numberFrom('BENCH_SECONDS', 15) * 1000;
/** 0 skips it. */
const IDLE_MS = numberFrom('BENCH_IDLE_SECONDS', 60) * 1000;
const STEP_MS = 2;
/** If readings were sent later than this, the publisher, or its machine, was too slow. */
const LATE_MAX_MS = 250;
/** A reading not heard this long after the last was published counts as never heard. */
const HEARD_WITHIN_MS = 60_000;
const STORED_WITHIN_MS = 300_000;

const dpuIds = Array.from({ length: DPUS }, (_, n) => `dpu-${n}`);

interface Pace {
  sent: number;
  /** The maximum delay of sending a reading. */
  latestMs: number;
}

/** Open loop: reading n is sent `n / rate` seconds after the first, however long others take. */
async function publishSteadily(
  rate: number,
  lengthMs: number,
  publisher: CountedPublisher,
  heard: Heard,
  spaceIds: readonly number[],
): Promise<Pace> {
  const total = Math.round((rate * lengthMs) / 1000);
  const startedAt = performance.now();
  const pace: Pace = { sent: 0, latestMs: 0 };
  for (; pace.sent < total; await sleep(STEP_MS)) {
    const passedMs = performance.now() - startedAt;
    const due = Math.min(total, Math.floor((passedMs * rate) / 1000));
    if (pace.sent < due) pace.latestMs = Math.max(pace.latestMs, passedMs - ((pace.sent + 1) * 1000) / rate);
    for (; pace.sent < due; pace.sent++) {
      const dpu = pace.sent % DPUS;
      const timestampMs = heard.send(spaceIds[dpu % SPACES] ?? NaN);
      publisher.publish(
        readingSubject(dpuIds[dpu] ?? ''),
        `{"timestamp":"${formatInstant(timestampMs)}","direction":${pace.sent % 3 === 0 ? -1 : 1}}`,
      );
    }
  }
  return pace;
}

/** @returns how many readings are in the log */
async function run(
  rate: number,
  { nats, pids }: Processes,
  heard: Heard,
  stream: LiveStream,
  spaceIds: readonly number[],
): Promise<number> {
  const publisher = new CountedPublisher(nats.nc);
  const laggedBefore = stream.laggedEvents;
  const publishing = publishSteadily(rate, WARM_UP_MS + MEASURED_MS, publisher, heard, spaceIds);
  await sleep(WARM_UP_MS);
  const window = heard.begin();
  const [meter, own] = [new CpuMeter(pids), new CpuMeter({ client: process.pid })];
  const logBefore = (await nats.jsm.streams.info(SPACE_EVENTS)).state;
  // Ends with the publisher, so that the measured time has readings throughout even if the publisher is late.
  const pace = await publishing;
  const [use, ownUse] = [meter.read(), own.read()];
  heard.end();
  const log = (await nats.jsm.streams.info(SPACE_EVENTS)).state;
  const [behind, inFlight] = [heard.waiting, publisher.inFlight];
  for (const deadline = performance.now() + HEARD_WITHIN_MS; heard.waiting > 0 && performance.now() < deadline;)
    await sleep(20);
  report(rate, pace, window, use, ownUse);
  const commits = log.last_seq - logBefore.last_seq;
  printLine(
    `  ${grouped(commits / use.seconds)} commits/s, ${grouped((log.bytes - logBefore.bytes) / commits)} bytes each`,
  );
  printLine(
    `  when the publisher ended ${grouped(behind)} were not heard and ${grouped(inFlight)} not acknowledged; refused ${publisher.refused}, lagged events ${stream.laggedEvents - laggedBefore}`,
  );
  await publisher.settled(0);
  publisher.close();
  return publisher.acknowledged;
}

function report(rate: number, pace: Pace, window: HeardWindow, use: CpuUse, ownUse: CpuUse): void {
  const latencies = window.latencies();
  const never = window.sent - latencies.length;
  printLine(
    `${grouped(rate)} readings/s: p50 ${inMs(quantile(latencies, 0.5))}, p99 ${inMs(quantile(latencies, 0.99))}, max ${inMs(latencies.at(-1) ?? NaN)}; ${grouped(latencies.length)} heard, ${grouped(never)} never`,
  );
  printLine(
    `  published ${grouped(window.sent / use.seconds)}/s, at most ${inMs(pace.latestMs)} late${pace.latestMs > LATE_MAX_MS ? ': THE RATE WAS NOT KEPT' : ''}`,
  );
  printLine(`  ${inCores(use)}; ${inCores(ownUse)}`);
  printLine(
    window.heardMeanwhile === 0 ? '  nothing was heard meanwhile' : `  ${perReading(use, window.heardMeanwhile)}`,
  );
}

/** The work of an idle service: ticks, renewals of leases and the like. */
async function measureIdle({ pids }: Processes, listeners: string): Promise<void> {
  const meter = new CpuMeter(pids);
  await sleep(IDLE_MS);
  printLine(`idle for ${IDLE_MS / 1000} s, ${SPACES} spaces, ${listeners}: ${inCores(meter.read())}`);
}

await withService(async (processes) => {
  const { api, clickhouse } = processes;
  const spaceIds = await raiseBuilding(api, SPACES, dpuIds);
  const heard = new Heard();
  const stream = await followCounts(api, (spaceId, lastReadingMs) => heard.hear(spaceId, lastReadingMs));
  printLine(
    `${SPACES} spaces, ${DPUS} DPUs, one live stream of all spaces; ${WARM_UP_MS / 1000} s to warm up, ${MEASURED_MS / 1000} s measured`,
  );
  let published = 0;
  for (const rate of RATES) {
    published += await run(rate, processes, heard, stream, spaceIds);
    await untilCount(() => readingsApplied(api), published, 'applied', STORED_WITHIN_MS);
  }
  if (IDLE_MS > 0) {
    // Only final events are stored.
    await untilCount(() => readingsStored(clickhouse), published, 'stored', STORED_WITHIN_MS);
    await measureIdle(processes, 'one live stream');
  }
  stream.close();
  if (IDLE_MS > 0) await measureIdle(processes, 'no live stream');
  printLine(`(${machine()})`);
});
