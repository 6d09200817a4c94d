// Runs docker-compose.yml as `docker compose up` does, with its own project name, ports and volumes.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { projectYaml, ROOT } from '../support/project.ts';
import { DockerEngine, type DockerAddress } from './docker-engine.ts';
import type { Images } from './images.ts';
import { runProgram } from './program.ts';

const PORTS = [
  'DENSITY_1_PORT',
  'DENSITY_2_PORT',
  'NATS_CLIENT_PORT',
  'NATS_MQTT_PORT',
  'PROMETHEUS_PORT',
  'GRAFANA_PORT',
] as const;
/** A shared machine takes minutes. */
const UP_WITHIN_S = 600;
const ENDS_WITHIN_MS = 300_000;
/** Fewer than ClickHouse recommends: on a shared machine the daemon may not grant more. */
const OPEN_FILES = '10000';

export interface ContainerEvent {
  readonly service: string;
  readonly action: 'start' | 'healthy' | 'unhealthy' | 'die';
  /** Timeout of a stop. */
  readonly exitCode: number | undefined;
}

export interface ContainerState {
  readonly Running: boolean;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly Health?: { readonly Log: readonly { readonly ExitCode: number; readonly Output: string }[] };
}

export interface ComposeOptions {
  readonly docker: DockerAddress;
  readonly compose: string;
  readonly images: Images;
  readonly profiles: readonly string[];
  /** Relative to the project. */
  readonly envFile?: string;
}

export class ComposeProject {
  /** The container events, in order. */
  readonly events: ContainerEvent[] = [];
  readonly #options: ComposeOptions;
  readonly #engine: DockerEngine;
  readonly #name = `density-test-${process.pid}`;
  readonly #folder: string;
  readonly #ports: ReadonlyMap<string, number>;
  #listener: ChildProcess | undefined;

  private constructor(options: ComposeOptions, folder: string, ports: readonly number[]) {
    [this.#options, this.#folder, this.#engine] = [options, folder, DockerEngine.at(options.docker)];
    this.#ports = new Map(PORTS.map((name, n) => [name, ports[n] ?? 0]));
  }

  /** Not started yet. */
  static async create(options: ComposeOptions): Promise<ComposeProject> {
    const folder = await mkdtemp(join(tmpdir(), 'density-compose-'));
    return new ComposeProject(options, folder, await freePorts(PORTS.length));
  }

  port(name: (typeof PORTS)[number]): number {
    return this.#ports.get(name) ?? 0;
  }

  /** Resolves once every container runs and those with a health check are healthy. */
  async up(): Promise<void> {
    await writeFile(join(this.#folder, 'images.yml'), JSON.stringify(await this.#replacedImages()));
    this.#listen();
    const services = (await this.compose(['config', '--services'])).trim().split('\n');
    const { grafana } = this.#options.images;
    const all = services.filter((service) => service !== 'grafana' || grafana !== undefined);
    const args = ['up', '--detach', '--no-build', '--wait', '--wait-timeout', String(UP_WITHIN_S), ...all];
    try {
      await this.compose(args, (UP_WITHIN_S + 60) * 1_000);
    } catch (error) {
      const logs = await this.compose(['logs', '--tail', '15', '--no-color']);
      throw new Error(`${String(error)}\n${logs}`, { cause: error });
    }
  }

  /** Runs `docker compose` with these arguments. @returns what it printed */
  async compose(args: readonly string[], withinMs = ENDS_WITHIN_MS): Promise<string> {
    const { compose, docker, profiles, envFile } = this.#options;
    const files = ['docker-compose.yml', join(this.#folder, 'images.yml')].flatMap((file) => ['--file', file]);
    const chosen = profiles.flatMap((profile) => ['--profile', profile]);
    const environment = envFile === undefined ? [] : ['--env-file', join(ROOT, envFile)];
    const before = ['--project-directory', ROOT, '--project-name', this.#name, ...files, ...chosen, ...environment];
    const ports = Object.fromEntries([...this.#ports].map(([name, port]) => [name, String(port)]));
    const env = { ...docker, ...ports, CLICKHOUSE_NOFILE: OPEN_FILES };
    return runProgram(compose, [...before, ...args], { env, withinMs, cwd: ROOT });
  }

  /** Kills the process, as a crash would; resolves when Docker has noticed. */
  async kill9(service: string): Promise<void> {
    const { Pid: pid } = await this.state(service);
    const ends = this.#count(service, 'die');
    // Not by `docker kill`, after which Docker does not restart it.
    const killer = ['run', '--rm', '--pid', 'host', '--network', 'none', '--user', '0', '--entrypoint', 'bash'];
    await this.#engine.docker([...killer, this.#options.images.service, '-c', `kill -9 ${pid}`]);
    await eventually(() => {
      if (this.#count(service, 'die') === ends) throw new Error(`${service} has not ended`);
    }, ENDS_WITHIN_MS);
  }

  async state(service: string): Promise<ContainerState> {
    const answer = await this.#engine.docker(['inspect', '--format', '{{json .State}}', `${this.#name}-${service}-1`]);
    return JSON.parse(answer) as ContainerState;
  }

  /** The exit codes of a service so far. */
  exitCodes(service: string): (number | undefined)[] {
    return this.events
      .filter((event) => event.service === service && event.action === 'die')
      .map(({ exitCode }) => exitCode);
  }

  async dispose(): Promise<void> {
    try {
      await this.compose(['down', '--volumes', '--remove-orphans', '--timeout', '60'], 2 * ENDS_WITHIN_MS);
    } finally {
      const listener = this.#listener;
      if (listener && listener.exitCode === null && listener.signalCode === null) {
        listener.kill('SIGTERM');
        await once(listener, 'exit');
      }
      await rm(this.#folder, { recursive: true, force: true });
    }
  }

  /** A compose file that overrides the project's. */
  async #replacedImages(): Promise<object> {
    const { images } = this.#options;
    const { services } = projectYaml('docker-compose.yml') as { services: Record<string, { image: string }> };
    const replace = (service: string, image: string): string | undefined => {
      if (service.startsWith('density-')) return images.service;
      if (service.startsWith('nats')) return images.nats;
      if (service === 'clickhouse') return images.clickhouse;
      return service === 'prometheus' ? images.prometheus : image;
    };
    const modules = await realpath(join(ROOT, 'node_modules'));
    const chdb = { volumes: [`${modules}:/app/node_modules:ro`] };
    return {
      services: Object.fromEntries(
        Object.entries(services).map(([service, { image }]) => [
          service,
          {
            image: replace(service, image),
            ...(service === 'clickhouse' && images.isClickhouseChdb ? chdb : {}),
          },
        ]),
      ),
    };
  }

  #listen(): void {
    const filters = [
      `label=com.docker.compose.project=${this.#name}`,
      'event=start',
      'event=health_status',
      'event=die',
    ];
    const args = ['events', '--format', '{{json .}}', ...filters.flatMap((filter) => ['--filter', filter])];
    this.#listener = spawn('docker', args, {
      env: { ...process.env, ...this.#options.docker },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (!this.#listener.stdout) throw new Error('docker events has no output');
    createInterface({ input: this.#listener.stdout }).on('line', (line) => {
      const { Action: action, Actor: actor } = JSON.parse(line) as {
        Action: string;
        Actor: { Attributes: Readonly<Record<string, string>> };
      };
      const exitCode = actor.Attributes['exitCode'];
      this.events.push({
        service: actor.Attributes['com.docker.compose.service'] ?? '',
        action: action.replace(/^health_status: /, '') as ContainerEvent['action'],
        exitCode: exitCode === undefined ? undefined : Number(exitCode),
      });
    });
  }

  #count(service: string, action: ContainerEvent['action']): number {
    return this.events.filter((event) => event.service === service && event.action === action).length;
  }
}
