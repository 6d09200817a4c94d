// Three nats-servers in a cluster on this machine, each of which can be killed and restarted in place.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { eventually } from './eventually.ts';
import { freePorts } from './free-ports.ts';

const HOST = '127.0.0.1';
export const CLUSTER_SIZE = 3;
const STORE = 'data';

interface Server {
  readonly name: string;
  readonly folder: string;
  readonly url: string;
  child: ChildProcess | undefined;
}

export class NatsCluster {
  readonly #binary: string;
  readonly #servers: readonly Server[];

  private constructor(binary: string, servers: readonly Server[]) {
    this.#binary = binary;
    this.#servers = servers;
  }

  static async start(binary: string, folder: string): Promise<NatsCluster> {
    // The routes have to be known before the first server starts.
    const ports = await freePorts(2 * CLUSTER_SIZE);
    const clientPorts = ports.slice(0, CLUSTER_SIZE);
    const routePorts = ports.slice(CLUSTER_SIZE);
    const routes = routePorts.map((port) => `nats://${HOST}:${port}`).join(', ');
    const servers = clientPorts.map((port, n): Server => ({
      name: `n${n}`,
      folder: join(folder, `n${n}`),
      url: `nats://${HOST}:${port}`,
      child: undefined,
    }));
    for (const [n, { name, folder: own }] of servers.entries()) {
      await mkdir(own, { recursive: true });
      await writeFile(
        join(own, 'nats-server.conf'),
        [
          `server_name: ${name}`,
          `listen: "${HOST}:${clientPorts[n]}"`,
          `jetstream { store_dir: ${JSON.stringify(join(own, STORE))} }`,
          `cluster { name: density, listen: "${HOST}:${routePorts[n]}", routes: [${routes}] }`,
          '',
        ].join('\n'),
      );
    }
    const cluster = new NatsCluster(binary, servers);
    for (const { name } of servers) await cluster.revive(name);
    return cluster;
  }

  /** All servers, as NATS_URL names them. */
  get url(): string {
    return this.#servers.map(({ url }) => url).join(',');
  }

  /** Kills it, as a crash would; resolves once it is gone. */
  async kill9(name: string): Promise<void> {
    const server = this.#server(name);
    const { child } = server;
    if (!child || child.exitCode !== null || child.signalCode !== null) throw new Error(`${name} does not run`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    server.child = undefined;
  }

  /** Starts it again with the same data and ports. */
  async revive(name: string): Promise<void> {
    const server = this.#server(name);
    const log = await open(join(server.folder, 'nats-server.log'), 'a');
    server.child = spawn(this.#binary, ['-c', join(server.folder, 'nats-server.conf')], {
      stdio: ['ignore', log.fd, log.fd],
    });
    await once(server.child, 'spawn');
    await log.close();
  }

  /** The folder of its data. */
  storeOf(name: string): string {
    return join(this.#server(name).folder, STORE);
  }

  /** The test's own connection, once all servers have joined: before that no stream can have three replicas. */
  async connect(withinMs: number): Promise<NatsHandles> {
    const nats = await eventually(() => connectNats(this.url, 'test'), withinMs);
    await eventually(
      () => nats.jsm.streams.add({ name: 'MEETING', subjects: ['meeting'], num_replicas: CLUSTER_SIZE }),
      withinMs,
    );
    await nats.jsm.streams.delete('MEETING');
    return nats;
  }

  async hasAllReplicas({ jsm }: NatsHandles, stream: string): Promise<boolean> {
    const { cluster: group } = await jsm.streams.info(stream);
    const replicas = group?.replicas ?? [];
    return (
      replicas.length === CLUSTER_SIZE - 1 && replicas.every(({ current, offline }) => current && offline !== true)
    );
  }

  async stop(): Promise<void> {
    for (const { name, child } of this.#servers)
      if (child && child.exitCode === null && child.signalCode === null) await this.kill9(name);
  }

  #server(name: string): Server {
    const server = this.#servers.find((one) => one.name === name);
    if (!server) throw new Error(`no server is called ${name}`);
    return server;
  }
}
