// Reports of any space in any process: from this process if it owns the shard, otherwise by a request to the owner,
// or to a standby while there is no owner. While NATS is unreachable, or if the client allows it, the answer is the
// last known report of this process, marked as stale. The report of an owner or a standby is also marked as stale
// while it may lack readings that were acknowledged some seconds ago, so an old answer never looks like a new one.
import { setMaxListeners } from 'node:events';
import type { Logger } from 'pino';
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { ShardState } from '../../actors/shard/shard-machine.ts';
import { Failure } from '../domain/failure.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { partitionOfSpace } from '../domain/partition.ts';
import type { ReportRequests, Respondent, SpaceReports } from '../ports/reports.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';
import type { LocalReports } from './local-reports.ts';
import type { Shard } from './shard.ts';

/** How long a question waits for a shard that is being handed over. */
const QUESTION_WAIT_MAX_MS = 1_000;
const RETRY_MS = 50;
/**
 * A process that stops answering for a shard drops pending requests, so they are repeated soon. The last timeout is
 * for processes that are merely slow.
 */
const REQUEST_TIMEOUTS_MS = [250, 500, 2_000] as const;
/** A refused checkpoint needs an operator to rebuild the shard. */
const REFUSED_RETRY_S = 60;

/** The part of a shard of this process that reports use. */
export type ReportingShard = Pick<Shard, 'isOwner' | 'state' | 'fold' | 'lastFold' | 'refusal'>;

export interface ClusterReportsDeps {
  readonly partitions: number;
  /** By partition; empty in a process that runs no shards. */
  readonly shards: readonly ReportingShard[];
  readonly local: Pick<LocalReports, 'byOwner' | 'byCopy' | 'lastKnown'>;
  readonly requests: ReportRequests;
  /** False while NATS is unreachable: then no other process can be asked. */
  readonly isConnected: () => boolean;
  readonly timing: Timing;
  readonly log: Logger;
}

interface Question {
  readonly partition: Partition;
  readonly spaceId: SpaceId;
  readonly atMs: number;
}

export class ClusterReports implements SpaceReports {
  readonly #deps: ClusterReportsDeps;
  readonly #answering = new Map<string, () => void>();
  /** Per ownerless shard: the controller that wakes all waiters when the one retrying question ends. */
  readonly #retrying = new Map<Partition, AbortController>();

  constructor(deps: ClusterReportsDeps) {
    this.#deps = deps;
  }

  get isCutOff(): boolean {
    return !this.#deps.isConnected();
  }

  async report(spaceId: SpaceId, atMs: number, allowsStale = false): Promise<KnownReport> {
    const { partitions, shards, local, isConnected } = this.#deps;
    const partition = partitionOfSpace(spaceId, partitions);
    const report = await this.#currentReport({ partition, spaceId, atMs });
    if (report) return report;
    const shard = shards[partition];
    const known = shard && (allowsStale || !isConnected()) ? local.lastKnown(shard, spaceId, atMs) : undefined;
    if (known) return { ...known, isStale: true };
    throw isConnected()
      ? new Failure('unavailable', 'the shard of the space has no owner at the moment', { retryAfterSeconds: 1 })
      : new Failure('unavailable', 'NATS is unavailable', { retryAfterSeconds: 5 });
  }

  /** The report of the owner or of a copy; undefined if none answers within the time that a question may wait. */
  async #currentReport(question: Question): Promise<KnownReport | undefined> {
    const { local, shards, isConnected, timing } = this.#deps;
    const { partition, spaceId, atMs } = question;
    const shard = shards[partition];
    const giveUpAt = timing.now() + QUESTION_WAIT_MAX_MS;
    const done = new AbortController();
    let silences = 0;
    try {
      while (isConnected()) {
        const timeoutMs = REQUEST_TIMEOUTS_MS[silences];
        if (timeoutMs === undefined) return undefined;
        const own = shard && (await local.byOwner(shard, spaceId, atMs));
        if (own) return own;
        if (shard?.refusal)
          throw new Failure('unavailable', shard.refusal.message, {
            cause: shard.refusal,
            retryAfterSeconds: REFUSED_RETRY_S,
          });
        const owner = await this.#ask('owner', question, timeoutMs);
        if (typeof owner === 'object') return owner;
        const copies = await this.#askCopies(shard, question, timeoutMs);
        if (typeof copies === 'object') return copies;
        if (owner === 'silence' || copies === 'silence') silences += 1;
        else if (timing.now() >= giveUpAt) return undefined;
        else await this.#waitForOwner(partition, done, giveUpAt - timing.now());
      }
      return undefined;
    } finally {
      if (this.#retrying.get(partition) === done) {
        this.#retrying.delete(partition);
        done.abort();
      }
    }
  }

  /**
   * Only one of the questions that wait for an owner retries, and the others wait for it, so that they do not slow
   * down the next owner after a crash.
   */
  async #waitForOwner(partition: Partition, done: AbortController, waitMaxMs: number): Promise<void> {
    const retrying = this.#retrying.get(partition) ?? done;
    if (retrying !== done) return this.#deps.timing.pause(waitMaxMs, retrying.signal);
    this.#retrying.set(partition, done);
    setMaxListeners(0, done.signal);
    await this.#deps.timing.pause(RETRY_MS, NEVER);
  }

  /** Starts or stops answering other processes after a shard of this process has changed its state. */
  follow(partition: Partition, state: ShardState): void {
    const { shards, local } = this.#deps;
    const shard = shards[partition];
    if (!shard) return;
    this.#answer(partition, 'owner', state === 'running' || state === 'draining', async (spaceId, atMs) =>
      local.byOwner(shard, spaceId, atMs),
    );
    // A process that waits for the lease can answer only from a copy.
    const isCopy = state === 'standingBy' || (state === 'acquiring' && shard.fold !== undefined);
    this.#answer(partition, 'standby', isCopy, async (spaceId, atMs) => local.byCopy(shard, spaceId, atMs));
  }

  async #askCopies(
    shard: ReportingShard | undefined,
    question: Question,
    timeoutMs: number,
  ): Promise<KnownReport | 'nobody' | 'silence'> {
    const { spaceId, atMs } = question;
    const ofOwnCopy = async (): Promise<KnownReport | undefined> =>
      shard && this.#deps.local.byCopy(shard, spaceId, atMs).catch(() => undefined);
    const own = shard?.state === 'standingBy' ? await ofOwnCopy() : undefined;
    if (own) return own;
    const others = await this.#ask('standby', question, timeoutMs);
    if (typeof others === 'object' || shard?.state !== 'acquiring') return others;
    // Asked last, because a copy that was begun a moment ago is waited for until it has caught up.
    return (await ofOwnCopy()) ?? others;
  }

  async #ask(
    respondent: Respondent,
    { partition, spaceId, atMs }: Question,
    timeoutMs: number,
  ): Promise<KnownReport | 'nobody' | 'silence'> {
    return this.#deps.requests.ask(partition, respondent, spaceId, atMs, timeoutMs).catch((error: unknown) => {
      this.#deps.log.debug({ err: error, shard: partition, respondent }, 'a question to another process failed');
      return 'silence';
    });
  }

  #answer(
    partition: Partition,
    respondent: Respondent,
    isWanted: boolean,
    answer: Parameters<ReportRequests['answer']>[2],
  ): void {
    const key = `${partition} ${respondent}`;
    const end = this.#answering.get(key);
    if (isWanted && !end) this.#answering.set(key, this.#deps.requests.answer(partition, respondent, answer));
    if (isWanted || !end) return;
    end();
    this.#answering.delete(key);
  }
}
