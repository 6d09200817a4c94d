// Asks history for the newest stored reading of each DPU that this router hears from for the first time. The same query
// asks for other DPUs of the partition, beginning with those whose messages wait. Otherwise nearly every commit after a
// start would wait for a query of its own, until each of perhaps thousands of DPUs has sent something.
import type { DpuId, Partition } from '../domain/ids.ts';
import { partitionOfDpu } from '../domain/partition.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { History } from '../ports/history.ts';
import type { ReadingMemory } from './reading-memory.ts';

/** How many DPUs a query asks for, unless a commit has more: a commit waits for it, and each query has a cost of its own. */
const ASKED_MAX = 256;
/** Of these, many may be known already. */
const WAITING_MAX = 1_000;
/** So that the search for others does not delay other work. */
const LOOKED_AT_MAX = 8_000;

export interface NewestLookupsDeps {
  readonly partition: Partition;
  readonly partitions: number;
  readonly topology: TopologyHistory;
  readonly history: Pick<History, 'newestReadings'>;
}

export class NewestLookups {
  readonly #deps: NewestLookupsDeps;
  readonly #memory: ReadingMemory;
  /** Registered DPUs that were not looked at yet. */
  #registered: Iterator<DpuId, undefined> | undefined;
  /** The sequence of the topology when all that were registered had been looked at. */
  #lookedAtSeq = -1;

  constructor(deps: NewestLookupsDeps, memory: ReadingMemory) {
    [this.#deps, this.#memory] = [deps, memory];
  }

  /**
   * Afterwards the memory knows the newest stored reading of these DPUs.
   * @param waiting returns up to so many DPUs whose messages come next
   */
  async learn(dpuIds: ReadonlySet<DpuId>, waiting: (dpusMax: number) => readonly DpuId[]): Promise<void> {
    if (dpuIds.size === 0) return;
    const asked = new Set(dpuIds);
    for (const dpuId of waiting(WAITING_MAX)) if (asked.size < ASKED_MAX) this.#addUnknown(dpuId, asked);
    this.#addRegistered(asked);
    const newest = await this.#deps.history.newestReadings([...asked]);
    for (const dpuId of asked) this.#memory.learnNewest(dpuId, newest.get(dpuId));
  }

  #addRegistered(asked: Set<DpuId>): void {
    const { topology, partition, partitions } = this.#deps;
    if (topology.seq > this.#lookedAtSeq) this.#registered ??= topology.dpuIds();
    for (let looked = 0; looked < LOOKED_AT_MAX && asked.size < ASKED_MAX; looked++) {
      const next = this.#registered?.next();
      if (!next || next.done === true) {
        [this.#registered, this.#lookedAtSeq] = [undefined, topology.seq];
        return;
      }
      if (partitionOfDpu(next.value, partitions) === partition) this.#addUnknown(next.value, asked);
    }
  }

  #addUnknown(dpuId: DpuId, asked: Set<DpuId>): void {
    if (!this.#memory.knowsNewest(dpuId)) asked.add(dpuId);
  }
}
