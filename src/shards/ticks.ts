// Publishes ticks while something waits for time to pass. The only clock of a fold is the log's, so while nobody
// passes a door nothing becomes final by itself. A tick costs a commit, and in an idle building nothing waits, so
// ticks are published only for:
//
// - Provisional events, which wait for the clocks of the routers that feed their space, and an open block, which
//   waits for its maximum age. Once an interval, the clocks that have not moved since the last interval are advanced.
// - An answer, which waits for those clocks if time alone has made its instant final, or if they are older than an
//   interval. They are advanced before the question is answered.
//
// Any process may publish ticks to any partition of READINGS, so a fold need not know which process runs the router
// that it waits for.
import type { Logger } from 'pino';
import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';
import type { Shard } from './shard.ts';

/** How long an answer waits for a router, which may be far behind or not running. */
const ANSWER_WAIT_MAX_MS = 250;
const POLL_MS = 2;

export interface TicksDeps {
  readonly tick: (router: Partition) => Promise<void>;
  readonly intervalMs: number;
  /** Wall clock, in milliseconds: decides which instants can be final by now. */
  readonly nowMs: () => number;
  readonly timing: Timing;
  readonly log: Logger;
}

export class Ticks {
  readonly #deps: TicksDeps;
  /** By partition and router: the clock at the last interval. */
  readonly #clocks = new Map<string, number>();
  /** By router: when its clock was last advanced for an answer. */
  readonly #askedAt = new Map<Partition, number>();

  constructor(deps: TicksDeps) {
    this.#deps = deps;
  }

  /**
   * Publishes ticks for the shards that this process owns, until the signal aborts. A fold that waits for ClickHouse
   * needs no ticks.
   */
  async run(shards: readonly Pick<Shard, 'isOwner' | 'fold' | 'isFull'>[], signal: AbortSignal): Promise<void> {
    const { timing, intervalMs } = this.#deps;
    while (!signal.aborted) {
      const routers = new Set(
        shards.flatMap(({ isOwner, fold, isFull }) => (isOwner && fold && !isFull ? this.#stillAwaited(fold) : [])),
      );
      await this.#tick(routers);
      await timing.pause(intervalMs, signal);
    }
  }

  /**
   * Resolves when the clocks that a space waits for are late enough for an answer about an instant, or will not be
   * soon.
   */
  async advance(fold: PartitionFold, spaceId: SpaceId, atMs: number): Promise<void> {
    const { nowMs, intervalMs } = this.#deps;
    const delayMs = fold.settings.idleTimeoutMs + fold.settings.outOfOrdernessMs;
    // An instant is final once the clocks are this much later. Until then at least earlier events can become final.
    const neededMs = atMs + delayMs <= nowMs() ? atMs + delayMs : nowMs() - intervalMs;
    if (fold.watermarkOf(spaceId) >= neededMs - delayMs) return;
    const behind = fold.routersOf(spaceId).filter((router) => this.#clockOf(fold, router) < neededMs);
    await this.#advance(fold, behind);
  }

  /** The routers that a fold waits for and whose clocks have not moved since the last interval. */
  #stillAwaited(fold: PartitionFold): Partition[] {
    return [...fold.awaitedRouters()].filter((router) => {
      const key = `${fold.partition} ${router}`;
      const [before, clockMs] = [this.#clocks.get(key), this.#clockOf(fold, router)];
      this.#clocks.set(key, clockMs);
      return before === clockMs;
    });
  }

  async #advance(fold: PartitionFold, routers: readonly Partition[]): Promise<void> {
    const { timing, intervalMs } = this.#deps;
    const now = timing.now();
    // Questions do not wait again for a clock that did not advance after a tick.
    const asked = routers.filter((router) => now - (this.#askedAt.get(router) ?? -Infinity) >= intervalMs);
    if (asked.length === 0) return;
    for (const router of asked) this.#askedAt.set(router, now);
    const before = new Map(asked.map((router) => [router, this.#clockOf(fold, router)]));
    await this.#tick(asked);
    const haveMoved = (): boolean => [...before].every(([router, clockMs]) => this.#clockOf(fold, router) > clockMs);
    while (!haveMoved() && timing.now() - now < ANSWER_WAIT_MAX_MS) await timing.pause(POLL_MS, NEVER);
    for (const router of asked)
      if (this.#clockOf(fold, router) > (before.get(router) ?? Infinity)) this.#askedAt.delete(router);
  }

  async #tick(routers: Iterable<Partition>): Promise<void> {
    const ticks = [...routers].map((router) => this.#deps.tick(router));
    await Promise.all(ticks).catch((error: unknown) =>
      this.#deps.log.debug({ err: error }, 'no tick was published: NATS does not answer'),
    );
  }

  #clockOf(fold: PartitionFold, router: Partition): number {
    return fold.clocks[router] ?? BEGINNING_MS;
  }
}
