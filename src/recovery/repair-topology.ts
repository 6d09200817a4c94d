// Restores entries that TOPOLOGY lost, from the copy in ClickHouse.
import type { LogDeps } from './inspect-logs.ts';
import type { CopiedEntry } from '../ports/recovery.ts';
import type { TopologyLog } from '../ports/topology-log.ts';
import { allPartitions } from '../domain/partition.ts';

export interface TopologyRepair {
  /** Number of entries restored. */
  readonly restored: number;
  /** Upper bound for the number of entries that had been copied, or applied by a router, and cannot be restored. */
  readonly lost: number;
}

/** After this sequence the log differs from the copy; undefined if they agree. */
export type CopyDiffersAfter = number | undefined;

interface Deps extends Pick<LogDeps, 'topology' | 'records' | 'events' | 'partitions'> {
  readonly topologyLog: Pick<TopologyLog, 'append'>;
  readonly topologyReached: (seq: number) => Promise<void>;
}

export async function repairTopology(deps: Deps): Promise<[TopologyRepair, CopyDiffersAfter]> {
  const { topology, records, topologyLog, topologyReached } = deps;
  const last = await records.lastCopied();
  let [restored, lost] = [0, 0];
  let differsAfter: CopyDiffersAfter;
  if (last && topology.digestAt(last.seq) !== last.digest) {
    const copied = await records.copiedAfter(0);
    const common = lastCommon(copied, deps);
    const missing = copied.filter(({ seq }) => seq > common);
    // The log was written to after it went back: the new entries remain, and those that they replaced cannot be
    // restored.
    if (topology.seq > common) [lost, differsAfter] = [missing.length, common];
    else
      for (const { seq, fact } of missing) {
        if ((await topologyLog.append(fact, seq - 1)) !== seq)
          throw new Error(`another process wrote to TOPOLOGY while entry ${seq} was being restored`);
        restored += 1;
      }
    await topologyReached(common + restored);
  }
  const headers = await Promise.all(
    allPartitions(deps.partitions).map(async (router) => (await deps.events.lastCommit(router)).header),
  );
  const highest = Math.max(
    0,
    ...headers.map((header) => (header ? Math.max(header.topologySeq, header.reattribution?.toSeq ?? 0) : 0)),
  );
  return [{ restored, lost: Math.max(lost, highest - topology.seq) }, differsAfter];
}

/** The last sequence up to which the log and the copy agree. */
function lastCommon(copied: readonly CopiedEntry[], { topology }: Pick<Deps, 'topology'>): number {
  return copied.findLast(({ seq, digest }) => topology.digestAt(seq) === digest)?.seq ?? 0;
}
