// What a space's owner says of it, whichever process is asked: directly where this process is the owner,
// else by a request to it; from a copy while there is no owner; and what was last known here, marked as
// stale, where the log itself cannot be reached or the client has asked for it. What an owner or a copy says is
// marked as stale, too, while it may miss what was acknowledged some seconds ago. Never an old answer that looks
// like a new one.
import { setMaxListeners } from 'node:events';
import type { Logger } from 'pino';
import type { KnownReport, SpaceReport } from '../../actors/partition/space-report.ts';
import type { ShardState } from '../../actors/shard/shard-machine.ts';
import { Failure } from '../domain/failure.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { partitionOfSpace } from '../domain/partition.ts';
import type { ReportRequests, Respondent, SpaceReports } from '../ports/reports.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';
import type { ShardRunner } from './shard-runner.ts';
import type { Freshness } from './freshness.ts';
import type { Ticks } from './ticks.ts';

/** How long a question may wait for a shard that is just being handed over. */
const PATIENCE_MS = 1_000;
const ASK_AGAIN_MS = 50;
/** Whoever ceases to answer for a shard stays silent to what reaches it then: such a question is soon asked again. The last
 *  wait is for those that are only slow. */
const REQUEST_TIMEOUTS_MS = [250, 500, 2_000] as const;
/** Somebody has to come and rebuild it. */
const REFUSED_RETRY_S = 60;
const STANDBY_CATCH_UP_MAX_MS = 1_500;

export interface ClusterReportsDeps {
  readonly partitions: number;
  /** Of all partitions, or none. */
  readonly shards: readonly ShardRunner[];
  readonly requests: ReportRequests;
  readonly ticks: Pick<Ticks, 'report'>;
  readonly freshness: Pick<Freshness, 'isFresh'>;
  /** False while the log's server is away: then nobody can know more than is known here. */
  readonly isConnected: () => boolean;
  readonly timing: Timing;
  readonly log: Logger;
}

export class ClusterReports implements SpaceReports {
  readonly #deps: ClusterReportsDeps;
  readonly #answering = new Map<string, () => void>();
  /** Of each shard that nobody owns, the end of the question that is asked again; the others wait for that. */
  readonly #asking = new Map<Partition, AbortController>();

  constructor(deps: ClusterReportsDeps) {
    this.#deps = deps;
  }

  get isCutOff(): boolean {
    return !this.#deps.isConnected();
  }

  async report(spaceId: SpaceId, atMs: number, allowsStale = false): Promise<KnownReport> {
    const { partitions, shards, isConnected } = this.#deps;
    const partition = partitionOfSpace(spaceId, partitions);
    const local = shards[partition];
    const report = await this.#ownersReport(local, partition, spaceId, atMs);
    if (report) return report;
    const known = allowsStale || !isConnected() ? local?.lastKnown(spaceId, atMs) : undefined;
    if (known) return { ...known, isStale: true };
    throw new Failure('unavailable', isConnected() ? 'nobody owns the shard of the space just now' : 'NATS is away', {
      retryAfterSeconds: isConnected() ? 1 : 5,
    });
  }

  /** What the owner says, or a copy; undefined when nobody does for as long as a question may wait. */
  async #ownersReport(
    local: ShardRunner | undefined,
    partition: Partition,
    spaceId: SpaceId,
    atMs: number,
  ): Promise<KnownReport | undefined> {
    const { isConnected, timing } = this.#deps;
    const givenUpAt = timing.now() + PATIENCE_MS;
    const done = new AbortController();
    let silences = 0;
    try {
      while (isConnected()) {
        const timeoutMs = REQUEST_TIMEOUTS_MS[silences];
        if (timeoutMs === undefined) return undefined;
        const own = local && (await this.#own(local, spaceId, atMs));
        if (own) return own;
        if (local?.refusal)
          throw new Failure('unavailable', local.refusal.message, {
            cause: local.refusal,
            retryAfterSeconds: REFUSED_RETRY_S,
          });
        const owners = await this.#ask(partition, 'owner', spaceId, atMs, timeoutMs);
        if (typeof owners === 'object') return owners;
        const copy = await this.#copy(local, partition, spaceId, atMs, timeoutMs);
        if (typeof copy === 'object') return copy;
        if (owners === 'silence' || copy === 'silence') silences += 1;
        else if (timing.now() >= givenUpAt) return undefined;
        else await this.#whileNobody(partition, done, givenUpAt - timing.now());
      }
      return undefined;
    } finally {
      // Nobody waits for a question that was answered at once.
      if (this.#asking.get(partition) === done) {
        this.#asking.delete(partition);
        done.abort();
      }
    }
  }

  /** Of all who wait for an owner one asks again and again: after a crash they must not be what holds up the next. */
  async #whileNobody(partition: Partition, done: AbortController, patienceMs: number): Promise<void> {
    const asking = this.#asking.get(partition) ?? done;
    if (asking !== done) return this.#deps.timing.pause(patienceMs, asking.signal);
    this.#asking.set(partition, done);
    setMaxListeners(0, done.signal);
    await this.#deps.timing.pause(ASK_AGAIN_MS, NEVER);
  }

  /** Keeps the subjects that this process answers on in step with what it has. */
  follow(partition: Partition, state: ShardState): void {
    const shard = this.#deps.shards[partition];
    if (!shard) return;
    this.#answer(partition, 'owner', state === 'running' || state === 'draining', (spaceId, atMs) =>
      this.#own(shard, spaceId, atMs),
    );
    // Whoever waits for a lease without having kept a copy would only stay silent.
    const isCopy = state === 'standingBy' || (state === 'acquiring' && shard.host !== undefined);
    this.#answer(partition, 'standby', isCopy, (spaceId, atMs) => this.#ofCopy(shard, spaceId, atMs));
  }

  /** What this process says as the owner. */
  async #own(shard: ShardRunner, spaceId: SpaceId, atMs: number): Promise<KnownReport | undefined> {
    return shard.isOwner ? this.#known(shard, spaceId, () => this.#deps.ticks.report(shard, spaceId, atMs)) : undefined;
  }

  async #ofCopy(shard: ShardRunner, spaceId: SpaceId, atMs: number): Promise<KnownReport | undefined> {
    return this.#known(shard, spaceId, () =>
      shard.reportByStandby(spaceId, atMs, AbortSignal.timeout(STANDBY_CATCH_UP_MAX_MS)),
    );
  }

  /** What is reported is from after it was known to be fresh. */
  async #known(
    { host }: ShardRunner,
    spaceId: SpaceId,
    report: () => Promise<SpaceReport | undefined>,
  ): Promise<KnownReport | undefined> {
    const isStale = host !== undefined && !(await this.#deps.freshness.isFresh(host.fold, spaceId));
    const reported = await report();
    return reported && { ...reported, isStale };
  }

  async #copy(
    local: ShardRunner | undefined,
    partition: Partition,
    spaceId: SpaceId,
    atMs: number,
    timeoutMs: number,
  ): Promise<KnownReport | 'nobody' | 'silence'> {
    if (local?.state === 'standingBy' || local?.state === 'acquiring') {
      const own = await this.#ofCopy(local, spaceId, atMs).catch(() => undefined);
      if (own) return own;
    }
    return this.#ask(partition, 'standby', spaceId, atMs, timeoutMs);
  }

  async #ask(
    partition: Partition,
    respondent: Respondent,
    spaceId: SpaceId,
    atMs: number,
    timeoutMs: number,
  ): Promise<KnownReport | 'nobody' | 'silence'> {
    return this.#deps.requests.ask(partition, respondent, spaceId, atMs, timeoutMs).catch((error: unknown) => {
      this.#deps.log.debug({ err: error, shard: partition, respondent }, 'a question was not carried');
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
