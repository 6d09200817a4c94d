// The processes of a run: three of the service, a nats-server and a ClickHouse engine, each restarted whenever it ends.
import { join } from 'node:path';
import { startDensity } from '../support/density-process.ts';
import { freePorts } from '../support/free-ports.ts';
import { startClickhouseIn, startNatsIn } from '../support/killable-engines.ts';
import { SERVICES, VICTIMS, type VictimName } from './plan.ts';
import { engineLife, Victim, type Life } from './victim.ts';

export const PARTITIONS = 4;
/** With the default, shards would have no owner most of the time, because processes are killed so often. */
const LEASE_TTL_MS = 2_000;
const READY = 'density-api is ready';

export interface ProcessesOptions {
  readonly folder: string;
  /** The data folder of nats-server. */
  readonly binary: string;
  /** Called with each error line that a process of the service logs. */
  readonly onError: (message: string) => void;
}

export class Processes {
  readonly natsUrl: string;
  readonly clickhouseUrl: string;
  readonly natsFolder: string;
  /** The API's URL of each process of the service. */
  readonly apis: readonly string[];
  readonly #victims: ReadonlyMap<VictimName, Victim>;

  private constructor(
    { folder, binary, onError }: ProcessesOptions,
    [natsPort = 0, clickhousePort = 0, ...ports]: readonly number[],
  ) {
    this.natsFolder = join(folder, 'nats');
    [this.natsUrl, this.clickhouseUrl] = [`nats://127.0.0.1:${natsPort}`, `http://127.0.0.1:${clickhousePort}`];
    this.apis = ports.map((port) => `http://127.0.0.1:${port}/api/v1`);
    const service = (name: string, port: number, isStandby: boolean): Life =>
      serviceLife(onError, {
        PORT: String(port),
        NODE_NAME: name,
        NATS_URL: this.natsUrl,
        CLICKHOUSE_URL: this.clickhouseUrl,
        PARTITIONS: String(PARTITIONS),
        LEASE_TTL_MS: String(LEASE_TTL_MS),
        STANDBY: isStandby ? '1' : '0',
        RATE_LIMIT_PER_MINUTE: '0',
        DENSITY_DATA_DIR: folder,
      });
    this.#victims = new Map<VictimName, Victim>([
      [
        'nats-server',
        new Victim(() =>
          engineLife(folder, 'nats/nats-server.pid', (onExit) => startNatsIn(folder, binary, natsPort, onExit)),
        ),
      ],
      [
        'clickhouse',
        new Victim(() =>
          engineLife(folder, 'clickhouse/clickhouse.pid', (onExit) =>
            startClickhouseIn(folder, clickhousePort, onExit),
          ),
        ),
      ],
      ...SERVICES.map((name, n): [VictimName, Victim] => [
        name,
        new Victim(() => service(name, ports[n] ?? 0, n === SERVICES.length - 1)),
      ]),
    ]);
  }

  static async start(options: ProcessesOptions): Promise<Processes> {
    return new Processes(options, await freePorts(2 + SERVICES.length));
  }

  /** @returns false if it has no process at the moment */
  async signal(name: VictimName, signal: NodeJS.Signals): Promise<boolean> {
    return this.#victim(name).signal(signal);
  }

  /** Kills them and keeps them down. @returns a function that lets them start again */
  async hold(names: readonly VictimName[]): Promise<() => void> {
    const held = await Promise.all(names.map(async (name) => this.#victim(name).hold()));
    return () => {
      for (const release of held) release();
    };
  }

  /** The processes that ended without being killed. */
  get ownEnds(): string[] {
    return VICTIMS.flatMap((name) => this.#victim(name).ownEnds.map((cause) => `${name}: ${cause}`));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#victims.values()].map(async (victim) => victim.stop()));
  }

  #victim(name: VictimName): Victim {
    const victim = this.#victims.get(name);
    if (!victim) throw new Error(`nobody is called ${name}`);
    return victim;
  }
}

function serviceLife(onError: (message: string) => void, environment: Readonly<Record<string, string>>): Life {
  const service = startDensity(['run'], { ...environment, LOG_LEVEL: 'error' });
  const { pid, stdout } = service.child;
  stdout?.on('close', () => {
    for (const line of service.output().split('\n')) if (line.startsWith('{')) onError(messageIn(line));
  });
  const ended = service.ended().then((code) => {
    if (code === null) return undefined;
    const cause = `exit code ${code}: ${lastLine(service.output())}`;
    if (service.output().includes(READY)) return cause;
    // An engine that did not answer during its start is restarted by its supervisor.
    onError(`ended before it was ready, ${cause}`);
    return undefined;
  });
  return {
    pid: async () => (service.child.exitCode === null && service.child.signalCode === null ? pid : undefined),
    ended,
  };
}

function messageIn(line: string): string {
  try {
    const { msg, err } = JSON.parse(line) as { msg?: string; err?: { message?: string } };
    return `${msg ?? ''}${err?.message === undefined ? '' : ` (${err.message})`}`;
  } catch {
    // It was killed while writing.
    return line;
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
