// The statechart of a shard with tasks that the test ends.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { expect } from 'vitest';
import { createActor, fromPromise, SimulatedClock } from 'xstate';
import { shardMachine, shardStateOf } from '../../actors/shard/shard-machine.ts';

/** The innermost states. */
export const LEAVES = [
  'idle',
  'standingBy.following',
  'standingBy.stopping',
  'standingBy.pausing',
  'acquiring.asking',
  'acquiring.waiting',
  'holding.restoring.catchingUp',
  'holding.restoring.stopping',
  'holding.restoring.pausing',
  'holding.running',
  'holding.draining',
  'releasing',
  'abandoning',
] as const;
export type Leaf = (typeof LEAVES)[number];

/** All possible events. `taskEnds` and `taskFails` concern the task of the innermost state. */
export const EVENTS = [
  'goalOwn',
  'goalStandBy',
  'goalNothing',
  'leaseFreed',
  'leaseGranted',
  'leaseRefused',
  'leaseLost',
  'taskEnds',
  'taskFails',
  'delayElapses',
] as const;
export type Event = (typeof EVENTS)[number];

interface Running {
  readonly signal: AbortSignal;
  readonly end: (output?: boolean) => void;
  readonly fail: (error: Error) => void;
}

export class ControlledShard {
  readonly clock = new SimulatedClock();
  readonly failures: unknown[] = [];
  /** By name, including stopped and finished ones. */
  readonly tasks = new Map<string, Running>();
  #innermost: Running | undefined;
  readonly #actor;

  constructor() {
    const task = <Output>(name: string): ReturnType<typeof fromPromise<Output>> =>
      fromPromise<Output>(
        async ({ signal }) =>
          new Promise<Output>((resolve, reject) => {
            const running: Running = { signal, end: (output) => resolve(output as Output), fail: reject };
            this.tasks.set(name, running);
            if (name !== 'keepLease') this.#innermost = running;
          }),
      );
    this.#actor = createActor(
      shardMachine.provide({
        actors: {
          keepCopy: task<void>('keepCopy'),
          takeLease: task<boolean>('takeLease'),
          keepLease: task<void>('keepLease'),
          catchUp: task<void>('catchUp'),
          run: task<void>('run'),
          drain: task<void>('drain'),
          stopFailed: task<void>('stopFailed'),
          release: task<void>('release'),
          abandon: task<void>('abandon'),
        },
      }),
      { clock: this.clock },
    );
    this.#actor.on('failed', ({ error }) => this.failures.push(error));
    this.#actor.start();
  }

  get leaf(): Leaf {
    const { value } = this.#actor.getSnapshot();
    const names: string[] = [];
    for (let at: unknown = value; at !== undefined;) {
      if (typeof at === 'string') {
        names.push(at);
        break;
      }
      const [name, inner] = Object.entries(at as object)[0] as [string, unknown];
      names.push(name);
      at = inner;
    }
    return names.join('.') as Leaf;
  }

  get state(): string {
    return shardStateOf(this.#actor.getSnapshot());
  }

  /** True if the task that the event concerns is still running. */
  can(event: Event): boolean {
    const isRunning = (name: string): boolean => this.#isRunning(this.tasks.get(name));
    if (event === 'leaseGranted' || event === 'leaseRefused') return isRunning('takeLease');
    if (event === 'leaseLost') return isRunning('keepLease');
    return (event !== 'taskEnds' && event !== 'taskFails') || this.#isRunning(this.#innermost);
  }

  async happens(...events: readonly Event[]): Promise<void> {
    for (const event of events) {
      expect(this.can(event), `${event} in ${this.leaf}`).toBe(true);
      this.#act(event);
      await yieldToEventLoop();
    }
  }

  #isRunning(task: Running | undefined): boolean {
    return task !== undefined && !task.signal.aborted && !this.#ended.has(task);
  }

  readonly #ended = new Set<Running>();

  #act(event: Event): void {
    const settle = (task: Running | undefined, act: (task: Running) => void): void => {
      if (!task) return;
      this.#ended.add(task);
      act(task);
    };
    switch (event) {
      case 'goalOwn':
        return this.#actor.send({ type: 'goalSet', goal: 'own' });
      case 'goalStandBy':
        return this.#actor.send({ type: 'goalSet', goal: 'standBy' });
      case 'goalNothing':
        return this.#actor.send({ type: 'goalSet', goal: 'nothing' });
      case 'leaseFreed':
        return this.#actor.send({ type: 'leaseFreed' });
      case 'leaseGranted':
        return settle(this.tasks.get('takeLease'), ({ end }) => end(true));
      case 'leaseRefused':
        return settle(this.tasks.get('takeLease'), ({ end }) => end(false));
      case 'leaseLost':
        return settle(this.tasks.get('keepLease'), ({ end }) => end());
      case 'taskEnds':
        return settle(this.#innermost, ({ end }) => end(false));
      case 'taskFails':
        return settle(this.#innermost, ({ fail }) => fail(new Error('a task failed')));
      case 'delayElapses':
        return void this.clock.increment(60_000);
    }
  }
}
