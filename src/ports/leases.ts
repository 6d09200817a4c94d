// Which process owns which shard, and which processes are alive. A lease only avoids double work; correctness never
// depends on it, because a process that wrongly believes that it holds one is refused when it commits or saves a
// checkpoint. Ownership is decided by the result of a compare-and-set, never by a read.
import type { Problem } from '../domain/health.ts';
import type { Partition } from '../domain/ids.ts';

/** A live process of the cluster, as it describes itself. */
export interface Member {
  /** Identifies one run of the process: after a restart it is a new member. */
  readonly id: string;
  /** Shards are assigned by it, so a process that is restarted under the same name gets the shards that it had. */
  readonly name: string;
  /** When it was started, by its own clock; absent in earlier versions. */
  readonly startedMs?: number;
  /**
   * The same in all runs of this process, of which at most one lives at a time; undefined if nothing ensures that. (Kafka calls
   * this static membership: KIP-345, `group.instance.id`.)
   */
  readonly instanceId?: string | undefined;
  /** False for a process that only serves requests and owns no shards. */
  readonly takesShards: boolean;
  /** True while it keeps standby copies of shards that other members own. */
  readonly standsBy: boolean;
  /** Problems that the member last found with itself; absent in earlier versions. */
  readonly problems?: readonly Problem[];
}

/** Undefined if the member has left, or the lease is free. */
export type LeaseChange =
  | { readonly kind: 'member'; readonly id: string; readonly member: Member | undefined }
  | { readonly kind: 'shard'; readonly shard: Partition; readonly holder: string | undefined };

/** Methods reject if the store cannot be reached. The outcome is then unknown, and repeating the call is safe. */
export interface Leases {
  /** A lease or membership expires this long after it was last renewed. */
  readonly ttlMs: number;
  /** Acquires a lease that is free or of a member that has ended. @returns its revision; undefined if another holder has it */
  take(shard: Partition, holder: string): Promise<number | undefined>;
  /** Extends a lease by another TTL. @returns its new revision; undefined if another holder has it */
  renew(shard: Partition, holder: string, revision: number): Promise<number | undefined>;
  /** Releases a lease. Does nothing if another holder has it. */
  release(shard: Partition, revision: number): Promise<void>;
  /** Registers a member, or renews its membership for another TTL. */
  announce(member: Member): Promise<void>;
  /** Ends a membership at once. */
  withdraw(member: Member): Promise<void>;
  /** The current members. */
  members(): Promise<Member[]>;
  /** From now on `take` takes the leases of this member, which has ended, at once. */
  succeed(ended: Member): void;
  /**
   * Reports all leases and members, oldest first, and then every change. Resolves when the signal aborts.
   * @throws if the watch is interrupted
   */
  watch(report: (change: LeaseChange) => void, signal: AbortSignal): Promise<void>;
}

/** Under this name a member holds the leases of all shards while it repairs the logs. */
export const repairHolderOf = (memberId: string): string => `${memberId}-repair`;
