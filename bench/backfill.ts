// One DPU sends 90 days of readings at once while 1,000 spaces are busy: how this affects the latency from publishing a
// reading of another space to its count on the live stream. The service, the nats-server and the ClickHouse engine are
// separate processes; rounds with and without a backfill alternate.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { formatInstant } from '../src/domain/instant.ts';
import type { NatsHandles } from '../src/nats/connect.ts';
import { readingSubject } from '../src/nats/streams.ts';
import { create, raiseBuilding } from './support/building.ts';
import { followCounts } from './support/live-stream.ts';
import { inMs, machine, numberFrom, printLine } from './support/output.ts';
import { withService } from './support/processes.ts';
import { median, quantile } from './support/statistics.ts';
import { readingsStored, untilCount } from './support/stored.ts';

const SPACES = numberFrom('BENCH_SPACES', 1_000);
const READINGS_PER_SECOND = numberFrom('BENCH_RATE', 500);
const BACKFILL = numberFrom('BENCH_READINGS', 100_000);
const READINGS_PER_MESSAGE = numberFrom('BENCH_MESSAGE', 500);
const ROUNDS = numberFrom('BENCH_ROUNDS', 5);
const ROUND_MIN_MS = 8_000;
const SPAN_MS = 90 * 86_400_000;
const STEP_MS = 10;
/** Between rounds. */
const SETTLED_MS = 3_000;
const STORED_WITHIN_MS = 300_000;

/**
 * The pending reading of every busy space: one at a time, so that the newest reading on the stream shows that it is
 * counted.
 */
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

  /** The latencies received since the last call; pending readings count in the next round. */
  take(): { p50: number; p99: number; count: number; unheard: number } {
    const sorted = this.#samples.sort((a, b) => a - b);
    const taken = {
      p50: quantile(sorted, 0.5),
      p99: quantile(sorted, 0.99),
      count: sorted.length,
      unheard: this.#unheard,
    };
    [this.#samples, this.#unheard] = [[], 0];
    return taken;
  }
}

/**
 * Publishes to one space after the other, evenly paced, until aborted; not to the first space, which gets the backfill.
 */
async function keepBusy({ nc }: NatsHandles, latencies: Latencies, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  for (let sent = 0; !signal.aborted; await sleep(STEP_MS)) {
    for (const due = ((performance.now() - startedAt) / 1000) * READINGS_PER_SECOND; sent < due; sent++) {
      const spaceId = 2 + (sent % (SPACES - 1));
      const timestampMs = Date.now();
      nc.publish(
        readingSubject(`dpu-${spaceId}`),
        JSON.stringify({ timestamp: formatInstant(timestampMs), direction: sent % 3 === 0 ? -1 : 1 }),
      );
      latencies.sent(spaceId, timestampMs);
    }
  }
}

function backfillMessages(): string[] {
  const startMs = Date.now() - SPAN_MS;
  return Array.from({ length: Math.ceil(BACKFILL / READINGS_PER_MESSAGE) }, (_, message) => {
    const count = Math.min(READINGS_PER_MESSAGE, BACKFILL - message * READINGS_PER_MESSAGE);
    return JSON.stringify(
      Array.from({ length: count }, (__, n) => {
        const nth = message * READINGS_PER_MESSAGE + n;
        return {
          timestamp: formatInstant(startMs + Math.floor((nth / BACKFILL) * SPAN_MS)),
          direction: nth % 5 < 3 ? 1 : -1,
        };
      }),
    );
  });
}

/** From the first message to the last row in ClickHouse. */
async function backfill(
  { js }: NatsHandles,
  clickhouse: ClickHouseClient,
  round: number,
  messages: readonly string[],
): Promise<void> {
  const dpuId = `late-${round}`;
  await Promise.all(messages.map(async (text) => js.publish(readingSubject(dpuId), text, { timeout: 60_000 })));
  await untilCount(() => readingsStored(clickhouse, dpuId), BACKFILL, 'stored', STORED_WITHIN_MS);
}

await withService(async ({ api, nats, clickhouse }) => {
  // Space n belongs to dpu-n; each round has one more DPU at the first doorway.
  await raiseBuilding(
    api,
    SPACES,
    Array.from({ length: SPACES }, (_, n) => `dpu-${n + 1}`),
  );
  for (let round = 0; round < ROUNDS; round++) await create(api, '/dpus', { id: `late-${round}`, doorway_id: 1 });
  const latencies = new Latencies();
  const stop = new AbortController();
  const stream = await followCounts(api, (spaceId, lastReadingMs) => latencies.heard(spaceId, lastReadingMs));
  const busy = keepBusy(nats, latencies, stop.signal);
  printLine(
    `${SPACES} spaces, ${READINGS_PER_SECOND} readings a second; a backfill is ${BACKFILL} readings in messages of ${READINGS_PER_MESSAGE}`,
  );
  await sleep(ROUND_MIN_MS);
  latencies.take();
  const [p50s, p99s]: number[][] = [[], []];
  for (let round = 0, lengthMs = ROUND_MIN_MS; round < ROUNDS; round++) {
    await sleep(lengthMs);
    const without = latencies.take();
    // Before the round, because this process hears nothing meanwhile.
    const messages = backfillMessages();
    await sleep(SETTLED_MS);
    latencies.take();
    const startedAt = performance.now();
    await Promise.all([backfill(nats, clickhouse, round, messages), sleep(ROUND_MIN_MS)]);
    lengthMs = performance.now() - startedAt;
    const during = latencies.take();
    p50s?.push(during.p50 / without.p50);
    p99s?.push(during.p99 / without.p99);
    printLine(
      `round ${round + 1}: without p50 ${inMs(without.p50)} p99 ${inMs(without.p99)} (${without.count}, ${without.unheard} skipped); during a backfill of ${(lengthMs / 1000).toFixed(1)} s p50 ${inMs(during.p50)} p99 ${inMs(during.p99)} (${during.count}, ${during.unheard} skipped)`,
    );
    await sleep(SETTLED_MS);
    latencies.take();
  }
  printLine(
    `ratio, median of ${ROUNDS} rounds: p50 ${median(p50s ?? []).toFixed(2)}, p99 ${median(p99s ?? []).toFixed(2)}   (${machine()})`,
  );
  stop.abort();
  await busy;
  stream.close();
});
