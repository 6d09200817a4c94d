// Runs the statechart of a shard, with the work of its states and the clock supplied by the caller.
import { createActor, fromPromise, waitFor, type ActorOptions } from 'xstate';
import { shardMachine, shardStateOf, type ShardState, type ShardGoal } from './shard-machine.ts';

/** A task that a state runs. The signal aborts when the state is left before the task has ended. */
type Task<Output> = (signal: AbortSignal) => PromiseLike<Output>;

/** shard-machine.ts describes each task. */
export interface ShardTasks {
  readonly keepCopy: Task<void>;
  readonly takeLease: Task<boolean>;
  readonly keepLease: Task<void>;
  readonly catchUp: Task<void>;
  readonly run: Task<void>;
  readonly drain: Task<void>;
  readonly stopFailed: Task<void>;
  readonly release: Task<void>;
  readonly abandon: Task<void>;
}

export interface ShardActorOptions {
  readonly tasks: ShardTasks;
  readonly clock: NonNullable<ActorOptions<typeof shardMachine>['clock']>;
  readonly backoffMs: (failures: number) => number;
  readonly onState: (state: ShardState) => void;
  /** A task failed, and the machine restarts the work. */
  readonly onFailure: (error: unknown) => void;
  /** The machine itself failed, which is a defect. */
  readonly onError: (error: unknown) => void;
}

export interface ShardActor {
  readonly state: ShardState;
  setGoal(goal: ShardGoal): void;
  leaseFreed(): void;
  untilIdle(): PromiseLike<unknown>;
}

const task = <Output>(run: Task<Output>): ReturnType<typeof fromPromise<Output>> =>
  fromPromise<Output>(({ signal }) => run(signal));

export function startShardActor(options: ShardActorOptions): ShardActor {
  const { tasks, clock, backoffMs, onState, onFailure, onError } = options;
  const machine = shardMachine.provide({
    actors: {
      keepCopy: task(tasks.keepCopy),
      takeLease: task(tasks.takeLease),
      keepLease: task(tasks.keepLease),
      catchUp: task(tasks.catchUp),
      run: task(tasks.run),
      drain: task(tasks.drain),
      stopFailed: task(tasks.stopFailed),
      release: task(tasks.release),
      abandon: task(tasks.abandon),
    },
    delays: { backoff: ({ context }) => backoffMs(context.failures) },
  });
  const actor = createActor(machine, { clock });
  let state = shardStateOf(actor.getSnapshot());
  actor.on('failed', ({ error }) => onFailure(error));
  actor.subscribe({
    next: (snapshot) => {
      const next = shardStateOf(snapshot);
      if (next === state) return;
      state = next;
      onState(state);
    },
    // Without this observer XState raises an error of the actor as an uncaught exception of the process.
    error: onError,
  });
  actor.start();
  return {
    get state() {
      return shardStateOf(actor.getSnapshot());
    },
    setGoal: (goal) => {
      // Membership sets the goals of all shards four times a second, and they rarely change.
      if (goal !== actor.getSnapshot().context.goal) actor.send({ type: 'goalSet', goal });
    },
    leaseFreed: () => actor.send({ type: 'leaseFreed' }),
    untilIdle: () => waitFor(actor, (snapshot) => shardStateOf(snapshot) === 'idle'),
  };
}
