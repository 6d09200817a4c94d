// Every metric of the service with its name, help and labels. Names follow Prometheus: base units, and `_total` for
// counters. A test checks that dashboards, alerts and the autoscaler use only metrics declared here.
//
// Clients cannot choose label values: the code or the configuration limits the values of every label.
//
// Shards are observed when Prometheus scrapes, so that metrics cost nothing per reading.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Problem } from './domain/health.ts';
import type { Partition } from './domain/ids.ts';
import { REJECT_REASONS, type RejectReason } from './domain/reading.ts';
import type { ShardObservation } from './shards/shard-observation.ts';

/** Buckets from a cached answer to a query over years of history. */
const REQUEST_BUCKETS_S = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const INSERT_BUCKETS_S = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Methods with their own series. Node's parser accepts some thirty more, which clients could use to create series. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type MethodLabel = (typeof METHODS)[number] | 'other';

export function methodLabel(method: string): MethodLabel {
  return METHODS.find((each) => each === method) ?? 'other';
}

export interface RequestObservation {
  readonly method: MethodLabel;
  /** The pattern of the route, because a path would create a series for each id. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** How many consumers of a stream this process has replaced because they were silent. */
export interface ConsumerSilences {
  readonly stream: string;
  readonly failed: number;
}

interface WaitingBlock {
  readonly number: number;
  readonly sinceMs: number;
}

/** The losses found by one repair of the logs. */
interface LostMessages {
  readonly readings: number;
  readonly commits: number;
  readonly topology: number;
}

/** The default, 10 ms, wakes an idle process a hundred times a second. The lag of the event loop that is exported includes it. */
const LOOP_SAMPLED_EVERY_MS = 100;

export class Metrics {
  readonly registry = new Registry();
  readonly #now: () => number;
  /** By partition, the block that is being stored, and when its first attempt began. */
  readonly #waiting = new Map<Partition, WaitingBlock>();
  #observe: () => Promise<readonly ShardObservation[]> = async () => [];
  #observing: Promise<readonly ShardObservation[]> | undefined;
  #problemsNow: () => readonly Problem[] = () => [];
  #silences: () => readonly ConsumerSilences[] = () => [];
  #losses: () => readonly LostMessages[] = () => [];
  #epoch: () => number = () => 0;

  readonly #requests = this.#histogram(
    'http_request_duration_seconds',
    'Time from a request to the start of its answer.',
    ['method', 'route', 'status'],
    REQUEST_BUCKETS_S,
  );
  readonly #shards = this.#gauge('density_shards', 'Number of shards in the cluster.');
  readonly #shardsOwned = this.#gauge('density_shards_owned', 'Shards that this process runs, restored and answering.');
  readonly #shardsRefused = this.#gauge(
    'density_shards_refused',
    'Shards that this process cannot serve because their checkpoint is unusable: stop every process and run density rebuild.',
  );
  readonly #problems = this.#gauge(
    'density_problems',
    'Problems of this process by code, as in /api/v1/health; checked every 5 seconds.',
    ['code', 'shard', 'stream'],
  );
  readonly #silentConsumers = this.#counter(
    'density_consumers_silent_total',
    'Consumers that were replaced because they delivered nothing although their stream had new messages.',
    ['stream'],
  );
  readonly #logEpoch = this.#gauge(
    'density_log_epoch',
    'Epoch of the logs: how often a NATS log had gone back and was repaired.',
  );
  readonly #lost = this.#gauge(
    'density_lost_messages',
    'Acknowledged messages that NATS has lost since the installation was created, as far as the service had read them.',
    ['log'],
  );
  readonly #spaces = this.#gauge('density_spaces', 'Spaces with an actor in the shard.', ['shard']);
  readonly #routerLagSeconds = this.#gauge(
    'density_router_lag_seconds',
    'Age of the last routed entry of READINGS while others wait; 0 if none do.',
    ['shard'],
  );
  readonly #routerLagEntries = this.#gauge(
    'density_router_lag_entries',
    'Entries of READINGS that wait for the router, as far as it knows.',
    ['shard'],
  );
  readonly #foldLagSeconds = this.#gauge(
    'density_fold_lag_seconds',
    'Age of the last applied commit of SPACE_EVENTS while others wait, which is how old live counts are; 0 if none do.',
    ['shard'],
  );
  readonly #foldLagEntries = this.#gauge(
    'density_fold_lag_entries',
    'Entries of SPACE_EVENTS that wait for the fold, as far as it knows.',
    ['shard'],
  );
  readonly #flushLagSeconds = this.#gauge(
    'density_flush_lag_seconds',
    'Age of the oldest final row that is not in ClickHouse.',
    ['shard'],
  );
  readonly #flushLagRows = this.#gauge('density_flush_lag_rows', 'Final rows that are not in ClickHouse.', ['shard']);
  readonly #blocksQueued = this.#gauge(
    'density_blocks_queued',
    'Blocks that are complete and not stored; at 64 the shard stops reading the log.',
    ['shard'],
  );
  readonly #watermarkDelay = this.#gauge(
    'density_watermark_delay_seconds',
    'How far the slowest watermark of a space with provisional events is behind the clock of the log, to within a second.',
    ['shard'],
  );
  readonly #provisional = this.#gauge(
    'density_provisional_events',
    'Events in reorder buffers: counted, but not final.',
    ['shard'],
  );
  readonly #corrections = this.#gauge(
    'density_corrections_pending',
    'Spaces whose lowest net is being recomputed from ClickHouse.',
    ['shard'],
  );
  readonly #held = this.#gauge('density_readings_held', 'Readings whose DPU has no placement.', ['shard']);
  readonly #excluded = this.#gauge('density_readings_excluded', 'Readings in an exclusion of their DPU.', ['shard']);
  readonly #deleted = this.#gauge('density_readings_deleted', 'Readings that somebody has deleted.', ['shard']);
  readonly #remembered = this.#gauge(
    'density_router_remembered_readings',
    'Readings in the memory by which a router recognises duplicates.',
    ['shard'],
  );
  readonly #readings = this.#counter(
    'density_readings_total',
    'Readings taken from READINGS since the log was created, by outcome: new, duplicate, dead_letter.',
    ['shard', 'outcome'],
  );
  readonly #late = this.#counter('density_late_events_total', "Space events at or before their space's watermark.", [
    'shard',
  ]);
  readonly #mqttRestored = this.#counter(
    'density_mqtt_messages_restored_total',
    'Messages that MQTT had acknowledged, that were missing in READINGS, and that this process added.',
    [],
  );
  readonly #occupied = this.#gauge(
    'density_readings_log_full_ratio',
    'Fill level of READINGS, from 0 to 1; publishers are refused at 1. 0 if its size is not limited.',
  );
  readonly #clockSkew = this.#gauge(
    'density_clock_skew_seconds',
    "How far this machine's clock is ahead of that of the NATS server, which timestamps the log; negative if it is behind.",
  );
  readonly #deadLetters = this.#counter(
    'density_dead_letters_total',
    'Items that this process has dead-lettered, by reason; items dead-lettered again after a crash count again.',
    ['reason'],
  );
  readonly #blocksStored = this.#counter(
    'density_blocks_stored_total',
    'Blocks that this process has stored in ClickHouse.',
    ['shard'],
  );
  readonly #rowsStored = this.#counter(
    'density_block_rows_stored_total',
    'Rows in the blocks that this process has stored in ClickHouse.',
    ['shard'],
  );
  readonly #blockFailures = this.#counter(
    'density_block_failures_total',
    'Failed attempts to store a block; each is retried.',
    ['shard'],
  );
  readonly #blockSeconds = this.#histogram(
    'density_block_insert_duration_seconds',
    'Time that ClickHouse took to store a block, including failures.',
    [],
    INSERT_BUCKETS_S,
  );

  /** @param now wall clock, in milliseconds */
  constructor(now: () => number = Date.now) {
    this.#now = now;
    // A series that exists from the start allows `increase()` to see the first dead letter.
    for (const reason of REJECT_REASONS) this.#deadLetters.inc({ reason }, 0);
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: LOOP_SAMPLED_EVERY_MS });
  }

  /** In the text format of Prometheus. */
  async render(): Promise<string> {
    // Concurrent scrapes share one observation.
    this.#observing ??= this.#observe().finally(() => (this.#observing = undefined));
    this.#refresh(await this.#observing);
    this.#refreshHealth();
    this.#refreshLosses();
    return this.registry.metrics();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** Sets where to observe the shards. */
  watchShards(shards: number, observe: () => Promise<readonly ShardObservation[]>): void {
    this.#shards.set(shards);
    this.#observe = observe;
  }

  /** Sets where to read problems and silent consumers. */
  watchHealth(problems: () => readonly Problem[], silences: () => readonly ConsumerSilences[]): void {
    this.#problemsNow = problems;
    this.#silences = silences;
  }

  /** Sets where to read the losses of NATS and the epoch of its logs. */
  watchLosses(losses: () => readonly LostMessages[], epoch: () => number): void {
    this.#losses = losses;
    this.#epoch = epoch;
  }

  requestAnswered({ method, route, status, seconds }: RequestObservation): void {
    this.#requests.observe({ method, route, status }, seconds);
  }

  deadLettersStored(letters: readonly { readonly reason: RejectReason; readonly items: number }[]): void {
    for (const { reason, items } of letters) this.#deadLetters.inc({ reason }, items);
  }

  clockMeasured(aheadSeconds: number): void {
    this.#clockSkew.set(aheadSeconds);
  }

  readingsOccupied(part: number): void {
    this.#occupied.set(part);
  }

  mqttMessagesRestored(messages: number): void {
    this.#mqttRestored.inc(messages);
  }

  blockAttempted(partition: Partition, number: number): void {
    if (this.#waiting.get(partition)?.number !== number) this.#waiting.set(partition, { number, sinceMs: this.#now() });
  }

  blockStored(partition: Partition, rows: number, seconds: number): void {
    this.#waiting.delete(partition);
    this.#blocksStored.inc({ shard: partition });
    this.#rowsStored.inc({ shard: partition }, rows);
    this.#blockSeconds.observe(seconds);
  }

  blockFailed(partition: Partition, seconds: number): void {
    this.#blockFailures.inc({ shard: partition });
    this.#blockSeconds.observe(seconds);
  }

  #refresh(shards: readonly ShardObservation[]): void {
    const nowMs = this.#now();
    const ofShards = [
      this.#spaces,
      this.#routerLagSeconds,
      this.#routerLagEntries,
      this.#foldLagSeconds,
      this.#foldLagEntries,
      this.#flushLagSeconds,
      this.#flushLagRows,
      this.#blocksQueued,
      this.#watermarkDelay,
      this.#provisional,
      this.#corrections,
      this.#held,
      this.#excluded,
      this.#deleted,
      this.#remembered,
      this.#readings,
      this.#late,
    ];
    // The last values of a shard that has moved to another process must not remain.
    for (const metric of ofShards) metric.reset();
    this.#shardsOwned.set(shards.filter(({ fold }) => fold).length);
    this.#shardsRefused.set(shards.filter(({ isRefused }) => isRefused).length);
    for (const observation of shards) {
      this.#refreshRouter(observation, nowMs);
      this.#refreshFold(observation, nowMs);
    }
  }

  #refreshHealth(): void {
    this.#problems.reset();
    for (const { code, shard = '', stream = '' } of this.#problemsNow()) this.#problems.inc({ code, shard, stream });
    this.#silentConsumers.reset();
    for (const { stream, failed } of this.#silences()) this.#silentConsumers.inc({ stream }, failed);
  }

  #refreshLosses(): void {
    this.#logEpoch.set(this.#epoch());
    const losses = this.#losses();
    const sum = (of: (loss: LostMessages) => number): number => losses.reduce((total, loss) => total + of(loss), 0);
    this.#lost.set(
      { log: 'READINGS' },
      sum(({ readings }) => readings),
    );
    this.#lost.set(
      { log: 'SPACE_EVENTS' },
      sum(({ commits }) => commits),
    );
    this.#lost.set(
      { log: 'TOPOLOGY' },
      sum(({ topology }) => topology),
    );
  }

  #refreshRouter({ partition: shard, router }: ShardObservation, nowMs: number): void {
    if (!router) return;
    // If no entry waits, an old clock only means that nothing has arrived.
    this.#routerLagSeconds.set({ shard }, router.behind > 0 ? secondsSince(router.clockMs, nowMs) : 0);
    this.#routerLagEntries.set({ shard }, router.behind);
    this.#remembered.set({ shard }, router.remembered);
    this.#held.set({ shard }, router.counters.held);
    this.#excluded.set({ shard }, router.counters.excluded);
    this.#deleted.set({ shard }, router.counters.deleted);
    this.#readings.inc({ shard, outcome: 'new' }, router.counters.fresh);
    this.#readings.inc({ shard, outcome: 'duplicate' }, router.counters.duplicate);
    this.#readings.inc({ shard, outcome: 'dead_letter' }, router.counters.dead);
  }

  #refreshFold({ partition: shard, fold }: ShardObservation, nowMs: number): void {
    if (!fold) return;
    const waiting = this.#waiting.get(shard);
    const oldestMs = fold.blocksQueued > 0 ? waiting?.sinceMs : fold.openedMs;
    this.#spaces.set({ shard }, fold.spaces);
    if (fold.logMs !== undefined)
      this.#foldLagSeconds.set({ shard }, fold.behind > 0 ? secondsSince(fold.logMs, nowMs) : 0);
    this.#foldLagEntries.set({ shard }, fold.behind);
    this.#flushLagSeconds.set({ shard }, secondsSince(oldestMs ?? nowMs, nowMs));
    this.#flushLagRows.set({ shard }, fold.unstoredRows);
    this.#blocksQueued.set({ shard }, fold.blocksQueued);
    this.#watermarkDelay.set({ shard }, fold.watermarkDelayMs / 1_000);
    this.#provisional.set({ shard }, fold.provisionalEvents);
    this.#corrections.set({ shard }, fold.corrections);
    this.#late.inc({ shard }, fold.lateEvents);
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[] = []): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    buckets: number[],
  ): Histogram<Label> {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }
}

/** Never negative, although the log's clock and this machine's may differ a little. */
function secondsSince(thenMs: number, nowMs: number): number {
  return Math.max(0, nowMs - thenMs) / 1_000;
}
