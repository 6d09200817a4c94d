// Asks history for the newest stored reading of each DPU that this router hears from for the first time. The same query
// asks for other DPUs of the partition, beginning with those whose messages wait. Otherwise nearly every commit after a
// start would wait for a query of its own, until each of perhaps thousands of DPUs has sent something.
import type { DpuId, Partition } from '../domain/ids.ts';
import { partitionOfDpu } from '../domain/partition.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { History } from '../ports/history.ts';
import type { Timing } from '../runtime/timing.ts';
import type { ReadingMemory } from './reading-memory.ts';

/** How many others a query asks for: more while queries are fast, because a commit waits for each. */
const [OTHERS_FIRST, OTHERS_MAX] = [16, 1_000];
const FAST_MS = 15;
/** Asking for twice as many helps if it takes at most a third longer, and asking for half as many if it takes at least a third less. */
const [GROWN_MAX, SHRUNK_MAX] = [4 / 3, 2 / 3];
/** So that the search for others does not delay other work. */
const LOOKED_AT_MAX = 8_000;
const WAITING_MAX = 1_000;

export interface NewestLookupsDeps {
  readonly partition: Partition;
  readonly partitions: number;
  readonly topology: TopologyHistory;
  readonly history: Pick<History, 'newestReadings'>;
  readonly timing: Pick<Timing, 'now'>;
}

export class NewestLookups {
  readonly #deps: NewestLookupsDeps;
  readonly #memory: ReadingMemory;
  /** Registered DPUs of which some are not asked for yet; undefined before the first question. */
  #registered: Iterator<DpuId, undefined> | undefined;
  #othersMax = OTHERS_FIRST;
  /** Whether the last query asked for more than the one before, and how long it took. */
  #hasGrown = true;
  #lastMs = Infinity;

  constructor(deps: NewestLookupsDeps, memory: ReadingMemory) {
    [this.#deps, this.#memory] = [deps, memory];
  }

  /**
   * Afterwards the memory knows the newest stored reading of these DPUs.
   * @param waiting returns up to so many DPUs whose messages come next
   */
  async learn(dpuIds: ReadonlySet<DpuId>, waiting: (dpusMax: number) => readonly DpuId[]): Promise<void> {
    if (dpuIds.size === 0) return;
    const { history, timing } = this.#deps;
    const next = waiting(WAITING_MAX).filter((dpuId) => !this.#memory.knowsNewest(dpuId));
    const needed = new Set([...dpuIds, ...next]);
    const asked = [...needed, ...this.#others(needed)];
    const askedAt = timing.now();
    const newest = await history.newestReadings(asked);
    for (const dpuId of asked) this.#memory.learnNewest(dpuId, newest.get(dpuId));
    this.#adjust(timing.now() - askedAt);
  }

  /**
   * A slow query may be slow because it asks for many, or because ClickHouse is busy. If it is busy, smaller queries
   * are just as slow, and as there are more of them, they keep it busy. So a change goes on while it helps, and is reversed otherwise.
   */
  #adjust(tookMs: number): void {
    const hasHelped = tookMs <= this.#lastMs * (this.#hasGrown ? GROWN_MAX : SHRUNK_MAX);
    this.#hasGrown = tookMs <= FAST_MS || hasHelped === this.#hasGrown;
    this.#lastMs = tookMs;
    this.#othersMax = this.#hasGrown ? Math.min(OTHERS_MAX, 2 * this.#othersMax) : Math.floor(this.#othersMax / 2) || 1;
  }

  #others(dpuIds: ReadonlySet<DpuId>): DpuId[] {
    const { topology, partition, partitions } = this.#deps;
    const others: DpuId[] = [];
    this.#registered ??= topology.dpuIds();
    for (let looked = 0; looked < LOOKED_AT_MAX && others.length < this.#othersMax; looked++) {
      const next = this.#registered.next();
      if (next.done === true) break;
      if (partitionOfDpu(next.value, partitions) !== partition || dpuIds.has(next.value)) continue;
      if (!this.#memory.knowsNewest(next.value)) others.push(next.value);
    }
    return others;
  }
}
