// The lease of one shard as seen by its holder: taken, then renewed until it is released or lost. The holder trusts
// the lease only for as long as its own clock allows, so a process that was suspended or cut off knows that its lease
// has expired before it receives any message.
import type { Logger } from 'pino';
import type { Partition } from '../domain/ids.ts';
import type { Leases } from '../ports/leases.ts';
import { untilSharedInstant } from '../runtime/shared-instants.ts';
import type { Timing } from '../runtime/timing.ts';

const RENEWALS_PER_TTL = 3;
const RETRIES_PER_TTL = 10;
/** A margin for clocks that run at different rates. */
const VALID_PART_OF_TTL = 0.95;

export class ShardLease {
  readonly #leases: Leases;
  readonly #shard: Partition;
  readonly #holder: string;
  readonly #timing: Timing;
  readonly #log: Logger;
  #revision = 0;
  #validUntil = -Infinity;
  #ended: AbortController | undefined;
  #renewing: Promise<void> = Promise.resolve();

  constructor(leases: Leases, shard: Partition, holder: string, timing: Timing, log: Logger) {
    this.#leases = leases;
    this.#shard = shard;
    this.#holder = holder;
    this.#timing = timing;
    this.#log = log;
  }

  /** True while no other process can hold the lease, unless this one was said to have ended. */
  get isValid(): boolean {
    return this.#ended !== undefined && this.#timing.now() < this.#validUntil;
  }

  /** Requests the lease once. Renews it once granted, and calls `onLost` when another process has taken it. */
  async take(onLost: () => void): Promise<boolean> {
    const askedAt = this.#timing.now();
    const revision = await this.#leases.take(this.#shard, this.#holder);
    if (revision === undefined) return false;
    this.#hold(revision, askedAt);
    const ended = new AbortController();
    this.#ended = ended;
    this.#renewing = this.#renew(ended.signal, onLost);
    return true;
  }

  /** Releases the lease if it is still held. */
  async release(): Promise<void> {
    await this.#end();
    await this.#leases
      .release(this.#shard, this.#revision)
      .catch((error: unknown) => this.#log.debug({ err: error }, 'the lease was not released; it will expire'));
  }

  /** Stops renewing a lease that was lost. */
  async forget(): Promise<void> {
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#ended?.abort();
    this.#ended = undefined;
    await this.#renewing;
  }

  #hold(revision: number, askedAt: number): void {
    this.#revision = revision;
    this.#validUntil = askedAt + this.#leases.ttlMs * VALID_PART_OF_TTL;
  }

  async #renew(ended: AbortSignal, onLost: () => void): Promise<void> {
    const untilNext = (): number => untilSharedInstant(this.#timing.now(), this.#leases.ttlMs / RENEWALS_PER_TTL);
    let pauseMs = untilNext();
    while (!ended.aborted) {
      await this.#timing.pause(pauseMs, ended);
      if (ended.aborted) return;
      const askedAt = this.#timing.now();
      try {
        const revision = await this.#leases.renew(this.#shard, this.#holder, this.#revision);
        if (revision === undefined) {
          this.#validUntil = -Infinity;
          return onLost();
        }
        this.#hold(revision, askedAt);
        pauseMs = untilNext();
      } catch (error) {
        this.#log.debug({ err: error }, 'the lease was not renewed; trying again');
        pauseMs = this.#leases.ttlMs / RETRIES_PER_TTL;
      }
    }
  }
}
