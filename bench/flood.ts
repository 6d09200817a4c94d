// 200 DPUs publish all their readings at once to a running service: the time until everything is applied and stored in
// ClickHouse, and the CPU cost per reading. Rounds alternate between single readings, as live sensors send them, and
// arrays, as sensors send them after an outage. The service, the nats-server and the ClickHouse engine are separate
// processes.
import { formatInstant } from '../src/domain/instant.ts';
import { readingSubject } from '../src/nats/streams.ts';
import { raiseBuilding } from './support/building.ts';
import { CountedPublisher } from './support/counted-publisher.ts';
import { CpuMeter, perReading } from './support/cpu.ts';
import { grouped, inSeconds, machine, numberFrom, printLine } from './support/output.ts';
import { withService, type Processes } from './support/processes.ts';
import { median } from './support/statistics.ts';
import { readingsApplied, readingsStored, untilCount } from './support/stored.ts';

const DPUS = numberFrom('BENCH_DPUS', 200);
const READINGS_PER_DPU = numberFrom('BENCH_READINGS', 1_000);
const READINGS_PER_ARRAY = numberFrom('BENCH_MESSAGE', 100);
const ROUNDS = numberFrom('BENCH_ROUNDS', 3);
const READINGS = DPUS * READINGS_PER_DPU;
/** Of each DPU. */
const READING_EVERY_MS = 20;
const IN_FLIGHT_MAX = 5_000;
/**
 * A heartbeat this long after the last reading makes everything final, so that it is stored. More than the
 * out-of-orderness.
 */
const ALIVE_AFTER_MS = 10_000;
/**
 * Short, so that the time until everything is stored is spent on work, and not on waiting for late readings or for more
 * rows.
 */
const SETTINGS = { OUT_OF_ORDERNESS_MS: '500', BLOCK_AGE_MAX_MS: '1000' };
const WITHIN_MS = numberFrom('BENCH_WITHIN_SECONDS', 900) * 1000;

/** The nth message of a DPU: an array of readings, or a single reading as an object. */
function message(nth: number, readings: number, startMs: number): string {
  const items = Array.from({ length: readings }, (_, k) => {
    const n = nth * readings + k;
    return `{"timestamp":"${formatInstant(startMs + n * READING_EVERY_MS)}","direction":${n % 3 === 0 ? -1 : 1},"id":"r${n}"}`;
  });
  return readings === 1 ? (items[0] ?? '') : `[${items.join(',')}]`;
}

/** Round robin over all DPUs, as fast as the server acknowledges. */
async function publish({ nats }: Processes, dpuIds: readonly string[], readingsPerMessage: number): Promise<void> {
  const publisher = new CountedPublisher(nats.nc);
  const startMs = Date.now() - READINGS_PER_DPU * READING_EVERY_MS;
  // Arrays are larger, so limit the readings in flight, not the messages.
  const inFlightMax = Math.ceil(IN_FLIGHT_MAX / readingsPerMessage);
  for (let nth = 0; nth < READINGS_PER_DPU / readingsPerMessage; nth++) {
    const text = message(nth, readingsPerMessage, startMs);
    for (const dpuId of dpuIds) publisher.publish(readingSubject(dpuId), text);
    await publisher.settled(inFlightMax);
  }
  const heartbeat = `{"timestamp":"${formatInstant(Date.now() + ALIVE_AFTER_MS)}"}`;
  for (const dpuId of dpuIds) publisher.publish(`dpu.${dpuId}.heartbeat`, heartbeat);
  await publisher.finish();
}

/** @param before readings of earlier rounds @returns milliseconds until everything is stored */
async function flood(
  processes: Processes,
  title: string,
  dpuIds: readonly string[],
  readingsPerMessage: number,
  before: number,
): Promise<number> {
  const { api, clickhouse, pids } = processes;
  const meter = new CpuMeter(pids);
  const startedAt = performance.now();
  await publish(processes, dpuIds, readingsPerMessage);
  const publishedMs = performance.now() - startedAt;
  await untilCount(() => readingsApplied(api), before + READINGS, 'applied', WITHIN_MS);
  const appliedMs = performance.now() - startedAt;
  await untilCount(() => readingsStored(clickhouse), before + READINGS, 'stored', WITHIN_MS);
  const storedMs = performance.now() - startedAt;
  printLine(
    `${title}: acknowledged after ${inSeconds(publishedMs)}, applied after ${inSeconds(appliedMs)}, stored after ${inSeconds(storedMs)}: ${grouped((READINGS * 1000) / storedMs)} readings/s`,
  );
  printLine(`  ${perReading(meter.read(), READINGS)}`);
  return storedMs;
}

await withService(async (processes) => {
  printLine(`${DPUS} DPUs, ${READINGS_PER_DPU} readings each; arrays of ${READINGS_PER_ARRAY}`);
  const taken: Record<'single readings' | 'arrays', number[]> = { 'single readings': [], arrays: [] };
  let before = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [mode, readingsPerMessage] of [
      ['single readings', 1],
      ['arrays', READINGS_PER_ARRAY],
    ] as const) {
      // Each round has its own spaces and DPUs, so nothing is a duplicate, or late after the previous round's
      // heartbeats.
      const dpuIds = Array.from({ length: DPUS }, (_, n) => `dpu-${round}-${readingsPerMessage}-${n}`);
      await raiseBuilding(processes.api, DPUS, dpuIds);
      taken[mode].push(await flood(processes, `round ${round}, ${mode}`, dpuIds, readingsPerMessage, before));
      before += READINGS;
    }
  }
  for (const [mode, times] of Object.entries(taken))
    printLine(`${mode}, median of ${ROUNDS}: ${grouped((READINGS * 1000) / median(times))} readings/s`);
  printLine(`(${machine()})`);
}, SETTINGS);
