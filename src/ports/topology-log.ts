// The log of the topology.
import type { TopologyEntry, TopologyFact } from '../domain/topology.ts';

/** The TOPOLOGY log. */
export interface TopologyLog {
  open(afterSeq: number): Promise<TopologyCursor>;
  /** Stores a fact if the log still ends at `expectedSeq`. @returns its sequence, or undefined on conflict */
  append(fact: TopologyFact, expectedSeq: number): Promise<number | undefined>;
  /** What stands at a sequence; undefined when nothing does. @throws when it cannot be reached */
  at(seq: number): Promise<TopologyFact | undefined>;
  /** Where the log ends now; 0 when it is empty. @throws when it cannot be reached */
  lastSeq(): Promise<number>;
}

export interface TopologyCursor {
  /** The next entries; none when closed. */
  next(): Promise<TopologyEntry[]>;
  close(): Promise<void>;
}
