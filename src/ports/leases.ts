// Who owns which shard.
import type { Problem } from '../domain/health.ts';
import type { Partition } from '../domain/ids.ts';

/** A process that takes part, as others see it. */
export interface Member {
  /** Of this life of the process: a restart is another member. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** False for one that only answers questions, and owns nothing. */
  readonly takesShards: boolean;
  /** False while it keeps no copy of other members' shards. */
  readonly standsBy: boolean;
  /** What it saw of itself when it last looked; none of a process of an earlier version. */
  readonly problems?: readonly Problem[];
}

export type LeaseChange =
  | { readonly kind: 'member'; readonly id: string; readonly member: Member | undefined }
  | { readonly kind: 'shard'; readonly shard: Partition; readonly holder: string | undefined };

/**
 * Who runs which shard. A lease only avoids double work: what a process does that wrongly believes it
 * holds one is refused elsewhere. It is decided by the result of a compare-and-set, never by a read.
 */
export interface Leases {
  /** How long a lease or a membership lasts that is not renewed. */
  readonly ttlMs: number;
  /** Takes a lease that nobody holds. @returns its revision; undefined when somebody holds it */
  take(shard: Partition, holder: string): Promise<number | undefined>;
  /** Makes a lease last for another ttl. @returns its new revision; undefined when it is somebody else's */
  renew(shard: Partition, holder: string, revision: number): Promise<number | undefined>;
  /** Gives a lease up; nothing happens when it is somebody else's. */
  release(shard: Partition, revision: number): Promise<void>;
  /** Says that a member lives, for another ttl. */
  announce(member: Member): Promise<void>;
  withdraw(member: Member): Promise<void>;
  /** Reports everything there is, oldest first, and then every change, until the signal aborts. @throws when it breaks off */
  watch(report: (change: LeaseChange) => void, signal: AbortSignal): Promise<void>;
}
