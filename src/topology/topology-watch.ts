// Reports why this process does not receive the next entry of TOPOLOGY: nats-server may hold an entry that it cannot
// return (docs/failures.md). Without that entry no count is right, so a process that starts gives up after a while.
import type { Logger } from 'pino';
import type { TopologyLog } from '../ports/topology-log.ts';
import type { Timing } from '../runtime/timing.ts';
import type { TopologyService } from './topology-service.ts';

const INTERVAL_MS = 1_000;
/** An entry that has just been written arrives sooner. */
const BEHIND_MAX_MS = 2_000;
/** The NATS server may be restarted with a file that has been repaired. */
const GIVE_UP_AFTER_MS = 10_000;

export interface TopologyWatchDeps {
  readonly topology: Pick<TopologyService, 'behindMs' | 'history'>;
  readonly topologyLog: Pick<TopologyLog, 'damageAt'>;
  readonly timing: Pick<Timing, 'now' | 'pause'>;
  readonly log: Logger;
}

export class TopologyWatch {
  readonly #deps: TopologyWatchDeps;
  #damage: string | undefined;

  constructor(deps: TopologyWatchDeps) {
    this.#deps = deps;
  }

  /** Why the next entry cannot be read; undefined if it can, or if there is none. */
  get damage(): string | undefined {
    return this.#damage;
  }

  /** Checks at intervals until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#check().catch((error: unknown) =>
        this.#deps.log.debug({ err: error }, 'the next entry of TOPOLOGY cannot be checked'),
      );
      await this.#deps.timing.pause(INTERVAL_MS, signal);
    }
  }

  /** Waits for a result that needs the whole log. @throws Error if an entry cannot be read for several seconds */
  async unlessDamaged<T>(result: Promise<T>): Promise<T> {
    const waiting = new AbortController();
    return Promise.race([result, this.#lastingDamage(waiting.signal)]).finally(() => waiting.abort());
  }

  async #lastingDamage(signal: AbortSignal): Promise<never> {
    const { timing } = this.#deps;
    for (let sinceMs = timing.now(); ;) {
      await timing.pause(INTERVAL_MS, signal);
      if (signal.aborted) throw new Error('nobody waits any more');
      if (this.#damage === undefined) sinceMs = timing.now();
      else if (timing.now() - sinceMs > GIVE_UP_AFTER_MS) throw new Error(this.#damage);
    }
  }

  async #check(): Promise<void> {
    const { topology, topologyLog, log } = this.#deps;
    const damage = topology.behindMs > BEHIND_MAX_MS ? await topologyLog.damageAt(topology.history.seq + 1) : undefined;
    if (damage !== undefined && damage !== this.#damage) log.error({ stream: 'TOPOLOGY' }, damage);
    this.#damage = damage;
  }
}
