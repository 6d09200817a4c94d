// Runs a scenario: engines that survive, processes that come and go, DPUs that send until they are acknowledged, a
// person who changes the topology.
import { MAPPED, PAYLOADS } from './sent.ts';
import type { DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { Failure, InvariantViolation } from '../../src/domain/failure.ts';
import type { TopologyCommand } from '../../src/domain/topology-command.ts';
import { DocumentRefused, importTopology } from '../../src/topology/import-topology.ts';
import { acceptedUpTo, appendReadings } from '../../src/publishing/append-readings.ts';
import { personMeasure } from '../../src/domain/measure.ts';
import type { Reading } from '../../src/domain/reading.ts';
import { rebuildPartition } from '../../src/shards/rebuild-partition.ts';
import { MemoryHistory, MemoryTables } from './engines/memory-history.ts';
import { LeaseTable } from './engines/memory-leases.ts';
import {
  MemoryCheckpoints,
  MemoryReadingsLog,
  MemorySpaceEventsLog,
  MemoryStreams,
  topologyOf,
} from './engines/memory-streams.ts';
import { IMPORTED_KINDS, kindsOf } from './audited.ts';
import { commandOf } from './command-of.ts';
import { deletionCommand } from './deletions.ts';
import { documentOf } from './document-of.ts';
import { BOUND, SimProcess, STEP_MS, type Engines } from './process.ts';
import { alter, flip, lose, readingsInLogs } from './losses.ts';
import type { OracleReading } from '../support/oracle.ts';
import { Random } from './random.ts';
import type { Action, DamagingAction, RegisteringAction, Scenario } from './scenario.ts';
import { MADE_UP } from './sent.ts';
import { Scheduler, type Owner } from './scheduler.ts';
import { unrestOf } from './unrest.ts';
import { Witness } from './witness.ts';

const PROCESSES_MAX = 3;
const STEPS_PER_ACTION_MAX = 14;
const STEPS_FOR_COMMAND_MAX = 3_000;
/** Attempts at a question until it is answered. */
const QUESTIONS_MAX = 50;
const STEPS_TO_SETTLE_MAX = 60_000;
/** Time between two ticks while a run comes to its end; shorter than a day, so that daily resets pass one at a time. */
const SETTLE_TICK_MS = 8 * 3_600_000;
/** Steps between those ticks, and steps to come to rest afterwards, when ticks would only create more work. */
const [STEPS_PER_TICK, STEPS_TO_REST] = [12, 36];
/** A rebuild that fails this often does not fail at random. */
const REBUILDS_MAX = 100;
const LEASE_TTL_STEPS = 400;
/** Of processes, those that know which earlier process they succeed. */
const WITH_INSTANCE = 0.7;
const SERVER_RESTART_MS = 1_000;
const encoder = new TextEncoder();

/** The pipeline does not come to rest, or a process died of a violated invariant. */
class Stuck extends Error {
  override readonly name = 'Stuck';
}

export class World {
  readonly scenario: Scenario;
  readonly scheduler: Scheduler;
  readonly engines: Engines;
  readonly witness: Witness;
  readonly #random: Random;
  readonly #outside: { readonly owner: Owner; readonly readings: MemoryReadingsLog };
  #processes: SimProcess[] = [];
  readonly #everStarted: SimProcess[] = [];
  #started = 0;
  #nowMs: number;
  #logBehindMs = 0;
  /** After the last loss of NATS: the readings left in its logs and checkpoints, and the copied topology facts. */
  survivors: { readonly readings: readonly OracleReading[]; readonly facts: readonly string[] } | undefined;

  constructor(scenario: Scenario, onTrace?: (line: string) => void) {
    this.scenario = scenario;
    this.#random = new Random(scenario.seed ^ 0x5eed);
    this.#nowMs = scenario.startMs;
    this.scheduler = new Scheduler(this.#random, onTrace);
    const now = (): number => this.#nowMs;
    this.engines = {
      streams: new MemoryStreams(scenario.partitions, () => this.#nowMs - this.#logBehindMs),
      tables: new MemoryTables(),
      leases: new LeaseTable(LEASE_TTL_STEPS * STEP_MS, () => this.scheduler.steps * STEP_MS),
      now,
    };
    const owner: Owner = { name: 'dpus', isDead: false, suspendedUntil: 0 };
    this.#outside = {
      owner,
      readings: new MemoryReadingsLog({ owner, scheduler: this.scheduler, random: this.#random }, this.engines.streams),
    };
    this.witness = new Witness(this.engines, scenario.leases === 'kept');
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** One that runs, while the run has not settled. */
  get running(): SimProcess {
    return this.#running();
  }

  async run(): Promise<void> {
    this.#startProcess();
    await this.#execute(this.#running(), { kind: 'changeSettings', settings: this.scenario.settings });
    this.scheduler.failureRate = this.scenario.failureRate;
    for (const action of this.scenario.actions) {
      this.scheduler.note(JSON.stringify(action));
      await this.#act(action);
      for (let steps = this.#random.int(0, STEPS_PER_ACTION_MAX); steps > 0; steps--) await this.#step();
    }
  }

  /** Without further faults, one fresh process finishes all work. @returns that process */
  async settle(): Promise<SimProcess> {
    this.scheduler.failureRate = 0;
    this.engines.tables.isAway = false;
    for (const process of this.#processes) this.scheduler.crash(process.access.owner);
    this.#processes = [];
    // Without leases: no other process is left, and a lease that expires during questions would only interfere.
    const last = this.#startProcess('none');
    const pastTicksMs = this.#nowMs + 3 * 86_400_000;
    for (let steps = 0; ; steps++) {
      const isPast = this.#nowMs >= pastTicksMs;
      if (steps % (isPast ? STEPS_TO_REST : STEPS_PER_TICK) === 0) {
        if (isPast && unrestOf(last, this.engines.streams) === '') return last;
        if (steps > STEPS_TO_SETTLE_MAX)
          throw new Stuck(`not at rest after ${steps} steps: ${unrestOf(last, this.engines.streams)}`);
        this.#nowMs += SETTLE_TICK_MS;
        this.#tick();
      }
      await this.#step();
    }
  }

  /** Releases everything. */
  dispose(): void {
    for (const process of this.#everStarted) this.scheduler.crash(process.access.owner);
  }

  /** Steps until a promise settles. */
  async finish<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    const done = promise.finally(() => (isDone = true));
    done.catch(() => undefined);
    for (let steps = 0; !isDone; steps++) {
      if (steps > STEPS_FOR_COMMAND_MAX) throw new Stuck('a question has no answer');
      await this.#step();
    }
    return done;
  }

  /**
   * Asks until there is an answer: after a shard restarts, say because of a crashed process's last write, there is none
   * for a while.
   */
  async answer<T>(ask: () => Promise<T>): Promise<T> {
    for (let attempts = 1; ; attempts++) {
      try {
        return await this.finish(ask());
      } catch (error) {
        if (!(error instanceof Failure) || error.kind !== 'unavailable' || attempts >= QUESTIONS_MAX) throw error;
        for (let steps = 0; steps < STEPS_TO_REST; steps++) await this.#step();
      }
    }
  }

  async #step(): Promise<void> {
    this.#nowMs += this.#random.int(0, 20);
    await this.scheduler.step();
    // Nothing is ready, not even a pause, so let time pass for suspended processes.
  }

  #tick(): void {
    for (let k = 0; k < this.scenario.partitions; k++)
      this.engines.streams.readings.append({ subject: `readings.${k}.tick`, data: new Uint8Array() });
  }

  async #act(action: Action): Promise<void> {
    switch (action.kind) {
      case 'publish':
        return void this.#publish(action.dpuId, action.text, action.levels);
      case 'post':
        return void this.#post(action);
      case 'replay':
        return void this.#running()
          .replay(action)
          .catch(() => undefined);
      case 'heartbeat':
        return void this.#outside.readings
          .publish(action.dpuId, 'heartbeat', encoder.encode(action.text))
          .catch(() => undefined);
      case 'payload':
        return void this.#outside.readings
          .appendPayload(action.dpuId, action.isMapped ? MAPPED : PAYLOADS, encoder.encode(action.text))
          .catch(() => undefined);
      case 'tick':
        return this.#tick();
      case 'sleep':
        return void (this.#nowMs += action.ms);
      case 'ask':
        return this.#ask(action.space as SpaceId, action.atMs, this.#nowMs - (action.behindMs ?? 0));
      case 'logClock':
        return void (this.#logBehindMs = action.behindMs);
      case 'start':
        return void (this.#processes.length < PROCESSES_MAX && this.#startProcess());
      case 'crash':
        return this.#crash(action.process);
      case 'stop':
        return this.#stop(action.process);
      case 'suspend':
        return this.#suspend(action.process, action.steps);
      case 'rebuild':
        return this.#rebuild();
      case 'lose':
        return this.#damage(action, (streams) => lose(streams, action, this.#random));
      case 'flip':
        return this.#damage(action, (streams) => flip(streams, action.messages, this.#random));
      case 'alter':
        return alter(this.engines.streams, action.messages, this.#random);
      case 'history':
        return void (this.engines.tables.isAway = action.isAway);
      case 'deleteReading':
      case 'restoreReading': {
        const command = deletionCommand(action, this.engines.streams);
        return command && this.#execute(this.#running(), command);
      }
      case 'import':
        return this.#import(this.#running(), action.of);
      case 'space':
      case 'changeSpace':
      case 'deleteSpace':
      case 'doorway':
      case 'changeDoorway':
      case 'deleteDoorway':
      case 'dpu':
      case 'move':
      case 'modulus':
      case 'deleteDpu':
      case 'exclude':
      case 'include':
      case 'device':
      case 'forgetDevice':
      case 'reset':
      case 'changeReset':
      case 'deleteReset':
      case 'settings':
        return this.#execute(this.#running(), commandOf(action));
    }
  }

  #startProcess(leases = this.scenario.leases): SimProcess {
    const instanceId = this.#random.chance(WITH_INSTANCE) ? this.#freeInstance() : undefined;
    const owner: Owner = { name: `p${++this.#started}`, instanceId, isDead: false, suspendedUntil: 0 };
    const process = new SimProcess({ owner, scheduler: this.scheduler, random: this.#random }, this.engines, {
      ...this.scenario,
      leases,
    });
    this.#processes.push(process);
    this.#everStarted.push(process);
    process.start();
    return process;
  }

  /** The first instance of which no run lives. */
  #freeInstance(): string {
    const lives = (instance: string): boolean =>
      this.#processes.some(({ access }) => access.owner.instanceId === instance);
    let n = 1;
    while (lives(`i${n}`)) n += 1;
    return `i${n}`;
  }

  #running(): SimProcess {
    return this.#processes.length > 0 ? this.#random.pick(this.#processes) : this.#startProcess();
  }

  #crash(n: number): void {
    const process = this.#processes[n];
    if (!process) return;
    this.scheduler.crash(process.access.owner);
    this.#processes.splice(n, 1);
  }

  async #stop(n: number): Promise<void> {
    const process = this.#processes[n];
    if (!process) return;
    this.#processes.splice(n, 1);
    process.access.owner.suspendedUntil = 0;
    await this.finish(process.stop());
    this.scheduler.crash(process.access.owner);
  }

  #suspend(n: number, steps: number): void {
    const process = this.#processes[n];
    if (process) process.access.owner.suspendedUntil = this.scheduler.steps + steps;
  }

  #damage({ isPowerFailure }: Pick<DamagingAction, 'isPowerFailure'>, damage: (streams: MemoryStreams) => void): void {
    const { streams, tables } = this.engines;
    if (isPowerFailure) for (const process of this.#processes.splice(0)) this.scheduler.crash(process.access.owner);
    // Inserts on their way to ClickHouse arrive before anything can be inspected (docs/adr/0065).
    this.scheduler.arrive('store block');
    streams.losses += 1;
    damage(streams);
    // A server takes a while to come back.
    this.#nowMs += SERVER_RESTART_MS;
    this.survivors = {
      readings: readingsInLogs(streams),
      facts: [...tables.topology.values()].map(({ fact }) => JSON.stringify(fact)),
    };
    this.witness.logsWentBack();
    for (const process of this.#processes) process.reconnected();
  }

  async #rebuild(): Promise<void> {
    const { streams, tables } = this.engines;
    for (const process of this.#processes.splice(0)) this.scheduler.crash(process.access.owner);
    // The operator has waited until nothing of the processes is left.
    this.scheduler.arrive();
    tables.isAway = false;
    for (const [partition, checkpoint] of streams.checkpoints)
      streams.checkpoints.set(partition, { ...checkpoint, snapshot: ['{"version":0}'] });
    const owner: Owner = { name: `r${++this.#started}`, isDead: false, suspendedUntil: 0 };
    const access = { owner, scheduler: this.scheduler, random: this.#random };
    const history = new MemoryHistory(access, tables);
    const deps = {
      partitions: streams.partitions,
      epoch: 0,
      topology: topologyOf(streams),
      history,
      records: history,
      events: new MemorySpaceEventsLog(access, streams),
      checkpoints: new MemoryCheckpoints(access, streams),
    };
    for (let k = 0; k < streams.partitions; k++) {
      for (let [isDone, attempts] = [false, 1]; !isDone; attempts++) {
        isDone = await this.finish(
          rebuildPartition({ ...deps, partition: k as Partition }).then(
            () => true,
            (error: unknown) => {
              // After an engine did not answer, a person tries again. A real bug would fail again.
              if (this.scheduler.failureRate > 0 && !(error instanceof InvariantViolation) && attempts < REBUILDS_MAX)
                return false;
              throw error;
            },
          ),
        );
      }
    }
    this.witness.stateWasRebuilt();
    this.scheduler.crash(owner);
  }

  async #publish(dpuId: DpuId, text: string, levels = 'readings'): Promise<void> {
    for (;;) {
      try {
        return await this.#outside.readings.publish(dpuId, levels, encoder.encode(text));
      } catch {
        // Without an acknowledgement the DPU sends it again.
      }
    }
  }

  /** As the API does, which answers 202 for readings that it accepts. */
  async #post({ dpuId, timestampMs, aheadMs, isMadeUp }: Extract<Action, { kind: 'post' }>): Promise<void> {
    const latestMs = BOUND.at(this.#nowMs + aheadMs);
    const taken = timestampMs
      .filter((some) => some >= BOUND.earliestMs && some <= latestMs)
      .map((some): Reading => ({ dpuId, timestampMs: some, measure: personMeasure(1) }));
    const { readings } = this.#outside;
    const log = isMadeUp
      ? { append: (dpu: DpuId, data: Uint8Array) => readings.append(dpu, data, `${latestMs}${MADE_UP}`) }
      : acceptedUpTo(readings, BOUND, latestMs);
    while (
      !(await appendReadings(log, taken, { retries: 0 }).then(
        () => true,
        () => false,
      ))
    );
    if (!isMadeUp) this.witness.accepted.push(...taken);
  }

  async #execute(process: SimProcess, command: TopologyCommand): Promise<void> {
    const [by, { recorded }] = this.witness.commanded(kindsOf(command));
    await this.#command(process, (running) =>
      running.topology.execute(command, by).then(
        (fact) => recorded.push(fact),
        (error: unknown) => {
          if (!(error instanceof Failure) || error.kind === 'unavailable') throw error;
          this.witness.refused(command, error);
        },
      ),
    );
  }

  /** In batches so small that most are interrupted somewhere. */
  async #import(process: SimProcess, actions: readonly RegisteringAction[]): Promise<void> {
    const [by] = this.witness.commanded(IMPORTED_KINDS);
    await this.#command(process, (running) =>
      importTopology(running.topology, documentOf(actions, running.topology.history.latest()), {
        by,
        entriesPerBatch: 2,
        now: this.engines.now,
        timing: { yield: async () => undefined },
        onProgress: () => undefined,
      }).catch((error: unknown) => {
        if (!(error instanceof DocumentRefused)) throw error;
      }),
    );
  }

  /** A refusal is an answer; no answer is not. */
  async #command(process: SimProcess, run: (process: SimProcess) => Promise<unknown>): Promise<void> {
    if (!process.isSound) return;
    let [isDone, isAnswered] = [false, true];
    const attempt = run(process)
      .catch((error: unknown) => {
        if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error;
        isAnswered = false;
      })
      .finally(() => (isDone = true));
    attempt.catch(() => undefined);
    for (let steps = 0; !isDone && steps < STEPS_FOR_COMMAND_MAX / 10; steps++) await this.#step();
    if (!isAnswered && this.scenario.isPersonPatient) await this.#command(this.#running(), run);
  }

  #ask(spaceId: SpaceId, atMs: number, nowMs: number): void {
    this.#running();
    // The newest first, so that a process that still answers without owning the shard is detected.
    for (const asked of [...this.#processes].reverse())
      void this.witness
        .ask(asked, spaceId, atMs, nowMs)
        .catch((error: unknown) => this.witness.objections.push(`space ${spaceId} was asked for: ${String(error)}`));
  }
}
