// One DPU sends 90 days at once while 1,000 spaces are busy: what it does to the time from the publishing
// of a reading in any other space to its count on the live stream. The service, the nats-server and the
// ClickHouse engine are processes of their own; rounds with and without a backfill take turns.
import { cpus, tmpdir } from 'node:os';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { createParser } from 'eventsource-parser';
import { readConfig } from '../src/config.ts';
import { formatInstant } from '../src/domain/instant.ts';
import { startEngines } from '../src/local/engines.ts';
import { connectNats, type NatsHandles } from '../src/nats/connect.ts';
import { readingSubject } from '../src/nats/streams.ts';
import { startDensity } from '../test/support/density-process.ts';
import { eventually } from '../test/support/eventually.ts';
import { request } from '../test/support/local-service.ts';

const number = (key: string, otherwise: number): number => Number(process.env[key] ?? otherwise);
const SPACES = number('BENCH_SPACES', 1_000);
const READINGS_PER_SECOND = number('BENCH_RATE', 500);
const BACKFILL = number('BENCH_READINGS', 100_000);
const READINGS_PER_MESSAGE = number('BENCH_MESSAGE', 500);
const ROUNDS = number('BENCH_ROUNDS', 5);
const ROUND_MIN_MS = 8_000;
const SPAN_MS = 90 * 86_400_000;
const STEP_MS = 10;
const DEFAULTS = { TICK_INTERVAL_MS: '1000', OUT_OF_ORDERNESS_MS: '5000', IDLE_TIMEOUT_MS: '60000', BLOCK_AGE_MAX_MS: '3000' };
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** What every busy space waits for: one reading at a time, so that the newest on the stream says that it is counted. */
class Latencies {
  readonly #waiting = new Map<number, { readonly timestampMs: number; readonly sentAt: number }>();
  #samples: number[] = [];
  #unheard = 0;

  sent(spaceId: number, timestampMs: number): void {
    if (this.#waiting.has(spaceId)) this.#unheard += 1;
    else this.#waiting.set(spaceId, { timestampMs, sentAt: performance.now() });
  }

  heard(spaceId: number, lastReadingMs: number): void {
    const waiting = this.#waiting.get(spaceId);
    if (!waiting || lastReadingMs < waiting.timestampMs) return;
    this.#waiting.delete(spaceId);
    this.#samples.push(performance.now() - waiting.sentAt);
  }

  /** Those that were heard since the last time; what waits still counts in the next round. */
  take(): { p50: number; p99: number; count: number; unheard: number } {
    const sorted = this.#samples.sort((a, b) => a - b);
    const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
    const taken = { p50: at(0.5), p99: at(0.99), count: sorted.length, unheard: this.#unheard };
    [this.#samples, this.#unheard] = [[], 0];
    return taken;
  }
}

async function follow(api: string, latencies: Latencies): Promise<void> {
  const response = await fetch(`${api}/counts/stream`, { headers: { accept: 'text/event-stream' } });
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event !== 'change' && event !== 'snapshot') return;
      const { space_id: spaceId, last_reading_at: last } = JSON.parse(data) as { space_id: number; last_reading_at: string | null };
      if (last !== null) latencies.heard(spaceId, Date.parse(last));
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
}

async function post(api: string, path: string, body: object): Promise<void> {
  const { status } = await request(`${api}${path}`, 'POST', body);
  if (status !== 201) throw new Error(`POST ${path}: ${status}`);
}

/** Space n with a doorway to the outside, and a DPU above it; for each round, one more DPU at the first doorway. */
async function raiseBuilding(api: string): Promise<void> {
  for (let n = 1; n <= SPACES; n++) {
    await post(api, '/spaces', { name: `space ${n}` });
    await post(api, '/doorways', { name: `doorway ${n}`, ingress_space_id: n, egress_space_id: null });
    await post(api, '/dpus', { id: `dpu-${n}`, doorway_id: n });
  }
  for (let round = 0; round < ROUNDS; round++) await post(api, '/dpus', { id: `late-${round}`, doorway_id: 1 });
}

/** Each space in turn, at an even pace, until aborted. The first space, which a backfill is for, is not among them. */
async function keepBusy({ nc }: NatsHandles, latencies: Latencies, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  for (let sent = 0; !signal.aborted; await sleep(STEP_MS)) {
    for (const due = ((performance.now() - startedAt) / 1000) * READINGS_PER_SECOND; sent < due; sent++) {
      const spaceId = 2 + (sent % (SPACES - 1));
      const timestampMs = Date.now();
      nc.publish(readingSubject(`dpu-${spaceId}`), JSON.stringify({ timestamp: formatInstant(timestampMs), direction: sent % 3 === 0 ? -1 : 1 }));
      latencies.sent(spaceId, timestampMs);
    }
  }
}

function backfillMessages(): string[] {
  const startMs = Date.now() - SPAN_MS;
  return Array.from({ length: Math.ceil(BACKFILL / READINGS_PER_MESSAGE) }, (_, message) => {
    const count = Math.min(READINGS_PER_MESSAGE, BACKFILL - message * READINGS_PER_MESSAGE);
    return JSON.stringify(Array.from({ length: count }, (__, n) => {
      const nth = message * READINGS_PER_MESSAGE + n;
      return { timestamp: formatInstant(startMs + Math.floor((nth / BACKFILL) * SPAN_MS)), direction: nth % 5 < 3 ? 1 : -1 };
    }));
  });
}

async function stored(clickhouse: ClickHouseClient, dpuId: string): Promise<number> {
  const rows = await (await clickhouse.query({ query: 'SELECT sum(sign) FROM readings WHERE dpu_id = {id:String}', query_params: { id: dpuId }, format: 'JSONCompactEachRow' })).json<[string]>();
  return Number(rows[0]?.[0] ?? 0);
}

/** From the first message to the last row in ClickHouse. */
async function backfill({ js }: NatsHandles, clickhouse: ClickHouseClient, round: number): Promise<void> {
  const dpuId = `late-${round}`;
  await Promise.all(backfillMessages().map(async (text) => js.publish(readingSubject(dpuId), text, { timeout: 60_000 })));
  await eventually(async () => {
    await sleep(230);
    if (await stored(clickhouse, dpuId) !== BACKFILL) throw new Error(`${await stored(clickhouse, dpuId)} of ${BACKFILL} are stored`);
  }, 300_000);
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
const ms = (value: number): string => `${value.toFixed(1)} ms`;

const dataDir = await mkdtemp(join(tmpdir(), 'density-bench-'));
const config = readConfig({ NATS_PORT: '0', MQTT_PORT: '0', CLICKHOUSE_PORT: '0', DENSITY_DATA_DIR: dataDir });
const engines = await startEngines(config, say, (error) => { throw error; });
const service = startDensity(['run'], { ...DEFAULTS, PORT: '0', NATS_URL: engines.natsUrl, CLICKHOUSE_URL: engines.clickhouseUrl, PARTITIONS: '16', DENSITY_DATA_DIR: dataDir, RATE_LIMIT_PER_MINUTE: '0' });
const stop = new AbortController();
try {
  const [, url = ''] = await service.said(/density-api is ready: (\S+)\/api\/v1\/health/);
  const api = `${url}/api/v1`;
  await raiseBuilding(api);
  const nats = await connectNats(engines.natsUrl, 'bench');
  const clickhouse = createClient({ url: engines.clickhouseUrl });
  const latencies = new Latencies();
  follow(api, latencies).catch(() => undefined);
  const busy = keepBusy(nats, latencies, stop.signal);
  say(`${SPACES} spaces, ${READINGS_PER_SECOND} readings a second; a backfill is ${BACKFILL} readings in messages of ${READINGS_PER_MESSAGE}`);
  await sleep(ROUND_MIN_MS);
  latencies.take();
  const [p50s, p99s]: number[][] = [[], []];
  for (let round = 0, lengthMs = ROUND_MIN_MS; round < ROUNDS; round++) {
    await sleep(lengthMs);
    const without = latencies.take();
    const startedAt = performance.now();
    await Promise.all([backfill(nats, clickhouse, round), sleep(ROUND_MIN_MS)]);
    lengthMs = performance.now() - startedAt;
    const during = latencies.take();
    p50s?.push(during.p50 / without.p50);
    p99s?.push(during.p99 / without.p99);
    say(`round ${round + 1}: without p50 ${ms(without.p50)} p99 ${ms(without.p99)} (${without.count}, ${without.unheard} skipped); during a backfill of ${(lengthMs / 1000).toFixed(1)} s p50 ${ms(during.p50)} p99 ${ms(during.p99)} (${during.count}, ${during.unheard} skipped)`);
    await sleep(3_000);
    latencies.take();
  }
  say(`ratio, median of ${ROUNDS} rounds: p50 ${median(p50s ?? []).toFixed(2)}, p99 ${median(p99s ?? []).toFixed(2)}   (${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, node ${process.version})`);
  stop.abort();
  await busy;
  await clickhouse.close();
  await nats.nc.close();
} finally {
  stop.abort();
  await service.end('SIGTERM');
  await engines.stop();
  await rm(dataDir, { recursive: true, force: true });
}
process.exit();
