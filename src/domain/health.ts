// A problem of the cluster, as health checks and alerts report it.
import type { Partition } from './ids.ts';

/** A condition that prevents part of the cluster from working. */
export interface Problem {
  /** A stable identifier for monitors and alerts. */
  readonly code: string;
  /** A sentence for people. */
  readonly detail: string;
  /** The affected shard, stream or process, if any. */
  readonly shard?: Partition;
  readonly stream?: string;
  readonly process?: string;
}
