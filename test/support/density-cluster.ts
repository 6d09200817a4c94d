// Several processes of the service on one NATS server and one ClickHouse, each of which can be killed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { NatsLeases } from '../../src/nats/leases.ts';
import { startDensity, type DensityProcess } from './density-process.ts';
import { KillableEngines } from './killable-engines.ts';
import { request, type Answer } from './local-service.ts';

const WATCH_AGAIN_MS = 100;

export interface Node extends DensityProcess {
  readonly name: string;
  readonly api: string;
}

export interface DensityClusterOptions {
  readonly partitions: number;
  readonly ttlMs: number;
}

export class DensityCluster {
  readonly partitions: number;
  readonly ttlMs: number;
  readonly #folder: string;
  readonly engines: KillableEngines;
  /** The test's own connection. */
  readonly nats: NatsHandles;
  readonly #everStarted: Node[] = [];
  /** The processes that should answer. */
  readonly nodes = new Map<string, Node>();
  readonly #holders = new Map<number, string>();
  readonly #members = new Map<string, string>();
  readonly #over = new AbortController();

  private constructor(
    { partitions, ttlMs }: DensityClusterOptions,
    folder: string,
    engines: KillableEngines,
    handles: NatsHandles,
  ) {
    [this.partitions, this.ttlMs, this.#folder, this.engines, this.nats] = [
      partitions,
      ttlMs,
      folder,
      engines,
      handles,
    ];
  }

  /** Starts the engines, but no process of the service. */
  static async start(options: DensityClusterOptions): Promise<DensityCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'density-cluster-'));
    const engines = await KillableEngines.start(process.env['NATS_SERVER_BIN'] ?? 'nats-server', folder);
    const cluster = new DensityCluster(options, folder, engines, await connectNats(engines.natsUrl, 'test'));
    void cluster.#watch();
    return cluster;
  }

  async join(name: string, environment: Readonly<Record<string, string>> = {}): Promise<Node> {
    const child = startDensity(['run'], {
      NATS_URL: this.engines.natsUrl,
      CLICKHOUSE_URL: this.engines.clickhouseUrl,
      NODE_NAME: name,
      PARTITIONS: String(this.partitions),
      LEASE_TTL_MS: String(this.ttlMs),
      RATE_LIMIT_PER_MINUTE: '0',
      ...environment,
    });
    const [, api = ''] = await child.waitForOutput(/density-api is ready: (\S+)\/health/);
    const node = { ...child, name, api };
    this.nodes.set(name, node);
    this.#everStarted.push(node);
    return node;
  }

  /** @returns its exit code, null if the signal ended it */
  async leave(name: string, signal: NodeJS.Signals): Promise<number | null> {
    const node = this.node(name);
    this.nodes.delete(name);
    return node.end(signal);
  }

  node(name: string): Node {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`${name} does not run`);
    return node;
  }

  async get(name: string, path: string): Promise<Answer> {
    return request(`${this.node(name).api}${path}`, 'GET');
  }

  /** How many shards each process owns, by name; '' counts those without an owner. */
  shares(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (let k = 0; k < this.partitions; k++) {
      const owner = this.#members.get(this.#holders.get(k) ?? '') ?? '';
      counts[owner] = (counts[owner] ?? 0) + 1;
    }
    return counts;
  }

  async dispose(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#everStarted.map(async (node) => node.dispose()));
    await this.nats.nc.close();
    await this.engines.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #watch(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const watching = NatsLeases.open(this.nats, this.ttlMs, 1).then(async (leases) =>
        leases.watch((change) => {
          if (change.kind === 'member') {
            if (change.member) this.#members.set(change.id, change.member.name);
            else this.#members.delete(change.id);
          } else if (change.holder === undefined) this.#holders.delete(change.shard);
          else this.#holders.set(change.shard, change.holder);
        }, signal),
      );
      await watching.catch(async () => sleep(WATCH_AGAIN_MS));
    }
  }
}
