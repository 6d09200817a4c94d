// The sequence of SPACE_EVENTS before which everything is stored in ClickHouse: the minimum over all partitions.
import type { Partition } from '../domain/ids.ts';
import { allPartitions } from '../domain/partition.ts';
import type { Checkpoints } from '../ports/checkpoints.ts';
import type { Timing } from '../runtime/timing.ts';

const MAX_AGE_MS = 2_000;

export interface StoredSequenceDeps {
  readonly partitions: number;
  readonly checkpoints: Pick<Checkpoints, 'last'>;
  /** The sequence before which a partition's fold has stored everything; undefined if this process does not run it. */
  readonly byFold: (partition: Partition) => number | undefined;
  readonly timing: Pick<Timing, 'now'>;
}

export class StoredSequence {
  readonly #deps: StoredSequenceDeps;
  #last: { readonly atMs: number; readonly seq: Promise<number> } | undefined;

  constructor(deps: StoredSequenceDeps) {
    this.#deps = deps;
  }

  /** By the checkpoints: no restart needs the log before it. */
  async byCheckpoints(): Promise<number> {
    return this.#minimum(() => undefined);
  }

  /**
   * By the folds that run here, and by the checkpoints of the other partitions. Cached for a moment, because every
   * router asks for it and checkpoints are read from NATS. An older value is lower, and therefore safe.
   */
  async byFolds(): Promise<number> {
    const { byFold, timing } = this.#deps;
    const now = timing.now();
    if (!this.#last || now - this.#last.atMs > MAX_AGE_MS) {
      const seq = this.#minimum(byFold);
      this.#last = { atMs: now, seq };
      seq.catch(() => (this.#last = undefined));
    }
    return this.#last.seq;
  }

  async #minimum(byFold: (partition: Partition) => number | undefined): Promise<number> {
    const { partitions, checkpoints } = this.#deps;
    const all = allPartitions(partitions).map(async (k) => byFold(k) ?? (await checkpoints.last(k)).storedBeforeSeq);
    return Math.min(...(await Promise.all(all)));
  }
}
