// Runs one shard in one process: does the work of each state of actors/shard/shard-machine.ts, and tells
// the machine how it ended.
//
//  - It answers as the owner only while its lease is valid by its own clock (L1), and only when
//    everything that was in the log when it became the owner is applied: so never with an older state
//    than the owner before it has answered with.
import type { SpaceReport } from '../../actors/partition/space-report.ts';
import {
  startShardActor,
  stateOfShard,
  type ShardActor,
  type ShardEventType,
  type ShardState,
} from '../../actors/shard/shard-machine.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import type { Leases } from '../ports/leases.ts';
import type { Router } from '../router/router.ts';
import { backoffMs, HEALTHY_AFTER_MS } from '../runtime/backoff.ts';
import { Hosting, type HostingDeps } from './hosting.ts';
import type { PartitionHost } from './partition-host.ts';
import { Restarts } from './restarts.ts';
import { isOfLostLog } from './log-doubts.ts';
import { ShardLease } from './shard-lease.ts';

const RETAKE_INTERVAL_MS = 250;
const STANDBY_POLL_MS = 5;
/** A last effort has an end: what is not stored and saved by then, the next owner does again. */
const DRAIN_MAX_MS = 10_000;

export type ShardWish = 'own' | 'standBy' | 'nothing';
const WISHES: Record<ShardWish, ShardEventType> = {
  own: 'ownershipWanted',
  standBy: 'standbyWanted',
  nothing: 'nothingWanted',
};

export interface ShardRunnerDeps extends Omit<HostingDeps, 'onRouterFailure'> {
  readonly leases: Leases;
  /** Who this process is, among those that take leases. */
  readonly holder: string;
  /** The state has changed. */
  readonly onState?: (partition: Partition, state: ShardState) => void;
}

export class ShardRunner {
  readonly partition: Partition;
  readonly restarts: Restarts;
  readonly #deps: ShardRunnerDeps;
  readonly #actor: ShardActor;
  readonly #lease: ShardLease;
  #hosting: Hosting | undefined;
  /** What the state that was entered last has to do; the next state begins when it is over. */
  #work: Promise<void> = Promise.resolve();
  #leaving = new AbortController();
  #leaseFreed = new AbortController();
  /** The host that failed last: all that is known until there is another. */
  #lastHost: PartitionHost | undefined;
  #failures = 0;
  #hostedAt = 0;
  #isBegun = false;

  constructor(deps: ShardRunnerDeps) {
    const {
      leases,
      holder,
      timing,
      log,
      router: { partition },
    } = deps;
    this.partition = partition;
    this.restarts = new Restarts(timing);
    this.#deps = { ...deps, log: log.child({ shard: partition }) };
    this.#lease = new ShardLease(leases, partition, holder, timing, this.#deps.log);
    this.#actor = startShardActor(
      (state) => this.#enter(state),
      (error) => this.#deps.log.error({ err: error }, 'the shard machine failed'),
    );
    this.#isBegun = true;
  }

  get state(): ShardState {
    return stateOfShard(this.#actor);
  }

  /** The partition's host once it is restored; undefined while it is not. */
  get host(): PartitionHost | undefined {
    return this.#hosting?.host;
  }

  get router(): Router | undefined {
    return this.#hosting?.router;
  }

  /** Why the shard, which is this process's to run, cannot be restored. */
  get refusal(): Error | undefined {
    return this.state === 'restoring' ? this.#hosting?.refusal : undefined;
  }

  /** True while this process runs the shard, whatever its lease. */
  get isServing(): boolean {
    return this.state === 'running' || this.state === 'draining';
  }

  /** True while what this process says of the shard is what its owner says. */
  get isOwner(): boolean {
    return this.isServing && this.#lease.isValid;
  }

  /** What the owner says. Undefined when this process is not the owner. */
  report(spaceId: SpaceId, atMs: number): SpaceReport | undefined {
    return this.isOwner ? this.host?.report(spaceId, atMs) : undefined;
  }

  /** What is known here, by an owner or a copy, however old. */
  lastKnown(spaceId: SpaceId, atMs: number): SpaceReport | undefined {
    return (this.host ?? this.#lastHost)?.report(spaceId, atMs);
  }

  /** What a copy says once it has folded everything that is in the log now. Undefined where no copy is kept. */
  async reportByStandby(spaceId: SpaceId, atMs: number, signal: AbortSignal): Promise<SpaceReport | undefined> {
    const {
      timing,
      host: { events },
    } = this.#deps;
    const { host } = this;
    if (!host) return undefined;
    const end = await events.end();
    while (host.fold.seq < end && this.host === host && !signal.aborted) await timing.pause(STANDBY_POLL_MS, signal);
    return host.fold.seq >= end ? host.report(spaceId, atMs) : undefined;
  }

  /** Says what is wanted now. To be repeated: a wish that comes at a bad moment is not kept. */
  want(wish: ShardWish): void {
    this.#send(WISHES[wish]);
  }

  /** Nobody holds the lease any more. */
  leaseFreed(): void {
    this.#leaseFreed.abort();
  }

  /** The topology has changed. */
  wakeRouter(): void {
    this.router?.wake();
  }

  /** Drains, releases, and ends. Safe to call twice. */
  async stop(): Promise<void> {
    for (let done: Promise<void> | undefined; this.state !== 'idle' || this.#work !== done;) {
      this.want('nothing');
      done = this.#work;
      await done;
    }
  }

  #send(type: ShardEventType): void {
    this.#actor.send({ type });
  }

  #enter(state: ShardState): void {
    // The machine begins in `idle`, where there is nothing to do yet.
    if (!this.#isBegun) return;
    this.#leaving.abort();
    const leaving = new AbortController();
    this.#leaving = leaving;
    this.#work = this.#work
      .then(() => this.#act(state, leaving.signal))
      .catch((error: unknown) => {
        if (isOfLostLog(error)) this.#deps.logs?.suspect(error);
        this.#deps.log.warn({ err: error, state }, `${state} failed`);
        this.restarts.note(error);
        this.#send('failed');
      });
    this.#deps.onState?.(this.#deps.router.partition, state);
  }

  async #act(state: ShardState, left: AbortSignal): Promise<void> {
    switch (state) {
      case 'idle':
        await this.#stopHosting();
        this.#lastHost = undefined;
        return;
      case 'standingBy':
        return this.#standBy(left);
      case 'acquiring':
        return this.#acquire(left);
      case 'restoring':
        return this.#restore(left);
      case 'running':
        return undefined;
      case 'draining':
        return this.#drain(left);
      case 'releasing':
        await this.#lease.release();
        await this.#stopHosting();
        return this.#send('stopped');
      case 'abandoning':
        await this.#lease.forget();
        await this.#stopHosting();
        return this.#send('stopped');
    }
  }

  async #standBy(left: AbortSignal): Promise<void> {
    if (this.#hosting?.isAlive === true) return;
    await this.#stopHosting();
    await this.#pauseAfterFailure(left);
    if (!left.aborted) this.#host().startWarm();
  }

  async #acquire(left: AbortSignal): Promise<void> {
    while (!left.aborted) {
      const isGranted = await this.#lease
        .take(() => this.#send('leaseLost'))
        .catch((error: unknown) => {
          this.#deps.log.debug({ err: error }, 'the lease cannot be asked for');
          return false;
        });
      if (isGranted) return this.#send('leaseGranted');
      this.#leaseFreed = new AbortController();
      await this.#deps.timing.pause(RETAKE_INTERVAL_MS, AbortSignal.any([left, this.#leaseFreed.signal]));
    }
  }

  async #restore(left: AbortSignal): Promise<void> {
    // What stood by is taken over as it is; what has failed is begun anew.
    if (this.#hosting?.isAlive !== true) {
      await this.#stopHosting();
      await this.#pauseAfterFailure(left);
      if (left.aborted) return;
    }
    const hosting = this.#hosting ?? this.#host();
    const giveUp = (): void => void hosting.stop();
    left.addEventListener('abort', giveUp, { once: true });
    await hosting.own();
    left.removeEventListener('abort', giveUp);
    if (!hosting.isAlive) return;
    this.#lastHost = undefined;
    this.#send('restored');
  }

  async #drain(left: AbortSignal): Promise<void> {
    await Promise.race([this.#hosting?.drain(), this.#deps.timing.pause(DRAIN_MAX_MS, left)]);
    this.#send('drained');
  }

  #host(): Hosting {
    const hosting = new Hosting({ ...this.#deps, onRouterFailure: (error) => this.restarts.note(error) }, (error) => {
      if (this.#hosting !== hosting) return;
      this.restarts.note(error);
      this.#send('failed');
    });
    this.#hosting = hosting;
    this.#hostedAt = this.#deps.timing.now();
    return hosting;
  }

  async #stopHosting(): Promise<void> {
    const hosting = this.#hosting;
    this.#hosting = undefined;
    this.#lastHost = hosting?.host ?? this.#lastHost;
    await hosting?.stop();
  }

  async #pauseAfterFailure(left: AbortSignal): Promise<void> {
    const { timing } = this.#deps;
    if (this.#hostedAt === 0) return;
    if (timing.now() - this.#hostedAt > HEALTHY_AFTER_MS) this.#failures = 0;
    this.#failures += 1;
    await timing.pause(backoffMs(this.#failures, timing), left);
  }
}
