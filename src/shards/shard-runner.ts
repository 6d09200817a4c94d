// Runs one shard: router k and partition k, each in a supervised loop.
import type { Logger } from 'pino';
import { Failure } from '../domain/failure.ts';
import { Router, type RouterDeps } from '../router/router.ts';
import { supervise } from '../runtime/supervise.ts';
import type { Timing } from '../runtime/timing.ts';
import type { PartitionFold } from '../../actors/shard/partition-fold.ts';
import { PartitionHost, type PartitionHostDeps } from './partition-host.ts';

const FLUSH_POLL_MS = 25;
const CHECKPOINT_INTERVAL_MS = 15_000;
const FORGET_INTERVAL_MS = 5_000;
const PURGE_INTERVAL_MS = 60_000;

/** Has others told what changes in a fold, until closed. */
export type OpenFeed = (fold: PartitionFold) => Promise<{ close(): void }>;

export class ShardRunner {
  readonly #routerDeps: RouterDeps;
  readonly #hostDeps: PartitionHostDeps;
  readonly #storedBeforeCheckpoints: () => Promise<number>;
  readonly #log: Logger;
  readonly #timing: Timing;
  readonly #openFeed: OpenFeed | undefined;
  readonly #abort = new AbortController();
  #host: PartitionHost | undefined;
  #router: Router | undefined;
  #loops: Promise<void>[] = [];

  /** @param storedBeforeCheckpoints what every partition's checkpoint says is stored: the log before it is not needed */
  constructor(routerDeps: RouterDeps, hostDeps: PartitionHostDeps, storedBeforeCheckpoints: () => Promise<number>, log: Logger, timing: Timing, openFeed?: OpenFeed) {
    this.#openFeed = openFeed;
    this.#routerDeps = routerDeps;
    this.#hostDeps = hostDeps;
    this.#storedBeforeCheckpoints = storedBeforeCheckpoints;
    this.#timing = timing;
    this.#log = log.child({ shard: routerDeps.partition });
  }

  /** The partition's host once it is restored; undefined while it is not. */
  get host(): PartitionHost | undefined {
    return this.#host;
  }

  get router(): Router | undefined {
    return this.#router;
  }

  start(): void {
    const { signal } = this.#abort;
    this.#loops = [
      supervise('partition', () => this.#runPartition(), signal, this.#log, this.#timing),
      supervise('router', () => this.#runRouter(), signal, this.#log, this.#timing),
    ];
  }

  /** The topology has changed. */
  wakeRouter(): void {
    this.#router?.wake();
  }

  /** Stops reading, stores what is cut, saves a checkpoint. Safe to call twice. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all([this.#router?.stop(), this.#host?.stop()]);
    await Promise.all(this.#loops);
  }

  async #runPartition(): Promise<void> {
    const { signal } = this.#abort;
    const host = new PartitionHost(this.#hostDeps);
    const failed = new AbortController();
    const stop = AbortSignal.any([signal, failed.signal]);
    let feed: { close(): void } | undefined;
    try {
      await host.restore();
      feed = await this.#openFeed?.(host.fold);
      this.#host = host;
      const guarded = (loop: Promise<void>): Promise<void> => loop.catch((error: unknown) => {
        failed.abort();
        host.wake();
        throw error;
      });
      const loops = [this.#follow(host, stop), this.#flush(host, stop), this.#checkpoint(host, stop)].map(guarded);
      const failure = (await Promise.allSettled(loops)).find((result) => result.status === 'rejected');
      if (failure) throw failure.reason;
      await this.#drain(host);
    } finally {
      this.#host = undefined;
      feed?.close();
      await host.stop();
    }
  }

  async #follow(host: PartitionHost, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      if (host.isFull) await this.#timing.pause(FLUSH_POLL_MS, stop);
      else await host.follow();
      await this.#timing.turn();
    }
  }

  async #flush(host: PartitionHost, stop: AbortSignal): Promise<void> {
    let failures = 0;
    while (!stop.aborted) {
      try {
        const isStored = await host.flush();
        await host.correct();
        failures = 0;
        if (!isStored) await this.#timing.pause(FLUSH_POLL_MS, stop);
      } catch (error) {
        // History being away does not stop live counts: blocks queue, up to a bound.
        if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error;
        failures += 1;
        this.#log[failures > 5 ? 'error' : 'warn']({ err: error, failures }, 'ClickHouse does not take blocks; retrying');
        await this.#timing.pause(Math.min(5_000, 100 * 2 ** failures), stop);
      }
    }
  }

  async #checkpoint(host: PartitionHost, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#timing.pause(CHECKPOINT_INTERVAL_MS * (0.75 + this.#timing.random() / 2), stop);
      if (!stop.aborted) await host.checkpoint();
    }
  }

  async #drain(host: PartitionHost): Promise<void> {
    try {
      while (await host.flush()) continue;
      await host.checkpoint();
    } catch (error) {
      this.#log.warn({ err: error }, 'no last checkpoint; the next owner resumes from the one before');
    }
  }

  async #runRouter(): Promise<void> {
    const { signal } = this.#abort;
    const router = new Router(this.#routerDeps);
    try {
      this.#router = router;
      await router.restore();
      let [forgetAt, purgeAt] = [this.#timing.now() + FORGET_INTERVAL_MS, this.#timing.now() + PURGE_INTERVAL_MS];
      while (!signal.aborted) {
        await router.step();
        await this.#timing.turn();
        if (this.#timing.now() >= forgetAt) {
          router.forgetStored(await this.#routerDeps.storedBeforeSeq());
          forgetAt = this.#timing.now() + FORGET_INTERVAL_MS;
        }
        if (this.#timing.now() >= purgeAt) {
          await router.purgePositions(await this.#storedBeforeCheckpoints());
          purgeAt = this.#timing.now() + PURGE_INTERVAL_MS;
        }
      }
    } finally {
      await router.stop();
    }
  }
}
