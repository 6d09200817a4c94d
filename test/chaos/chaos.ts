// Real processes, killed: the service, the nats-server and the ClickHouse engine, each with SIGKILL and
// again and again, while DPUs send out of order and twice, are moved, and spaces are reset. Then every
// count is held against the oracle, which knows what was sent and what the topology says, and nothing else.
import { setTimeout as sleep } from 'node:timers/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNatsServer } from '../../src/local/nats/nats-binary.ts';
import { connectNats } from '../../src/nats/connect.ts';
import { ROOT } from '../simulation/bundle.ts';
import { Random } from '../simulation/random.ts';
import { startDensity, type DensityProcess } from '../support/density-process.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { KillableEngines } from '../support/killable-engines.ts';
import { compareWithOracle } from './comparison.ts';
import { drawLoad, type Load } from './load.ts';
import { askingUntilAnswered, raiseBuilding, sendUntilAcknowledged, type Ask } from './sending.ts';

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
const PARTITIONS = 4;
/** How long sending takes from one kill to the next, at least. */
const SLICE_MS = 4_000;
const ANSWERED_WITHIN_MS = 180_000;

class Victims {
  readonly kills = { service: 0, 'nats-server': 0, clickhouse: 0 };
  readonly #dataDir: string;
  readonly engines: KillableEngines;
  #service: DensityProcess | undefined;
  api = '';

  constructor(dataDir: string, engines: KillableEngines) {
    [this.#dataDir, this.engines] = [dataDir, engines];
  }

  /** Kills one, and starts it again at once. */
  async kill(kind: keyof Victims['kills']): Promise<void> {
    this.kills[kind] += 1;
    if (kind === 'service') {
      await this.#service?.end('SIGKILL');
      return this.startService(new URL(this.api).port);
    }
    const revive = await (kind === 'nats-server' ? this.engines.killNats() : this.engines.killClickhouse());
    return revive();
  }

  async stop(): Promise<void> {
    await this.#service?.end('SIGKILL');
    await this.engines.stop();
  }

  async startService(port: string): Promise<void> {
    this.#service = startDensity(['run'], {
      PORT: port,
      NATS_URL: this.engines.natsUrl,
      CLICKHOUSE_URL: this.engines.clickhouseUrl,
      PARTITIONS: String(PARTITIONS),
      DENSITY_DATA_DIR: this.#dataDir,
      LOG_LEVEL: 'fatal',
    });
    const [, url = ''] = await this.#service.said(/density-api is ready: (\S+)\/api\/v1\/health/, 120_000);
    this.api = `${url}/api/v1`;
  }
}

export async function chaos({ seed, readings, kills, say }: ChaosOptions): Promise<ChaosReport> {
  const startedAt = performance.now();
  const dataDir = await mkdtemp(join(tmpdir(), 'density-chaos-'));
  const binary =
    process.env['NATS_SERVER_BIN'] ??
    (await findNatsServer({ cacheDir: join(ROOT, '.cache/nats-server'), onProgress: say })).path;
  const victims = new Victims(dataDir, await KillableEngines.start(binary, dataDir));
  try {
    const [port = 0] = await freePorts(1);
    await victims.startService(String(port));
    const ask = askingUntilAnswered(() => victims.api, ANSWERED_WITHIN_MS);
    const load = drawLoad(new Random(seed), readings, Date.now());
    await raiseBuilding(ask, load);
    await send(victims, ask, load, kills, say);
    say(`all sent after ${seconds(startedAt)} s, kills ${JSON.stringify(victims.kills)}; comparing`);
    const { sent, distinct, compared, differences } = await compareWithOracle({
      load,
      random: new Random(seed + 1),
      natsUrl: victims.engines.natsUrl,
      clickhouseUrl: victims.engines.clickhouseUrl,
      partitions: PARTITIONS,
      ask: async (path) => ask('GET', path),
    });
    return {
      sent,
      distinct,
      kills: victims.kills,
      moves: load.moves.length,
      compared,
      differences,
      seconds: Number(seconds(startedAt)),
    };
  } finally {
    await victims.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function send(
  victims: Victims,
  ask: Ask,
  { messages, moves }: Load,
  kills: number,
  say: (line: string) => void,
): Promise<void> {
  const { nc, js } = await connectNats(victims.engines.natsUrl, 'chaos');
  const kinds = ['service', 'nats-server', 'clickhouse'] as const;
  let [next, acknowledged, killsBegun] = [0, 0, 0];
  // So much while each is killed and comes back, and neither all before nor all after it.
  const pauseMs = (IN_FLIGHT * SLICE_MS * kills) / messages.length;
  const publish = async (): Promise<void> => {
    for (let message = messages[next++]; message; message = messages[next++]) {
      await sendUntilAcknowledged(js, message, ANSWERED_WITHIN_MS);
      acknowledged += 1;
      await sleep(pauseMs);
      while (acknowledged > ((killsBegun + 1) / kills) * messages.length) await sleep(20);
    }
  };
  const reached = async (part: number): Promise<void> =>
    eventually(() => {
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
      await ask(method, path, body);
    }
  };
  await Promise.all([killing(), moving(), ...Array.from({ length: IN_FLIGHT }, publish)]);
  await nc.close();
}

function seconds(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}
