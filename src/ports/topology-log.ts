// The TOPOLOGY log: every version of every fact about spaces, doorways, DPUs and resets. A fact is appended only if
// the log still ends where the decision was made, so checks such as unique names hold across processes.
import type { TopologyEntry, TopologyFact } from '../domain/topology.ts';

/** An entry as it was read. */
export interface ReadTopologyEntry extends TopologyEntry {
  /** The fact as it is stored, which is `JSON.stringify` of it; undefined if the log does not store bytes. */
  readonly bytes?: Uint8Array;
}

/** Methods reject if the log cannot be reached. */
export interface TopologyLog {
  open(afterSeq: number): Promise<TopologyCursor>;
  /** Stores a fact if the log still ends at `expectedSeq` (0: empty). @returns its sequence; undefined on a conflict */
  append(fact: TopologyFact, expectedSeq: number): Promise<number | undefined>;
  /** The fact at a sequence; undefined if there is none that can be read. */
  at(seq: number): Promise<TopologyFact | undefined>;
  /**
   * What is wrong with the entry at a sequence, and what an operator can do; undefined if the entry can be read, or if
   * the log does not claim to hold it.
   */
  damageAt(seq: number): Promise<string | undefined>;
  /** The log's last sequence, according to its leader; 0 if it is empty. */
  lastSeq(): Promise<number>;
}

export interface TopologyCursor {
  /**
   * Waits for the next entries, in order, without skipping any that the log holds. Returns none once closed.
   * @throws if the log cannot be read any further
   */
  next(): Promise<ReadTopologyEntry[]>;
  close(): Promise<void>;
}
