// The loops that run while a process has a shard: the fold and the router of partition k. A copy only folds the log,
// so that it can answer questions and take over at once. An owner also routes, stores blocks and saves checkpoints.
// The first failure of a loop stops all of them; the owner of this object then starts new ones.
import type { Logger } from 'pino';
import { Failure } from '../domain/failure.ts';
import { LogWentBack } from '../domain/log-mark.ts';
import { Router, Superseded, type RouterDeps } from '../router/router.ts';
import { backoffMs } from '../runtime/backoff.ts';
import { Condition } from '../runtime/condition.ts';
import { orAborted } from '../runtime/or-aborted.ts';
import { supervise } from '../runtime/supervise.ts';
import type { Timing } from '../runtime/timing.ts';
import { CheckpointRefused } from '../../actors/partition/snapshot.ts';
import { DurableFold, type DurableFoldDeps } from './durable-fold.ts';
import { isOfLostLog, type LogDoubts } from './log-doubts.ts';

const FLUSH_POLL_MS = 25;
const FOLLOW_STORED_INTERVAL_MS = 1_000;
/** How often a shard checks whether a checkpoint is due. */
const CHECKPOINT_INTERVAL_MS = 15_000;
/** One is saved at this age also if little has come since, because the log is truncated up to the oldest of all shards. */
const CHECKPOINT_AGE_MAX_MS = 60_000;
/**
 * With more rows in the open block, a checkpoint waits up to a limit for the block to be stored, so that it need not
 * contain the rows.
 */
const OPEN_ROWS_IN_CHECKPOINT = 500;
const CHECKPOINT_DELAY_MAX_MS = 45_000;
const FORGET_INTERVAL_MS = 5_000;
const CATCH_UP_POLL_MS = 5;
const REFUSED_RETRY_MS = 5_000;
/**
 * A step that took longer than this means that the process was suspended, and that another process may have taken its
 * shard.
 */
const SUSPENDED_MS = 60_000;
const LOUD_AFTER_FAILURES = 5;

/** When the hours of stored blocks are summed up. */
export interface HoursTimes {
  readonly intervalMs: number;
  /** How old a stored block is then. Its replica of ClickHouse may not have been in the quorum. */
  readonly settledMs: number;
}

export interface ShardLoopsDeps {
  readonly router: Omit<RouterDeps, 'timing'>;
  readonly fold: DurableFoldDeps;
  /**
   * Everything before this sequence is recorded as stored in the checkpoints of all partitions: it may be truncated.
   */
  readonly storedBeforeCheckpoints: () => Promise<number>;
  /** How often a router truncates its part of the log. */
  readonly truncateIntervalMs: number;
  readonly hours: HoursTimes;
  /** Undefined where no log can lose entries. */
  readonly logs?: LogDoubts | undefined;
  /** The router failed and is being restarted. */
  readonly onRouterFailure: (error: unknown) => void;
  readonly timing: Timing;
  readonly log: Logger;
}

export class ShardLoops {
  readonly #deps: ShardLoopsDeps;
  readonly #abort = new AbortController();
  /** Aborts the loops that only an owner runs. */
  readonly #draining = new AbortController();
  readonly #fold: DurableFold;
  #isRestored = false;
  #refusal: CheckpointRefused | undefined;
  #isOwning = false;
  #router: Router | undefined;
  #truncateAt: number | undefined;
  readonly #loops = new Set<Promise<void>>();
  readonly #ownLoops = new Set<Promise<void>>();
  /** Notified when there are blocks to store, or lookups that history can answer. */
  readonly #work = new Condition();
  /** Notified when a block was stored, so that a checkpoint has little to contain. */
  readonly #stored = new Condition();
  #fail: (error: unknown) => void = () => undefined;
  /** Rejects when a loop fails. */
  readonly #failure = new Promise<never>((_, reject) => (this.#fail = reject));

  constructor(deps: ShardLoopsDeps) {
    this.#deps = deps;
    this.#fold = new DurableFold(deps.fold);
    this.#failure.catch(() => undefined);
  }

  /** The partition's fold; undefined until it is restored. */
  get fold(): DurableFold | undefined {
    return this.#isRestored ? this.#fold : undefined;
  }

  /** Why the partition cannot be restored. Its fold waits until an operator rebuilds it; routing continues. */
  get refusal(): CheckpointRefused | undefined {
    return this.#refusal;
  }

  get router(): Router | undefined {
    return this.#router;
  }

  /** Folds the log from the last checkpoint on until it fails. May be called again, which continues. */
  async keepCopy(): Promise<never> {
    if (this.#loops.size === 0)
      void this.#run(this.#loops, 'standby', async () => {
        await this.#deps.logs?.untilSound(this.#abort.signal);
        await this.#restore();
        if (this.#isRestored) await Promise.all([this.#follow(), this.#followStored()]);
      });
    return this.#failure;
  }

  /**
   * True if there is a copy that is so far behind the last checkpoint that it takes less to begin with that. An owner that drains
   * its shard saves one last. A copy that is still reading its checkpoint is not waited for: the router of a new owner starts at
   * once, because the watermarks of other shards wait for it, too.
   */
  async isOutdated(): Promise<boolean> {
    const { signal } = this.#abort;
    if (!this.#isRestored) return false;
    await this.#deps.logs?.untilSound(signal);
    return !signal.aborted && (await this.#fold.isOutdated()) && !signal.aborted;
  }

  /**
   * Restores the fold, or takes over from a copy, and starts routing and storing. Resolves when everything that was
   * in the log at the start is applied. Rejects when a loop fails, or if a loop of the copy failed before.
   */
  async own(): Promise<void> {
    await Promise.race([this.#failure, this.#run(this.#ownLoops, 'restoring', () => this.#own())]);
  }

  /** Rejects when a loop fails. */
  async untilFailure(): Promise<never> {
    return this.#failure;
  }

  async #own(): Promise<void> {
    const {
      timing,
      log,
      onRouterFailure,
      fold: { events },
    } = this.#deps;
    if (this.#abort.signal.aborted) return;
    const own = AbortSignal.any([this.#abort.signal, this.#draining.signal]);
    await this.#deps.logs?.untilSound(own);
    this.#isOwning = true;
    this.#ownLoops.add(supervise('router', () => this.#runRouter(own), own, log, timing, onRouterFailure));
    if (this.#loops.size === 0) {
      await this.#restore();
      if (this.#abort.signal.aborted || !this.#isRestored) return this.#fold.stop();
      void this.#run(this.#loops, 'partition', () => this.#follow());
    } else {
      // The copy may still be reading its checkpoint.
      await this.#until(() => this.#isRestored);
      if (this.#abort.signal.aborted) return;
      await this.#fold.promote();
    }
    const end = await events.end();
    // Started before the fold has caught up, because the log may hold more blocks than memory may.
    void this.#run(this.#ownLoops, 'flush', () => this.#flush(own));
    await this.#until(() => this.#fold.fold.seq >= end);
    void this.#run(this.#ownLoops, 'checkpoint', () => this.#checkpoint(own));
    void this.#run(this.#ownLoops, 'hours', () => this.#storeHours(own));
  }

  async #until(isReached: () => boolean): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted && !isReached()) await this.#deps.timing.pause(CATCH_UP_POLL_MS, signal);
  }

  /** Stops routing, stores the cut blocks and saves a checkpoint. Keeps folding, so that it can still answer. */
  async drain(): Promise<void> {
    await Promise.race([this.#failure, this.#drain()]);
  }

  async #drain(): Promise<void> {
    const { signal } = this.#abort;
    this.#draining.abort();
    this.#work.notify();
    await this.#router?.stop();
    await Promise.all(this.#ownLoops);
    if (!this.#isRestored || signal.aborted) return;
    try {
      while (!signal.aborted && !this.#deps.logs?.isInDoubt && (await this.#fold.flush())) continue;
      if (!signal.aborted) await this.#fold.checkpoint();
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'no last checkpoint was saved; the next owner resumes from the one before');
    }
  }

  /** Resolves when everything has stopped. May be called twice. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#work.notify();
    await Promise.all([this.#router?.stop(), this.#fold.stop()]);
    await Promise.all([...this.#loops, ...this.#ownLoops]);
    // The cursor may have been opening.
    await this.#fold.stop();
  }

  async #restore(): Promise<void> {
    const { timing, log } = this.#deps;
    while (!this.#abort.signal.aborted) {
      try {
        await this.#fold.restore();
        this.#isRestored = true;
        this.#refusal = undefined;
        return;
      } catch (error) {
        if (!(error instanceof CheckpointRefused)) throw error;
        log[this.#refusal ? 'debug' : 'error']({ err: error }, error.message);
        this.#refusal = error;
        await timing.pause(REFUSED_RETRY_MS, AbortSignal.any([this.#abort.signal, this.#draining.signal]));
      }
      if (this.#draining.signal.aborted) return;
    }
  }

  async #run(loops: Set<Promise<void>>, name: string, loop: () => Promise<void>): Promise<void> {
    const running = loop().catch((error: unknown) => {
      if (this.#abort.signal.aborted) return;
      this.#suspect(error);
      this.#deps.log.warn({ err: error, task: name }, `${name} failed; the shard is restarted`);
      this.#abort.abort();
      this.#work.notify();
      this.#fold.wake();
      this.#fail(error);
    });
    loops.add(running);
    return running;
  }

  #suspect(error: unknown): void {
    if (isOfLostLog(error)) this.#deps.logs?.suspect(error);
  }

  async #follow(): Promise<void> {
    const { timing } = this.#deps;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      if (this.#fold.isFull) await timing.pause(FLUSH_POLL_MS, signal);
      else await this.#fold.follow();
      if (this.#fold.hasWork) this.#work.notify();
      await timing.yield();
    }
  }

  async #flush(signal: AbortSignal): Promise<void> {
    const { timing, logs } = this.#deps;
    let failures = 0;
    let stepAt = timing.now();
    while (!signal.aborted) {
      // What is stored counts as read without loss, so a router must not have skipped messages that cannot be read.
      await logs?.untilSound(signal);
      if (signal.aborted) return;
      if (timing.now() - stepAt > SUSPENDED_MS) this.#fold.forgetStored();
      stepAt = timing.now();
      try {
        const isStored = await this.#fold.flush();
        await this.#fold.correct();
        failures = 0;
        if (isStored) {
          this.#stored.notify();
          continue;
        }
        if (this.#fold.hasWork) await timing.pause(FLUSH_POLL_MS, signal);
        else if (!signal.aborted) await this.#work.wait();
      } catch (error) {
        failures += 1;
        await this.#awaitHistory(error, failures, signal);
      }
    }
  }

  /** A copy stores nothing; it only learns which blocks the owner has stored. */
  async #followStored(): Promise<void> {
    const { signal } = this.#abort;
    for (let failures = 0; !signal.aborted && !this.#isOwning;) {
      try {
        await this.#deps.timing.pause(FOLLOW_STORED_INTERVAL_MS, signal);
        if (this.#isOwning || signal.aborted) return;
        await this.#fold.followStored();
        if (!this.#isOwning) await this.#fold.correct();
        failures = 0;
      } catch (error) {
        failures += 1;
        await this.#awaitHistory(error, failures, signal);
      }
    }
  }

  /** Live counts continue while history is unavailable: blocks queue up to a limit. */
  async #awaitHistory(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
    if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error;
    const level = failures > LOUD_AFTER_FAILURES ? 'error' : 'warn';
    this.#deps.log[level]({ err: error, failures }, 'ClickHouse does not answer; retrying');
    await this.#deps.timing.pause(backoffMs(failures, this.#deps.timing), signal);
  }

  async #checkpoint(signal: AbortSignal): Promise<void> {
    const { timing } = this.#deps;
    let savedAt = timing.now();
    while (!signal.aborted) {
      await timing.pause(CHECKPOINT_INTERVAL_MS * (0.75 + timing.random() / 2), signal);
      if (!this.#fold.isCheckpointDue && timing.now() - savedAt < CHECKPOINT_AGE_MAX_MS) continue;
      if (this.#fold.fold.openRows.length > OPEN_ROWS_IN_CHECKPOINT)
        await Promise.race([this.#stored.wait(), timing.pause(CHECKPOINT_DELAY_MAX_MS, signal)]);
      if (signal.aborted) return;
      try {
        if (await this.#fold.checkpoint()) savedAt = timing.now();
      } catch (error) {
        // While the log is unavailable, the state in memory is correct, and the previous checkpoint is still usable.
        if (error instanceof Superseded) throw error;
        this.#deps.log.warn({ err: error }, 'no checkpoint was saved; trying again later');
      }
    }
  }

  async #storeHours(signal: AbortSignal): Promise<void> {
    const {
      timing,
      log,
      hours: { intervalMs, settledMs },
      fold: { partition, history },
    } = this.#deps;
    const pause = (ms: number): Promise<void> => timing.pause(ms * (0.75 + timing.random() / 2), signal);
    while (!signal.aborted) {
      const { storedBlock } = this.#fold.fold;
      await pause(settledMs);
      if (signal.aborted) return;
      const stored = history.storeHours(partition, storedBlock, signal).then(
        () => pause(intervalMs),
        // Nothing is wrong without them; questions about long spans take longer.
        (error: unknown) => log.warn({ err: error }, 'hours were not summed up; trying again'),
      );
      // A shard that is handed over does not wait for it. What goes on alone does no harm.
      await orAborted(stored, signal);
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
        throw new LogWentBack(`a log may have gone back while router ${deps.partition} was being restored`);
      let forgetAt = timing.now() + FORGET_INTERVAL_MS;
      this.#truncateAt ??= timing.now() + truncateIntervalMs;
      while (!signal.aborted) {
        // Truncate before the step, also in a router that has just restarted: if a full log refuses commits, this
        // makes room.
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
