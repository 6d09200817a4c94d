// Copies new entries of TOPOLOGY to ClickHouse, so that entries that NATS loses can be restored. One process is
// enough; several at the same time are harmless.
import type { Logger } from 'pino';
import type { LogEpoch } from '../domain/log-epoch.ts';
import { factsOf, type TopologyEntry } from '../domain/topology.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { Timing } from '../runtime/timing.ts';
import type { CopiedEntry, TopologyCopy } from '../ports/recovery.ts';

const POLL_MS = 250;
const RETRY_MS = 2_000;
const ENTRIES_MAX = 5_000;
/** An entry may be a batch of thousands of facts. */
const FACTS_MAX = 20_000;

export interface TopologyCopierDeps {
  readonly topology: TopologyHistory;
  readonly epoch: LogEpoch;
  readonly records: TopologyCopy;
  /** True while this process is responsible for copying. */
  readonly isOn: () => boolean;
  /** Called if the copy differs from the log, which means that the log has lost entries. */
  readonly onMismatch: () => void;
  readonly timing: Timing;
  readonly log: Logger;
}

export class TopologyCopier {
  readonly #deps: TopologyCopierDeps;
  /** The last copied sequence; undefined while it is unknown. */
  #copiedSeq: number | undefined;
  #epoch = -1;

  constructor(deps: TopologyCopierDeps) {
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { timing, log } = this.#deps;
    while (!signal.aborted) {
      let pauseMs = POLL_MS;
      await this.#copy().catch((error: unknown) => {
        log.warn({ err: error }, 'could not copy the topology to ClickHouse; trying again');
        this.#copiedSeq = undefined;
        pauseMs = RETRY_MS;
      });
      await timing.pause(pauseMs, signal);
    }
  }

  async #copy(): Promise<void> {
    const { topology, epoch, records, isOn, onMismatch } = this.#deps;
    if (!isOn() || topology.seq === 0) return;
    if (this.#epoch !== epoch.current) this.#copiedSeq = undefined;
    this.#epoch = epoch.current;
    if (this.#copiedSeq === undefined) {
      const last = await records.lastCopied();
      if (last && topology.digestAt(last.seq) !== last.digest) return onMismatch();
      this.#copiedSeq = last?.seq ?? 0;
    }
    if (this.#copiedSeq >= topology.seq) return;
    const entries = firstOf(topology.entries(this.#copiedSeq, topology.seq)).map((entry): CopiedEntry => ({
      ...entry,
      digest: topology.digestAt(entry.seq) ?? 0,
    }));
    if (entries.length === 0) return;
    await records.copyTopology(entries, this.#epoch);
    this.#copiedSeq = entries.at(-1)?.seq ?? this.#copiedSeq;
  }
}

/** As many entries as are copied at once, and at least one. */
function firstOf(entries: readonly TopologyEntry[]): TopologyEntry[] {
  let facts = 0;
  const end = entries.findIndex(({ fact }, index) => {
    facts += factsOf(fact).length;
    return index > 0 && facts > FACTS_MAX;
  });
  return entries.slice(0, Math.min(ENTRIES_MAX, end < 0 ? entries.length : end));
}
