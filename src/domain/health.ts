// A problem of the cluster, as health checks and alerts report it.
import type { Partition } from './ids.ts';

/** Something that keeps part of the cluster from doing its work. */
export interface Problem {
  /** A stable identifier for monitors and alerts. */
  readonly code: string;
  /** A sentence for people. */
  readonly detail: string;
  /** The shard, stream or process concerned, if any. */
  readonly shard?: Partition;
  readonly stream?: string;
  readonly process?: string;
}
