import type { Partition } from './ids.ts';

/** Something that keeps the cluster from doing all it is there for. */
export interface Problem {
  /** Stable: what monitors and alerts know it by. */
  readonly code: string;
  /** A sentence for people. */
  readonly detail: string;
  /** What it concerns, where that is a shard, a stream or a process. */
  readonly shard?: Partition;
  readonly stream?: string;
  readonly process?: string;
}
