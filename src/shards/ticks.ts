// Marks time in the log where something waits for it. The only clock of a fold is the log's, so while nobody passes
// nothing becomes final by itself; but a mark costs a commit, and in an idle building nothing waits:
//
//  - Provisional events wait for the clocks of the routers that feed their space, and an open block for its age:
//    once an interval, those that have not moved since the last are moved on.
//  - An answer waits for those clocks, too, where time alone has made final what it is about, or they are older than
//    an interval: they are moved on when it is asked for, and the answer is given from after that.
//
// Anyone may mark time in any partition of READINGS, so a fold need not know who runs the router it waits for.
import type { Logger } from 'pino';
import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { SpaceReport } from '../../actors/partition/space-report.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';
import type { ShardRunner } from './shard-runner.ts';

/** An answer waits no longer for a router: it is far behind, or nobody runs it. */
const ANSWER_WAIT_MAX_MS = 250;
const POLL_MS = 2;

export interface TicksDeps {
  readonly tick: (router: Partition) => Promise<void>;
  readonly intervalMs: number;
  /** Wall clock, in milliseconds: for the question what can be final by now. */
  readonly nowMs: () => number;
  readonly timing: Timing;
  readonly log: Logger;
}

export class Ticks {
  readonly #deps: TicksDeps;
  /** By partition and router: the clock at the last interval. */
  readonly #clocks = new Map<string, number>();
  /** By router: when an answer last had its clock moved on. */
  readonly #askedAt = new Map<Partition, number>();

  constructor(deps: TicksDeps) {
    this.#deps = deps;
  }

  /** Marks time for the shards that this process owns, until the signal aborts. A fold that waits for ClickHouse does not wait for time. */
  async run(shards: readonly ShardRunner[], signal: AbortSignal): Promise<void> {
    const { timing, intervalMs } = this.#deps;
    while (!signal.aborted) {
      const routers = new Set(
        shards.flatMap(({ isOwner, host }) => (isOwner && host && !host.isFull ? this.#stillAwaited(host.fold) : [])),
      );
      await this.#tick(routers);
      await timing.pause(intervalMs, signal);
    }
  }

  /** What the owner reports of a space, once the clocks stand where time has got to. Undefined when this process is not the owner. */
  async report(shard: ShardRunner, spaceId: SpaceId, atMs: number): Promise<SpaceReport | undefined> {
    const report = shard.report(spaceId, atMs);
    const fold = shard.host?.fold;
    if (!report || !fold) return report;
    const { nowMs, intervalMs } = this.#deps;
    const delayMs = fold.settings.idleTimeoutMs + fold.settings.outOfOrdernessMs;
    // An instant is final so long after it; of one that is not so old, what was before it may be.
    const neededMs = atMs + delayMs <= nowMs() ? atMs + delayMs : nowMs() - intervalMs;
    if (report.watermarkMs >= neededMs - delayMs) return report;
    const behind = fold.routersOf(spaceId).filter((router) => this.#clockOf(fold, router) < neededMs);
    await this.#moveOn(fold, behind);
    return shard.report(spaceId, atMs);
  }

  /** The routers that a fold waits for, and whose clocks have not moved for an interval. */
  #stillAwaited(fold: PartitionFold): Partition[] {
    return [...fold.awaitedRouters()].filter((router) => {
      const key = `${fold.partition} ${router}`;
      const [before, clockMs] = [this.#clocks.get(key), this.#clockOf(fold, router)];
      this.#clocks.set(key, clockMs);
      return before === clockMs;
    });
  }

  async #moveOn(fold: PartitionFold, routers: readonly Partition[]): Promise<void> {
    const { timing, intervalMs } = this.#deps;
    const now = timing.now();
    // One that did not move when it was asked to is not waited for at every question.
    const asked = routers.filter((router) => now - (this.#askedAt.get(router) ?? -Infinity) >= intervalMs);
    if (asked.length === 0) return;
    for (const router of asked) this.#askedAt.set(router, now);
    const before = new Map(asked.map((router) => [router, this.#clockOf(fold, router)]));
    await this.#tick(asked);
    const isMoved = (): boolean => [...before].every(([router, clockMs]) => this.#clockOf(fold, router) > clockMs);
    while (!isMoved() && timing.now() - now < ANSWER_WAIT_MAX_MS) await timing.pause(POLL_MS, NEVER);
    for (const router of asked)
      if (this.#clockOf(fold, router) > (before.get(router) ?? Infinity)) this.#askedAt.delete(router);
  }

  async #tick(routers: Iterable<Partition>): Promise<void> {
    const ticks = [...routers].map((router) => this.#deps.tick(router));
    await Promise.all(ticks).catch((error: unknown) =>
      this.#deps.log.debug({ err: error }, 'no tick: NATS does not answer'),
    );
  }

  #clockOf(fold: PartitionFold, router: Partition): number {
    return fold.clocks[router] ?? BEGINNING_MS;
  }
}
