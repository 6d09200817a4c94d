// Carries out the plan: kills, suspends, and damages what nats-server has on its disk.
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cutTail, flipBit, moveBlockAway, restoreCopy } from '../support/damage.ts';
import { eventually } from '../support/eventually.ts';
import { Oracle, type OracleReading } from '../support/oracle.ts';
import { PARTITIONS, type Processes } from './processes.ts';
import { expectedMs, SERVICES, VICTIMS, type Blow, type Damage, type VictimName } from './plan.ts';
import { readingsInClickHouse, readingsInFiles } from './survivors.ts';

const COPIES_MAX = 3;
const COUNTED_MIN = 100;
const COUNTING_WITHIN_MS = 120_000;

/** What is known of the readings that were sent before the last damage. */
export interface Remains {
  /** They existed after it. */
  readonly certain: readonly OracleReading[];
  /** A process of the service that was not killed may have had them in memory. */
  readonly possible: readonly OracleReading[];
  /** When nats-server was started again, by `performance.now()`. */
  readonly at: number;
}

export interface StrikesOptions {
  readonly processes: Processes;
  readonly binary: string;
  /** Of the copies. */
  readonly folder: string;
  /** How many readings are counted; throws while nobody can say. */
  readonly counted: () => Promise<number>;
  readonly say: (line: string) => void;
}

export class Strikes {
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
  /** Undefined until something was damaged. */
  remains: Remains | undefined;
  readonly #options: StrikesOptions;
  readonly #copies: string[] = [];
  #at = { doneMs: 0, lengthMs: 0, totalMs: 1, beganAt: 0 };
  /** What was left by the damage before. */
  #countedBefore = 0;
  readonly #suspended = new Set<Promise<void>>();

  constructor(options: StrikesOptions) {
    this.#options = options;
  }

  /** How much of the plan is carried out, from 0 to 1. */
  get progress(): number {
    const { doneMs, beganAt, lengthMs, totalMs } = this.#at;
    return (doneMs + Math.min(lengthMs, performance.now() - beganAt)) / totalMs;
  }

  async carryOut(plan: readonly Blow[]): Promise<void> {
    const totalMs = plan.reduce((sum, blow) => sum + expectedMs(blow), 0);
    let doneMs = 0;
    for (const [n, blow] of plan.entries()) {
      const lengthMs = expectedMs(blow);
      this.#at = { doneMs, lengthMs, totalMs, beganAt: performance.now() };
      doneMs += lengthMs;
      await sleep(blow.afterMs);
      if (blow.kind === 'damage') await this.#damage(blow);
      else if (blow.kind === 'kill') await this.#kill(blow.victim);
      else await this.#suspend(blow.victim, blow.forMs);
      if ((n + 1) % 50 === 0)
        this.#options.say(
          `${n + 1} of ${plan.length}: ${JSON.stringify(this.kills)}, ${this.suspensions} suspended, ${this.damages} damages`,
        );
    }
    this.#at = { doneMs, lengthMs: 0, totalMs, beganAt: performance.now() };
    await Promise.all(this.#suspended);
  }

  /** Or the next that runs at the moment. */
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
    // The one that has the name by then may be another: to that it says nothing.
    const over = sleep(forMs).then(async () => void (await processes.signal(name, 'SIGCONT')));
    this.#suspended.add(over);
    void over.then(() => this.#suspended.delete(over));
  }

  /** A machine may be too busy for it. */
  async #untilCounting(): Promise<void> {
    await eventually(async () => {
      const counted = await this.#options.counted();
      if (counted < this.#countedBefore + COUNTED_MIN) throw new Error(`${counted} readings are counted`);
    }, COUNTING_WITHIN_MS).catch(() => this.#options.say('nothing is counted for two minutes'));
  }

  async #damage({ damage, isAlone, isAwaited }: Extract<Blow, { kind: 'damage' }>): Promise<void> {
    const { processes, binary, say } = this.#options;
    const { natsFolder } = processes;
    if (isAwaited) await this.#untilCounting();
    const startServices = await processes.hold(isAlone ? [] : SERVICES);
    // An insert may still run whose sender is dead.
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
    say(`damage ${this.damages}: ${what}${isAlone ? ' under running services' : ''}`);
  }

  /** What nats-server cannot use after a flipped bit is moved away, as an operator would (docs/operations.md). */
  async #readingsInDamagedFiles(damage: Damage): Promise<OracleReading[]> {
    const { processes, binary, say } = this.#options;
    const suspects = damage.kind === 'flip' ? [...damage.streams] : [];
    for (;;) {
      try {
        return await readingsInFiles(processes.natsFolder, binary, PARTITIONS);
      } catch (error) {
        const stream = suspects.shift();
        if (stream === undefined) throw error;
        await moveBlockAway(processes.natsFolder, stream);
        this.blocksMovedAway += 1;
        say(`the newest block of ${stream} was moved away: ${String(error)}`);
      }
    }
  }

  /** @returns what was done */
  async #damageFiles(natsFolder: string, damage: Damage): Promise<string> {
    const copy = damage.kind === 'restore' ? this.#copies.at(0) : undefined;
    if (copy !== undefined) {
      await restoreCopy(natsFolder, copy);
      return 'an older copy of the store was restored';
    }
    await this.#keepCopy(natsFolder);
    // There is nothing to restore yet.
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
