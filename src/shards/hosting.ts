// What runs while a process has a shard: partition k's host and router k, in loops. Two grades: warm
// (the log is folded, so that questions can be answered and a take-over takes no time) and owning (the
// router routes, blocks are stored, checkpoints saved). Whatever breaks a loop of the partition ends the
// whole hosting, once; whoever started it begins anew.
import type { Logger } from 'pino';
import { Failure } from '../domain/failure.ts';
import { LogWentBack } from '../domain/log-mark.ts';
import { Router, Superseded, type RouterDeps } from '../router/router.ts';
import { Condition } from '../runtime/condition.ts';
import { supervise } from '../runtime/supervise.ts';
import type { Timing } from '../runtime/timing.ts';
import { CheckpointRefused } from '../../actors/partition/snapshot.ts';
import { isOfLostLog, type LogDoubts } from './log-doubts.ts';
import { PartitionHost, type PartitionHostDeps } from './partition-host.ts';

const FLUSH_POLL_MS = 25;
const FOLLOW_STORED_INTERVAL_MS = 1_000;
const CHECKPOINT_INTERVAL_MS = 15_000;
/** With more in the open block, a checkpoint waits until the block is stored, so that it need not carry the rows; but not for ever. */
const OPEN_ROWS_IN_CHECKPOINT = 500;
const CHECKPOINT_DELAY_MAX_MS = 45_000;
const FORGET_INTERVAL_MS = 5_000;
const CATCH_UP_POLL_MS = 5;
const REFUSED_AGAIN_MS = 5_000;

export interface HostingDeps {
  readonly router: Omit<RouterDeps, 'timing'>;
  readonly host: PartitionHostDeps;
  /** What every partition's checkpoint says is stored: the log before it is not needed. */
  readonly storedBeforeCheckpoints: () => Promise<number>;
  /** How often a router truncates its part of the log. */
  readonly truncateIntervalMs: number;
  /** Left out where no log loses anything. */
  readonly logs?: LogDoubts | undefined;
  /** The router has failed, and is begun anew. */
  readonly onRouterFailure: (error: unknown) => void;
  readonly timing: Timing;
  readonly log: Logger;
}

/** No turn takes so long: the process was suspended, and its shard may be another's since. */
const SUSPENDED_MS = 60_000;

export class Hosting {
  readonly #deps: HostingDeps;
  readonly #onFailure: (error: unknown) => void;
  readonly #abort = new AbortController();
  /** Aborts the loops that only an owner has. */
  readonly #draining = new AbortController();
  readonly #host: PartitionHost;
  #isRestored = false;
  #refusal: CheckpointRefused | undefined;
  #isOwning = false;
  #router: Router | undefined;
  #truncateAt: number | undefined;
  readonly #loops = new Set<Promise<void>>();
  readonly #ownLoops = new Set<Promise<void>>();
  /** Blocks to store, or corrections that history may answer. */
  readonly #work = new Condition();
  /** A block was stored: there is little in the state that is not. */
  readonly #stored = new Condition();

  constructor(deps: HostingDeps, onFailure: (error: unknown) => void) {
    this.#deps = deps;
    this.#onFailure = onFailure;
    this.#host = new PartitionHost(deps.host);
  }

  /** The partition's host once it is restored; undefined while it is not. */
  get host(): PartitionHost | undefined {
    return this.#isRestored ? this.#host : undefined;
  }

  /** Why the partition cannot be restored; it waits for somebody to rebuild it, and goes on routing. */
  get refusal(): CheckpointRefused | undefined {
    return this.#refusal;
  }

  get router(): Router | undefined {
    return this.#router;
  }

  /** False once it has failed or was stopped. */
  get isAlive(): boolean {
    return !this.#abort.signal.aborted;
  }

  /** Folds the log from the last checkpoint on. */
  startWarm(): void {
    this.#run(this.#loops, 'standby', async () => {
      await this.#deps.logs?.untilSound(this.#abort.signal);
      await this.#restore();
      if (this.#isRestored) await Promise.all([this.#follow(), this.#followStored()]);
    });
  }

  /** Restores or takes over, and resolves when everything that was in the log at the start of it is applied. */
  async own(): Promise<void> {
    const {
      timing,
      log,
      onRouterFailure,
      host: { events },
    } = this.#deps;
    const own = AbortSignal.any([this.#abort.signal, this.#draining.signal]);
    await this.#deps.logs?.untilSound(own);
    this.#isOwning = true;
    this.#ownLoops.add(supervise('router', () => this.#runRouter(own), own, log, timing, onRouterFailure));
    if (this.#isRestored) {
      await this.#host.promote();
    } else if (this.#loops.size === 0) {
      await this.#restore();
      if (this.#abort.signal.aborted || !this.#isRestored) return this.#host.stop();
      this.#run(this.#loops, 'partition', () => this.#follow());
    }
    const end = await events.end();
    await this.#until(() => this.#isRestored);
    // Before it has caught up: the log may hold more blocks than wait in memory.
    this.#run(this.#ownLoops, 'flush', () => this.#flush(own));
    await this.#until(() => this.#host.fold.seq >= end);
    this.#run(this.#ownLoops, 'checkpoint', () => this.#checkpoint(own));
  }

  async #until(isSo: () => boolean): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted && !isSo()) await this.#deps.timing.pause(CATCH_UP_POLL_MS, signal);
  }

  /** Stops routing, stores what is cut, saves a checkpoint; goes on folding, and so answering. */
  async drain(): Promise<void> {
    this.#draining.abort();
    this.#work.notify();
    await this.#router?.stop();
    await Promise.all(this.#ownLoops);
    if (!this.#isRestored || this.#abort.signal.aborted) return;
    try {
      while (await this.#host.flush()) continue;
      await this.#host.checkpoint();
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'no last checkpoint; the next owner resumes from the one before');
    }
  }

  /** Safe to call twice. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#work.notify();
    await Promise.all([this.#router?.stop(), this.#host.stop()]);
    await Promise.all([...this.#loops, ...this.#ownLoops]);
    // One that was just being opened.
    await this.#host.stop();
  }

  async #restore(): Promise<void> {
    const { timing, log } = this.#deps;
    while (!this.#abort.signal.aborted) {
      try {
        await this.#host.restore();
        this.#isRestored = true;
        this.#refusal = undefined;
        return;
      } catch (error) {
        if (!(error instanceof CheckpointRefused)) throw error;
        log[this.#refusal ? 'debug' : 'error']({ err: error }, error.message);
        this.#refusal = error;
        await timing.pause(REFUSED_AGAIN_MS, AbortSignal.any([this.#abort.signal, this.#draining.signal]));
      }
      if (this.#draining.signal.aborted) return;
    }
  }

  #run(loops: Set<Promise<void>>, name: string, loop: () => Promise<void>): void {
    loops.add(
      loop().catch((error: unknown) => {
        if (this.#abort.signal.aborted) return;
        this.#suspect(error);
        this.#deps.log.warn({ err: error, task: name }, `${name} failed; beginning anew`);
        this.#abort.abort();
        this.#work.notify();
        this.#host.wake();
        this.#onFailure(error);
      }),
    );
  }

  #suspect(error: unknown): void {
    if (isOfLostLog(error)) this.#deps.logs?.suspect(error);
  }

  async #follow(): Promise<void> {
    const { timing } = this.#deps;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      if (this.#host.isFull) await timing.pause(FLUSH_POLL_MS, signal);
      else await this.#host.follow();
      if (this.#host.hasWork) this.#work.notify();
      await timing.yield();
    }
  }

  async #flush(signal: AbortSignal): Promise<void> {
    const { timing } = this.#deps;
    let failures = 0;
    let turnAt = timing.now();
    while (!signal.aborted) {
      if (timing.now() - turnAt > SUSPENDED_MS) this.#host.forgetStored();
      turnAt = timing.now();
      try {
        const isStored = await this.#host.flush();
        await this.#host.correct();
        failures = 0;
        if (isStored) {
          this.#stored.notify();
          continue;
        }
        if (this.#host.hasWork) await timing.pause(FLUSH_POLL_MS, signal);
        else if (!signal.aborted) await this.#work.wait();
      } catch (error) {
        failures += 1;
        await this.#withoutHistory(error, failures, signal);
      }
    }
  }

  /** A standby stores nothing: it learns what the owner has stored. */
  async #followStored(): Promise<void> {
    const { signal } = this.#abort;
    for (let failures = 0; !signal.aborted && !this.#isOwning;) {
      try {
        await this.#deps.timing.pause(FOLLOW_STORED_INTERVAL_MS, signal);
        if (this.#isOwning || signal.aborted) return;
        await this.#host.followStored();
        if (!this.#isOwning) await this.#host.correct();
        failures = 0;
      } catch (error) {
        failures += 1;
        await this.#withoutHistory(error, failures, signal);
      }
    }
  }

  /** History being away does not stop live counts: blocks queue, up to a bound. */
  async #withoutHistory(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
    if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error;
    this.#deps.log[failures > 5 ? 'error' : 'warn']({ err: error, failures }, 'ClickHouse does not answer; retrying');
    await this.#deps.timing.pause(Math.min(5_000, 100 * 2 ** failures), signal);
  }

  async #checkpoint(signal: AbortSignal): Promise<void> {
    const { timing } = this.#deps;
    while (!signal.aborted) {
      await timing.pause(CHECKPOINT_INTERVAL_MS * (0.75 + timing.random() / 2), signal);
      if (this.#host.fold.openRows.length > OPEN_ROWS_IN_CHECKPOINT)
        await Promise.race([this.#stored.wait(), timing.pause(CHECKPOINT_DELAY_MAX_MS, signal)]);
      if (signal.aborted) return;
      await this.#host.checkpoint().catch((error: unknown) => {
        // The log being away is no reason to forget what is known; the state before serves as well.
        if (error instanceof Superseded) throw error;
        this.#deps.log.warn({ err: error }, 'no checkpoint was saved; trying again later');
      });
    }
  }

  async #runRouter(signal: AbortSignal): Promise<void> {
    const { timing, logs, router: deps, storedBeforeCheckpoints, truncateIntervalMs } = this.#deps;
    await logs?.untilSound(signal);
    if (signal.aborted) return;
    const doubts = logs?.doubts;
    const router = new Router({ ...deps, timing });
    try {
      this.#router = router;
      await router.restore();
      if (logs?.doubts !== doubts)
        throw new LogWentBack(`the logs came into doubt while router ${deps.partition} was restored`);
      let forgetAt = timing.now() + FORGET_INTERVAL_MS;
      this.#truncateAt ??= timing.now() + truncateIntervalMs;
      while (!signal.aborted) {
        // Before the step, and even by a router that has just restarted: if a full log refuses its commits, this makes room.
        if (timing.now() >= this.#truncateAt) {
          await router.truncate(await storedBeforeCheckpoints());
          this.#truncateAt = timing.now() + truncateIntervalMs;
        }
        await router.step();
        await timing.yield();
        if (timing.now() >= forgetAt) {
          router.forgetStored(await deps.storedBeforeSeq());
          forgetAt = timing.now() + FORGET_INTERVAL_MS;
        }
      }
    } catch (error) {
      this.#suspect(error);
      throw error;
    } finally {
      await router.stop();
    }
  }
}
