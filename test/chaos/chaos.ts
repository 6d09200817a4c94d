// Real processes, killed: the service, the nats-server and the ClickHouse engine, each with SIGKILL and
// again and again, while DPUs send out of order and twice, are moved, and spaces are reset. Then every
// count is held against the oracle, which knows what was sent and what the topology says, and nothing else.
import { setTimeout as sleep } from 'node:timers/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectClickHouse } from '../../src/clickhouse/connect.ts';
import { formatInstant } from '../../src/domain/instant.ts';
import type { TopologyFact } from '../../src/domain/topology.ts';
import { startClickhouse, type LocalClickhouse } from '../../src/local/clickhouse-engine.ts';
import { findNatsServer } from '../../src/local/nats-binary.ts';
import { startNatsServer, type LocalNatsServer } from '../../src/local/nats-server.ts';
import { connectNats } from '../../src/nats/connect.ts';
import { NatsTopologyLog } from '../../src/nats/topology-log.ts';
import { ROOT } from '../simulation/bundle.ts';
import { Random } from '../simulation/random.ts';
import { startDensity, type DensityProcess } from '../support/density-process.ts';
import { eventually } from '../support/eventually.ts';
import { request } from '../support/local-service.ts';
import { Oracle } from '../support/oracle.ts';
import { drawLoad, type Load } from './load.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly readings: number;
  /** In all; the three kinds of process take turns. */
  readonly kills: number;
  readonly say: (line: string) => void;
}

export interface ChaosReport {
  readonly sent: number;
  readonly distinct: number;
  readonly kills: Readonly<Record<'service' | 'nats-server' | 'clickhouse', number>>;
  readonly moves: number;
  readonly compared: number;
  readonly differences: readonly string[];
  readonly seconds: number;
}

const IN_FLIGHT = 40;
const SETTLE_WITHIN_MS = 240_000;
/** How long sending takes from one kill to the next, at least. */
const SLICE_MS = 4_000;
const HOST = '127.0.0.1';

class Victims {
  readonly kills = { service: 0, 'nats-server': 0, clickhouse: 0 };
  readonly #dataDir: string;
  readonly #natsBinary: string;
  nats!: LocalNatsServer;
  clickhouse!: LocalClickhouse;
  service!: DensityProcess;
  api = '';

  constructor(dataDir: string, natsBinary: string) {
    this.#dataDir = dataDir;
    this.#natsBinary = natsBinary;
  }

  async start(): Promise<void> {
    await this.#startNats(0);
    await this.#startClickhouse(0);
    await this.#startService('0');
  }

  /** Kills one, and starts it again at once. */
  async kill(kind: keyof Victims['kills']): Promise<void> {
    this.kills[kind] += 1;
    if (kind === 'nats-server') {
      const { port } = this.nats;
      await this.nats.kill9();
      await this.#startNats(port);
    } else if (kind === 'clickhouse') {
      const { port } = this.clickhouse;
      await this.clickhouse.kill9();
      await this.#startClickhouse(port);
    } else {
      await this.service.end('SIGKILL');
      await this.#startService(new URL(this.api).port);
    }
  }

  async stop(): Promise<void> {
    await this.service?.end('SIGKILL');
    await this.clickhouse?.stop();
    await this.nats?.stop();
  }

  async #startNats(port: number): Promise<void> {
    this.nats = await startNatsServer({ binary: this.#natsBinary, dataDir: join(this.#dataDir, 'nats'), host: HOST, port, mqttPort: 0, name: 'chaos', logFile: join(this.#dataDir, 'nats.log') });
  }

  async #startClickhouse(port: number): Promise<void> {
    this.clickhouse = await startClickhouse({ dataDir: join(this.#dataDir, 'clickhouse'), host: HOST, port, logFile: join(this.#dataDir, 'clickhouse.log') });
  }

  async #startService(port: string): Promise<void> {
    this.service = startDensity(['run'], {
      PORT: port, NATS_URL: this.nats.url, CLICKHOUSE_URL: this.clickhouse.url, PARTITIONS: '4', DENSITY_DATA_DIR: this.#dataDir, LOG_LEVEL: 'fatal',
    });
    const [, url = ''] = await this.service.said(/density-api is ready: (\S+)\/api\/v1\/health/, 120_000);
    this.api = `${url}/api/v1`;
  }
}

export async function chaos({ seed, readings, kills, say }: ChaosOptions): Promise<ChaosReport> {
  const startedAt = performance.now();
  const dataDir = await mkdtemp(join(tmpdir(), 'density-chaos-'));
  const binary = process.env['NATS_SERVER_BIN'] ?? (await findNatsServer({ cacheDir: join(ROOT, '.cache/nats-server'), onProgress: say })).path;
  const victims = new Victims(dataDir, binary);
  try {
    await victims.start();
    const load = drawLoad(new Random(seed), readings, Date.now());
    await raiseBuilding(victims, load);
    await send(victims, load, kills, say);
    say(`all sent after ${seconds(startedAt)} s, kills ${JSON.stringify(victims.kills)}; comparing`);
    const { compared, differences, distinct } = await compare(victims, load, new Random(seed + 1));
    return { sent: load.messages.reduce((sum, { items }) => sum + items.length, 0), distinct, kills: victims.kills, moves: load.moves.length, compared, differences, seconds: Number(seconds(startedAt)) };
  } finally {
    await victims.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function raiseBuilding(victims: Victims, { spaces, doorways, dpus }: Load): Promise<void> {
  for (const name of spaces) await ask(victims, 'POST', '/spaces', { name });
  for (const doorway of doorways) await ask(victims, 'POST', '/doorways', doorway);
  for (const dpu of dpus) await ask(victims, 'POST', '/dpus', dpu);
}

/** Until it is answered: a service that was killed comes back. */
async function ask(victims: Victims, method: string, path: string, body?: unknown): Promise<unknown> {
  return eventually(async () => {
    const answer = await request(`${victims.api}${path}`, method, body);
    // A repetition of what had been done, and not been answered.
    if (answer.status !== 409 && (answer.status < 200 || answer.status > 299)) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }, 180_000);
}

async function send(victims: Victims, { messages, moves }: Load, kills: number, say: (line: string) => void): Promise<void> {
  const { nc, js } = await connectNats(victims.nats.url, 'chaos');
  const kinds = ['service', 'nats-server', 'clickhouse'] as const;
  let [next, acknowledged, killsBegun] = [0, 0, 0];
  // So much while each is killed and comes back, and neither all before nor all after it.
  const pauseMs = (IN_FLIGHT * SLICE_MS * kills) / messages.length;
  const publish = async (): Promise<void> => {
    for (let message = messages[next++]; message; message = messages[next++]) {
      const { dpuId, items } = message;
      // No acknowledgement: a DPU sends it again.
      await eventually(async () => js.publish(`dpu.${dpuId}.readings`, JSON.stringify(items), { timeout: 2_000 }), 180_000);
      acknowledged += 1;
      await sleep(pauseMs);
      while (acknowledged > ((killsBegun + 1) / kills) * messages.length) await sleep(20);
    }
  };
  const reached = async (part: number): Promise<void> => eventually(() => {
    if (acknowledged < part * messages.length) throw new Error(`${acknowledged} of ${messages.length} messages sent`);
  }, 600_000);
  const killing = async (): Promise<void> => {
    for (let n = 0; n < kills; n++) {
      await reached((n + 0.3) / kills);
      const kind = kinds[n % kinds.length] ?? 'service';
      killsBegun += 1;
      await victims.kill(kind);
      say(`kill ${n + 1} of ${kills}: ${kind}, ${acknowledged} of ${messages.length} messages acknowledged`);
    }
  };
  const moving = async (): Promise<void> => {
    for (const [n, { path, method, body }] of moves.entries()) {
      await reached(n / moves.length);
      await ask(victims, method, path, body);
    }
  };
  await Promise.all([killing(), moving(), ...Array.from({ length: IN_FLIGHT }, publish)]);
  await nc.close();
}

async function compare(victims: Victims, load: Load, random: Random): Promise<{ compared: number; distinct: number; differences: string[] }> {
  const sent = load.messages.flatMap(({ dpuId, items }) => items.map((item) => ({ dpuId, timestampMs: Date.parse(item.timestamp), direction: item.direction, name: item.id })));
  const oracle = new Oracle(sent, await topologyFacts(victims.nats.url));
  const held = oracle.held;
  const account = {
    accepted: sent.length, applied: oracle.readings.length - held, duplicate: sent.length - oracle.readings.length, held, dead_lettered: 0, dead_letters: {}, remainder: 0,
  };
  const questions: { path: string; expected: (answer: unknown) => [unknown, unknown] }[] = [
    { path: '/account', expected: (answer) => [answer, account] },
  ];
  const counts = (spaceId: number, atMs: number) => (answer: unknown): [unknown, unknown] => {
    const { count, net, drift, final } = answer as Record<string, unknown>;
    return [{ count, net, drift, final }, { ...oracle.at(spaceId, atMs), final: true }];
  };
  for (const { id } of oracle.spaces) {
    for (let n = 0; n < 8; n++) {
      const atMs = random.int(load.firstMs, load.lastMs);
      questions.push({ path: `/counts/${id}/current?at=${formatInstant(atMs)}`, expected: counts(id, atMs) });
    }
    questions.push({ path: `/counts/${id}/current?at=${formatInstant(load.lastMs + 1)}`, expected: counts(id, load.lastMs + 1) });
  }
  const differences: string[] = [];
  for (const { path, expected } of questions) {
    await eventually(async () => {
      const [is, shouldBe] = expected(await ask(victims, 'GET', path)).map((value) => JSON.stringify(value));
      if (is !== shouldBe) throw new Error(`${path}: is ${is}, should be ${shouldBe}`);
    }, differences.length > 0 ? 1_000 : SETTLE_WITHIN_MS).catch((error: unknown) => differences.push(String(error)));
  }
  const stored = await eventually(async () => compareStored(victims.clickhouse.url, oracle));
  return { compared: questions.length + stored.compared, distinct: oracle.readings.length, differences: [...differences, ...stored.differences] };
}

/** Rollups and readings, straight from the tables. */
async function compareStored(url: string, oracle: Oracle): Promise<{ compared: number; differences: string[] }> {
  const client = await connectClickHouse(url);
  const rows = async (query: string): Promise<[string, ...number[]][]> => (await client.query({ query, format: 'JSONCompactEachRow' })).json<[string, ...number[]]>();
  const minutes = new Map((await rows(`SELECT concat(toString(space_id), ' ', toString(intDiv(toUnixTimestamp(minute), 60))) AS key,
    toInt32(sum(net)), toInt32(sum(entrances)), toInt32(sum(exits)) FROM counts_by_minute GROUP BY key, space_id, minute`)).map(([key, ...sums]) => [key, sums.join()]));
  const readings = new Map((await rows(`SELECT concat(reading_id, ' ', toString(toUnixTimestamp64Milli(timestamp)), ' ', toString(direction)) AS key, toInt32(sum(sign)) AS n FROM readings GROUP BY key HAVING n != 0`))
    .map(([key, n]) => [key, String(n)]));
  await client.close();
  const expected = new Map<string, [number, number, number]>();
  for (const spaceId of [0, ...oracle.spaces.map(({ id }) => id)]) {
    for (const { timestampMs, delta } of oracle.events(spaceId)) {
      const key = `${spaceId} ${Math.floor(timestampMs / 60_000)}`;
      const [net, entrances, exits] = expected.get(key) ?? [0, 0, 0];
      expected.set(key, [net + delta, entrances + (delta > 0 ? 1 : 0), exits + (delta < 0 ? 1 : 0)]);
    }
  }
  const wanted = new Map(oracle.readings.map(({ readingId, timestampMs, direction }) => [`${readingId} ${timestampMs} ${direction}`, '1']));
  return {
    compared: expected.size + wanted.size,
    differences: [
      ...differing('minute', minutes, new Map([...expected].map(([key, sums]) => [key, sums.join()])), '0,0,0'),
      ...differing('reading', readings, wanted, '0'),
    ],
  };
}

function differing(what: string, is: ReadonlyMap<string, string>, shouldBe: ReadonlyMap<string, string>, none: string): string[] {
  return [...new Set([...is.keys(), ...shouldBe.keys()])].filter((key) => (is.get(key) ?? none) !== (shouldBe.get(key) ?? none))
    .map((key) => `${what} ${key}: is ${is.get(key) ?? none}, should be ${shouldBe.get(key) ?? none}`);
}

async function topologyFacts(url: string): Promise<TopologyFact[]> {
  const { nc, js, jsm } = await connectNats(url, 'chaos');
  const { state } = await jsm.streams.info('TOPOLOGY');
  const cursor = await new NatsTopologyLog(js).open(0);
  const facts: TopologyFact[] = [];
  for (let seq = 0; seq < state.last_seq;) {
    for (const entry of await cursor.next()) {
      facts.push(entry.fact);
      seq = entry.seq;
    }
  }
  await cursor.close();
  await nc.close();
  return facts;
}

function seconds(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}
