// A steady, modest load of everything that clients do: readings over NATS, MQTT and HTTP, in order, late and repeated;
// moves of DPUs and resets of spaces; live streams that connect and disconnect; queries.
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import type { NatsConnection } from 'nats';
import { formatInstant } from '../../src/domain/instant.ts';
import { Random } from '../../test/simulation/random.ts';
import { openEvents } from '../../test/support/event-source.ts';
import { eventually } from '../../test/support/eventually.ts';
import { request } from '../../test/support/local-service.ts';
import { raiseBuilding } from './building.ts';

const [SPACES, DPUS, STREAMS] = [20, 40, 6];
const RECENT_MAX = 500;
const MINUTE = 60_000;
const ACKNOWLEDGED_WITHIN_MS = 60_000;
const COME_BACK_MS = 1_000;

interface Sent {
  readonly dpuId: string;
  readonly timestampMs: number;
  readonly direction: number;
}

export interface SoakOptions {
  readonly api: string;
  readonly nc: NatsConnection;
  readonly mqttUrl: string;
  readonly seed: number;
  readonly readingsPerSecond: number;
}

export class SoakLoad {
  readonly #options: SoakOptions;
  readonly #random: Random;
  readonly #dpuIds = Array.from({ length: DPUS }, (_, n) => `soak-${n + 1}`);
  readonly #recent: Sent[] = [];
  readonly #distinct = new Set<string>();
  #sent = 0;
  #asked = 0;
  #streams = 0;
  #refused = 0;

  constructor(options: SoakOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  /** Distinct acknowledged readings. */
  get distinct(): number {
    return this.#distinct.size;
  }

  get totals(): string {
    return `${this.#sent} readings sent (${this.distinct} different), ${this.#asked} questions, ${this.#streams} live streams, ${this.#refused} times 503`;
  }

  /** Runs until the signal aborts and all pending requests are answered. @throws Error at the first wrong answer */
  async run(signal: AbortSignal): Promise<void> {
    const { api, mqttUrl, readingsPerSecond } = this.#options;
    await raiseBuilding(api, SPACES, this.#dpuIds);
    const device = await mqtt.connectAsync(mqttUrl, { protocolVersion: 4, clientId: 'soak', clean: false });
    const over = new AbortController();
    const stopped = AbortSignal.any([signal, over.signal]);
    const each = async (intervalMs: number, act: () => Promise<void>): Promise<void> => {
      for (let at = performance.now(); !stopped.aborted; at += intervalMs) {
        await pause(at - performance.now(), stopped);
        if (!stopped.aborted) await act();
      }
    };
    try {
      await Promise.all([
        each(1_000, async () => {
          await Promise.all(Array.from({ length: readingsPerSecond }, async () => this.#send(device)));
        }),
        each(10_000, async () => this.#move()),
        each(15_000, async () => this.#reset()),
        each(500, async () => this.#ask()),
        ...Array.from({ length: STREAMS }, async () => this.#listen(stopped)),
      ]);
    } finally {
      over.abort();
      await device.endAsync();
    }
  }

  async #send(device: mqtt.MqttClient): Promise<void> {
    const random = this.#random;
    const reading = this.#recent.length > 0 && random.chance(0.05) ? random.pick(this.#recent) : this.#draw();
    const { dpuId, timestampMs, direction } = reading;
    const [body, transport] = [{ timestamp: formatInstant(timestampMs), direction }, random.int(0, 2)];
    // A device repeats a message until it is acknowledged.
    await eventually(async () => {
      if (transport === 0)
        await this.#options.nc.request(`dpu.${dpuId}.readings`, JSON.stringify(body), { timeout: 10_000 });
      else if (transport === 1) await device.publishAsync(`dpu/${dpuId}/readings`, JSON.stringify(body), { qos: 1 });
      else await this.#request('POST', '/readings', { dpu_id: dpuId, ...body });
    }, ACKNOWLEDGED_WITHIN_MS);
    this.#sent += 1;
    this.#distinct.add(`${dpuId} ${timestampMs} ${direction}`);
    this.#recent[(this.#sent - 1) % RECENT_MAX] = reading;
  }

  #draw(): Sent {
    const random = this.#random;
    const ageMs = random.chance(0.8)
      ? random.int(0, 900)
      : random.chance(0.8)
        ? random.int(2_000, MINUTE)
        : random.int(MINUTE, 360 * MINUTE);
    return {
      dpuId: random.pick(this.#dpuIds),
      timestampMs: Date.now() - ageMs,
      direction: random.chance(0.5) ? 1 : -1,
    };
  }

  async #move(): Promise<void> {
    const random = this.#random;
    await this.#request('PATCH', `/dpus/${random.pick(this.#dpuIds)}`, {
      doorway_id: random.int(1, DPUS),
      effective_at: formatInstant(Date.now() - random.int(0, 10 * MINUTE)),
    });
  }

  async #reset(): Promise<void> {
    const random = this.#random;
    await this.#request('POST', `/spaces/${random.int(1, SPACES)}/resets`, {
      timestamp: formatInstant(Date.now() - random.int(0, 10 * MINUTE)),
      count: random.int(0, 20),
    });
  }

  async #ask(): Promise<void> {
    const [random, now] = [this.#random, Date.now()];
    const space = random.int(1, SPACES);
    const ago = (ms: number): string => formatInstant(now - random.int(0, ms));
    const day = `start=${formatInstant(now - 24 * 60 * MINUTE)}&end=${formatInstant(now)}&interval=1h`;
    await this.#request(
      'GET',
      random.pick([
        `/counts/${space}/current`,
        `/counts/${space}/current?at=${ago(60 * MINUTE)}`,
        `/counts/${space}/intervals?${day}`,
        `/counts/${space}?limit=20&desc=true`,
        '/readings?limit=20&desc=true',
        '/spaces',
        '/account',
      ]),
    );
    this.#asked += 1;
  }

  /**
   * One client after the other: each listens for a while, and every second one resumes where the previous one stopped.
   */
  async #listen(signal: AbortSignal): Promise<void> {
    let lastEventId: string | undefined;
    while (!signal.aborted) {
      const stream = await openEvents(
        `${this.#options.api}/counts/stream`,
        lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
      );
      if (stream.status === 503) {
        await this.#comeBack(signal);
        continue;
      }
      if (stream.status !== 200) throw new Error(`GET /counts/stream: ${stream.status}`);
      this.#streams += 1;
      await pause(this.#random.int(5_000, 45_000), signal);
      stream.close();
      const last = stream.events.findLast(({ id }) => id !== undefined)?.id;
      lastEventId = this.#random.chance(0.5) ? last : undefined;
    }
  }

  /** Retries after a 503, because on a busy machine a shard may be without an owner for a moment. */
  async #request(method: string, path: string, body?: unknown): Promise<void> {
    for (;;) {
      const { status, body: answer } = await request(`${this.#options.api}${path}`, method, body);
      if (status >= 200 && status <= 299) return;
      if (status !== 503) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
      await this.#comeBack(new AbortController().signal);
    }
  }

  async #comeBack(signal: AbortSignal): Promise<void> {
    this.#refused += 1;
    await pause(COME_BACK_MS, signal);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
}
