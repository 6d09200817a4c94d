// Makes sure that no shard runs on logs that lost entries (L3). Inspects the logs before the process takes its first
// shard, after every reconnection to NATS, on suspicion, and at intervals. If they have gone back, it suspends this
// process's shards, waits until all other processes have given up theirs, and repairs the logs.
import type { Logger } from 'pino';
import type { CommitMark } from '../domain/log-mark.ts';
import type { Partition } from '../domain/ids.ts';
import { allPartitions } from '../domain/partition.ts';
import { repairHolderOf, type Leases } from '../ports/leases.ts';
import type { Timing } from '../runtime/timing.ts';
import { LogGap } from '../../actors/partition/commit-chain.ts';
import type { LogDoubts } from '../shards/log-doubts.ts';
import { ShardLease } from '../shards/shard-lease.ts';
import type { TopologyService } from '../topology/topology-service.ts';
import { describeLosses } from './describe-losses.ts';
import { inspectLogs, isCertain, type Discrepancy } from './inspect-logs.ts';
import { repairLogs, type RepairDeps } from './repair-logs.ts';

const INTERVAL_MS = 30_000;
const RETRY_MS = 1_000;
const LEASE_RETRY_MS = 100;
const ATTEMPTS_PER_INSPECTION = 10;
const SECOND_INSPECTION_MS = 500;
const DOUBT_POLL_MS = 20;
const GAPS_MAX = 3;

export interface LogGuardDeps extends RepairDeps {
  /** Gives up all shards until `resumeShards` is called. Resolves when none is left. */
  readonly suspendShards: () => Promise<void>;
  readonly resumeShards: () => void;
  /** The last commits that this process has folded. */
  readonly seenHere: () => readonly CommitMark[];
  readonly topologyReader: Pick<TopologyService, 'hasLogGoneBack' | 'startOver'>;
  /** Undefined in a process that owns no shards, which waits until another process has repaired the logs. */
  readonly leases: Leases | undefined;
  readonly holder: string;
  readonly isConnected?: () => boolean;
  readonly timing: Timing;
  readonly log: Logger;
}

export class LogGuard implements LogDoubts {
  readonly #deps: LogGuardDeps;
  /** Aborted to end the pause before the next inspection. */
  #inspectNow = new AbortController();
  /** How often the logs came into doubt, and the value of that counter when they were last found to be sound. */
  #doubts = 1;
  #settledDoubts = 0;
  /** How often folds have encountered each gap, by the gap's message. */
  readonly #gaps = new Map<string, number>();
  #problem: string | undefined = 'the logs are being inspected';

  constructor(deps: LogGuardDeps) {
    this.#deps = deps;
  }

  /** Why no shard runs in this process; undefined while the logs are sound. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** True while the logs have to be inspected. */
  get isInDoubt(): boolean {
    return this.#settledDoubts !== this.#doubts;
  }

  get doubts(): number {
    return this.#doubts;
  }

  suspect(cause?: unknown): void {
    this.#doubts += 1;
    this.#deps.unreadable.lookAgain();
    if (cause instanceof LogGap) this.#gaps.set(cause.message, (this.#gaps.get(cause.message) ?? 0) + 1);
    this.#inspectNow.abort();
  }

  async untilSound(signal: AbortSignal): Promise<void> {
    while (this.isInDoubt && !signal.aborted) await this.#deps.timing.pause(DOUBT_POLL_MS, signal);
  }

  /** Inspects the logs and repairs them if needed. Resolves once they are sound or the signal aborts. */
  async ensureSound(signal: AbortSignal): Promise<void> {
    const { log, timing, topologyReader, suspendShards, resumeShards, isConnected = () => true } = this.#deps;
    let isSuspended = false;
    while (!signal.aborted) {
      try {
        const doubts = this.#doubts;
        const found = await this.#inspectTwice(signal);
        if (found.length === 0) {
          this.#settledDoubts = doubts;
          if (!this.isInDoubt) break;
          continue;
        }
        this.#report(found);
        if (!isSuspended) await suspendShards();
        isSuspended = true;
        if (await topologyReader.hasLogGoneBack()) await topologyReader.startOver();
        else await this.#repair(signal);
      } catch (error) {
        log[isConnected() ? 'warn' : 'debug']({ err: error }, 'the logs cannot be inspected or repaired; trying again');
        await timing.pause(RETRY_MS, signal);
      }
    }
    if (signal.aborted) return;
    this.#problem = undefined;
    if (isSuspended) resumeShards();
  }

  /** Inspects the logs at intervals and on suspicion until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!this.isInDoubt)
        await this.#deps.timing.pause(INTERVAL_MS, AbortSignal.any([signal, this.#inspectNow.signal]));
      this.#inspectNow = new AbortController();
      if (!signal.aborted) await this.ensureSound(signal);
    }
  }

  /**
   * Entries that other processes write during an inspection can look like a loss, but are unlikely to do so twice in
   * a row.
   */
  async #inspectTwice(signal: AbortSignal): Promise<Discrepancy[]> {
    const found = await this.#inspect();
    if (found.length === 0 || isCertain(found)) return found;
    await this.#deps.timing.pause(SECOND_INSPECTION_MS, signal);
    return this.#inspect();
  }

  async #inspect(): Promise<Discrepancy[]> {
    const { topologyReader, epoch, seenHere } = this.#deps;
    const before = epoch.current;
    if (await topologyReader.hasLogGoneBack())
      return [{ log: 'TOPOLOGY', detail: 'it does not hold what this process has read from it' }];
    const found = await inspectLogs(this.#deps, seenHere());
    // Another process has repaired the logs, but the shards here still run in the old epoch.
    if (epoch.current !== before)
      found.push({ log: 'epoch', detail: `the logs were in epoch ${before}, and are now in ${epoch.current}` });
    // A gap that occurs again and again is a loss: a fold that merely lagged restarts from a newer checkpoint and
    // does not encounter the gap again.
    const gap = [...this.#gaps].find(([, times]) => times >= GAPS_MAX);
    if (found.length === 0 && gap) found.push({ log: 'SPACE_EVENTS', detail: gap[0] });
    return found;
  }

  #report(found: readonly Discrepancy[]): void {
    const what = found.map(({ log, detail }) => `${log}: ${detail}`).join('; ');
    if (this.#problem !== what)
      this.#deps.log.error({ found }, 'a log has gone back; no shard runs until it is repaired');
    this.#problem = what;
  }

  async #repair(signal: AbortSignal): Promise<void> {
    const { leases, timing } = this.#deps;
    if (!leases) return timing.pause(RETRY_MS, signal);
    const held: ShardLease[] = [];
    try {
      if (!(await this.#takeAll(leases, held, signal))) return;
      // The previous holder of the leases may already have repaired everything.
      if ((await this.#inspect()).length === 0) return;
      const report = await repairLogs(this.#deps);
      this.#gaps.clear();
      this.#deps.log.error(
        { report },
        `the logs have been repaired and are in epoch ${report.epoch}: ${describeLosses(report)}`,
      );
    } finally {
      await Promise.all(held.map((lease) => lease.release()));
    }
  }

  /**
   * Takes all leases in a fixed order, so that if two processes want to repair, one waits for the other.
   * @returns false if a repair is no longer needed
   */
  async #takeAll(leases: Leases, held: ShardLease[], signal: AbortSignal): Promise<boolean> {
    const { partitions, holder, timing, log } = this.#deps;
    for (const partition of allPartitions(partitions)) {
      const lease = new ShardLease(leases, partition satisfies Partition, repairHolderOf(holder), timing, log);
      for (let attempts = 1; !signal.aborted && !(await lease.take(() => undefined)); attempts++) {
        await timing.pause(LEASE_RETRY_MS, signal);
        // The current holder keeps its lease once it has found the logs to be sound, or has repaired them.
        if (attempts % ATTEMPTS_PER_INSPECTION === 0 && (await this.#inspect()).length === 0) return false;
      }
      if (signal.aborted) return false;
      held.push(lease);
    }
    return true;
  }
}
