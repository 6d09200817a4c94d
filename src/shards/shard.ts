// One shard in this process: the tasks of its statechart (actors/shard/shard-machine.ts), implemented with a lease
// and with the loops that fold, route and store.
//
// - L1 it answers as the owner only while its lease is valid by its own clock, and only after everything is applied
//   that was in the log when it became the owner. So it never answers from an older state than the previous owner
//   did.
import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { startShardActor, type ShardActor } from '../../actors/shard/shard-actor.ts';
import type { ShardState, ShardGoal } from '../../actors/shard/shard-machine.ts';
import type { Partition } from '../domain/ids.ts';
import type { Leases } from '../ports/leases.ts';
import type { Router } from '../router/router.ts';
import { backoffMs } from '../runtime/backoff.ts';
import { timersOf } from '../runtime/timing.ts';
import { Restarts } from './restarts.ts';
import { ShardLease } from './shard-lease.ts';
import { ShardLoops, type ShardLoopsDeps } from './shard-loops.ts';

export interface ShardDeps extends Omit<ShardLoopsDeps, 'onRouterFailure'> {
  readonly leases: Leases;
  /** The name under which this process takes leases. */
  readonly holder: string;
  readonly onState?: (partition: Partition, state: ShardState) => void;
}

export class Shard {
  readonly partition: Partition;
  readonly restarts: Restarts;
  readonly #deps: ShardLoopsDeps;
  readonly #lease: ShardLease;
  readonly #actor: ShardActor;
  /** Resolves when another process has taken the lease. */
  #leaseLost: Promise<void> = Promise.resolve();
  #loops: ShardLoops | undefined;
  /** Resolves when all loops that are stopping have stopped. */
  #stopping: Promise<unknown> = Promise.resolve();
  /** The fold of the loops that failed last: the only known state until the shard is restored. */
  #lastFold: PartitionFold | undefined;

  constructor({ leases, holder, onState, ...deps }: ShardDeps) {
    const { timing, router } = deps;
    const log = deps.log.child({ shard: router.partition });
    this.partition = router.partition;
    this.restarts = new Restarts(timing);
    this.#deps = { ...deps, log, onRouterFailure: (error) => this.restarts.note(error) };
    this.#lease = new ShardLease(leases, this.partition, holder, timing, log);
    this.#actor = startShardActor({
      tasks: {
        keepCopy: async () => this.#started().keepCopy(),
        takeLease: async () => this.#takeLease(),
        keepLease: async () => this.#leaseLost,
        catchUp: async (left) => this.#catchUp(left),
        run: async () => this.#started().untilFailure(),
        drain: async () => this.#started().drain(),
        stopFailed: async () => this.#stopLoops(),
        release: async () => {
          await this.#lease.release();
          await this.#leave();
        },
        abandon: async () => {
          await this.#lease.forget();
          await this.#leave();
        },
      },
      clock: timersOf(timing),
      backoffMs: (failures) => backoffMs(failures, timing),
      onState: (state) => onState?.(this.partition, state),
      onFailure: (error) => this.restarts.note(error),
      onError: (error) => log.error({ err: error }, 'the statechart of the shard failed'),
    });
  }

  get state(): ShardState {
    return this.#actor.state;
  }

  /** The partition's fold; undefined until it is restored. */
  get fold(): PartitionFold | undefined {
    return this.#loops?.fold?.fold;
  }

  /** Entries of the log that are not applied yet. */
  get behind(): number {
    return this.#loops?.fold?.behind ?? 0;
  }

  /** True while folding waits for ClickHouse. */
  get isFull(): boolean {
    return this.#loops?.fold?.isFull ?? false;
  }

  get router(): Router | undefined {
    return this.#loops?.router;
  }

  /** Why the shard that this process should run cannot be restored. */
  get refusal(): Error | undefined {
    return this.state === 'restoring' ? this.#loops?.refusal : undefined;
  }

  /** True while this process runs the shard, whether or not its lease is valid. */
  get isServing(): boolean {
    return this.state === 'running' || this.state === 'draining';
  }

  /** True while this process may answer as the shard's owner. */
  get isOwner(): boolean {
    return this.isServing && this.#lease.isValid;
  }

  /** The last known state in this process, however old. */
  get lastFold(): PartitionFold | undefined {
    return this.fold ?? this.#lastFold;
  }

  setGoal(goal: ShardGoal): void {
    this.#actor.setGoal(goal);
  }

  /** The lease has no holder any more. */
  leaseFreed(): void {
    this.#actor.leaseFreed();
  }

  /** Called when the topology has changed. */
  wakeRouter(): void {
    this.router?.wake();
  }

  /** Drains and releases the shard. Resolves when nothing of it runs here; may be called twice. */
  async stop(): Promise<void> {
    this.setGoal('nothing');
    await this.#actor.untilIdle();
  }

  #started(): ShardLoops {
    this.#loops ??= new ShardLoops(this.#deps);
    return this.#loops;
  }

  async #takeLease(): Promise<boolean> {
    let onLost = (): void => undefined;
    this.#leaseLost = new Promise((resolve) => (onLost = resolve));
    try {
      return await this.#lease.take(onLost);
    } catch (error) {
      this.#deps.log.debug({ err: error }, 'the lease could not be requested; trying again');
      return false;
    }
  }

  async #catchUp(left: AbortSignal): Promise<void> {
    if (await this.#loops?.isOutdated()) await this.#stopLoops();
    if (left.aborted) return;
    const loops = this.#started();
    const giveUp = (): void => void loops.stop();
    left.addEventListener('abort', giveUp, { once: true });
    await loops.own().finally(() => left.removeEventListener('abort', giveUp));
    this.#lastFold = undefined;
  }

  async #stopLoops(): Promise<void> {
    const loops = this.#loops;
    this.#loops = undefined;
    this.#lastFold = loops?.fold?.fold ?? this.#lastFold;
    // A previous task may still be stopping other loops.
    this.#stopping = Promise.all([this.#stopping, loops?.stop()]);
    await this.#stopping;
  }

  async #leave(): Promise<void> {
    await this.#stopLoops();
    this.#lastFold = undefined;
  }
}
