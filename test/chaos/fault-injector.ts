// Carries out the plan: kills and suspends processes, and damages nats-server's files.
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cutTail, flipBit, moveBlockAway, restoreCopy } from '../support/damage.ts';
import { eventually } from '../support/eventually.ts';
import { Oracle, type OracleReading } from '../support/oracle.ts';
import { PARTITIONS, type Processes } from './processes.ts';
import { expectedMs, SERVICES, VICTIMS, type Fault, type Damage, type VictimName } from './plan.ts';
import { readingsInClickHouse, readingsInFiles } from './survivors.ts';

const COPIES_MAX = 3;
const COUNTED_MIN = 100;
const COUNTING_WITHIN_MS = 120_000;

/** The readings that may have survived the last damage. */
export interface Remains {
  /** Readings that existed after it. */
  readonly certain: readonly OracleReading[];
  /** Readings that a running process of the service may have had in memory. */
  readonly possible: readonly OracleReading[];
  /** When nats-server was started again, by `performance.now()`. */
  readonly at: number;
}

export interface FaultInjectorOptions {
  readonly processes: Processes;
  readonly binary: string;
  /** The folder for copies. */
  readonly folder: string;
  /** How many readings are counted; throws while no process answers. */
  readonly counted: () => Promise<number>;
  readonly printLine: (line: string) => void;
}

export class FaultInjector {
  readonly kills: Record<VictimName, number> = {
    'service-1': 0,
    'service-2': 0,
    'service-3': 0,
    'nats-server': 0,
    clickhouse: 0,
  };
  suspensions = 0;
  damages = 0;
  /** Because nats-server could not use them. */
  blocksMovedAway = 0;
  /** Undefined until the first damage. */
  remains: Remains | undefined;
  readonly #options: FaultInjectorOptions;
  readonly #copies: string[] = [];
  #at = { doneMs: 0, lengthMs: 0, totalMs: 1, beganAt: 0 };
  /** How many readings the previous damage left. */
  #countedBefore = 0;
  readonly #suspended = new Set<Promise<void>>();

  constructor(options: FaultInjectorOptions) {
    this.#options = options;
  }

  /** The share of the plan that is done, from 0 to 1. */
  get progress(): number {
    const { doneMs, beganAt, lengthMs, totalMs } = this.#at;
    return (doneMs + Math.min(lengthMs, performance.now() - beganAt)) / totalMs;
  }

  async carryOut(plan: readonly Fault[]): Promise<void> {
    const totalMs = plan.reduce((sum, fault) => sum + expectedMs(fault), 0);
    let doneMs = 0;
    for (const [n, fault] of plan.entries()) {
      const lengthMs = expectedMs(fault);
      this.#at = { doneMs, lengthMs, totalMs, beganAt: performance.now() };
      doneMs += lengthMs;
      await sleep(fault.afterMs);
      if (fault.kind === 'damage') await this.#damage(fault);
      else if (fault.kind === 'kill') await this.#kill(fault.victim);
      else await this.#suspend(fault.victim, fault.forMs);
      if ((n + 1) % 50 === 0)
        this.#options.printLine(
          `${n + 1} of ${plan.length}: ${JSON.stringify(this.kills)}, ${this.suspensions} suspended, ${this.damages} damages`,
        );
    }
    this.#at = { doneMs, lengthMs: 0, totalMs, beganAt: performance.now() };
    await Promise.all(this.#suspended);
  }

  /** Kills the process, or the next one that is running. */
  async #kill(first: VictimName): Promise<void> {
    await eventually(async () => {
      for (const name of [...VICTIMS, ...VICTIMS].slice(VICTIMS.indexOf(first)).slice(0, VICTIMS.length)) {
        if (!(await this.#options.processes.signal(name, 'SIGKILL'))) continue;
        this.kills[name] += 1;
        return;
      }
      throw new Error('nothing runs');
    });
  }

  async #suspend(name: VictimName, forMs: number): Promise<void> {
    const { processes } = this.#options;
    if (!(await processes.signal(name, 'SIGSTOP'))) return;
    this.suspensions += 1;
    // By then it may be a new process, for which SIGCONT means nothing.
    const over = sleep(forMs).then(async () => void (await processes.signal(name, 'SIGCONT')));
    this.#suspended.add(over);
    void over.then(() => this.#suspended.delete(over));
  }

  /** Gives up after a while, because the machine may be too busy. */
  async #waitUntilCounting(): Promise<void> {
    await eventually(async () => {
      const counted = await this.#options.counted();
      if (counted < this.#countedBefore + COUNTED_MIN) throw new Error(`${counted} readings are counted`);
    }, COUNTING_WITHIN_MS).catch(() => this.#options.printLine('nothing is counted for two minutes'));
  }

  async #damage({ damage, isAlone, isAwaited }: Extract<Fault, { kind: 'damage' }>): Promise<void> {
    const { processes, binary, printLine } = this.#options;
    const { natsFolder } = processes;
    if (isAwaited) await this.#waitUntilCounting();
    const startServices = await processes.hold(isAlone ? [] : SERVICES);
    // An insert may still be running after its sender has died.
    const startClickhouse = await processes.hold(isAlone ? [] : ['clickhouse']);
    const startNats = await processes.hold(['nats-server']);
    const before = isAlone ? await readingsInFiles(natsFolder, binary, PARTITIONS) : [];
    const what = await this.#damageFiles(natsFolder, damage);
    const inFiles = await this.#readingsInDamagedFiles(damage);
    startClickhouse();
    const stored = await eventually(async () => readingsInClickHouse(processes.clickhouseUrl));
    this.#countedBefore = new Oracle(stored, []).readings.length;
    const earlier = this.remains;
    this.remains = {
      certain: [...inFiles, ...stored],
      possible: isAlone ? [...before, ...(earlier ? [...earlier.possible, ...earlier.certain] : [])] : [],
      at: performance.now(),
    };
    startNats();
    startServices();
    this.damages += 1;
    printLine(`damage ${this.damages}: ${what}${isAlone ? ' under running services' : ''}`);
  }

  /** What nats-server cannot use after a flipped bit is moved away, as an operator would (docs/operations.md). */
  async #readingsInDamagedFiles(damage: Damage): Promise<OracleReading[]> {
    const { processes, binary, printLine } = this.#options;
    const suspects = damage.kind === 'flip' ? [...damage.streams] : [];
    for (;;) {
      try {
        return await readingsInFiles(processes.natsFolder, binary, PARTITIONS);
      } catch (error) {
        const stream = suspects.shift();
        if (stream === undefined) throw error;
        await moveBlockAway(processes.natsFolder, stream);
        this.blocksMovedAway += 1;
        printLine(`the newest block of ${stream} was moved away: ${String(error)}`);
      }
    }
  }

  /** @returns a description of the damage */
  async #damageFiles(natsFolder: string, damage: Damage): Promise<string> {
    const copy = damage.kind === 'restore' ? this.#copies.at(0) : undefined;
    if (copy !== undefined) {
      await restoreCopy(natsFolder, copy);
      return 'an older copy of the store was restored';
    }
    await this.#keepCopy(natsFolder);
    // Without a copy there is nothing to restore, so cut a stream instead.
    const { kind, streams, ...rest } =
      damage.kind === 'restore' ? { kind: 'cut' as const, streams: ['SPACE_EVENTS'], keptPart: 0.5 } : damage;
    for (const stream of streams) {
      if ('keptPart' in rest) await cutTail(natsFolder, stream, rest.keptPart);
      else await flipBit(natsFolder, stream, rest.part);
    }
    return kind === 'cut' ? `the end of ${streams.join()} was cut off` : `a bit was flipped in ${streams.join()}`;
  }

  async #keepCopy(natsFolder: string): Promise<void> {
    const copy = join(this.#options.folder, `copy-${this.damages}`);
    await cp(natsFolder, copy, { recursive: true });
    this.#copies.push(copy);
    if (this.#copies.length > COPIES_MAX) await rm(this.#copies.shift() ?? '', { recursive: true, force: true });
  }
}
