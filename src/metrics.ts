// Every metric of the service: its name, its help, its labels. Names follow Prometheus: base units,
// `_total` for what only grows. Dashboards, alerts and the autoscaler name them; a test holds those
// files to this one.
//
// No label has a value that a client chooses: each is of a set that the code or the configuration bounds.
//
// What a shard knows is not pushed here at every reading: it is asked when somebody scrapes.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Problem } from './domain/health.ts';
import type { Partition } from './domain/ids.ts';
import type { RejectReason } from './domain/reading.ts';
import type { ShardObservation } from './shards/shard-observation.ts';

/** From a cached answer to a question about years of history. */
const REQUEST_BUCKETS_S = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const INSERT_BUCKETS_S = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Methods that have series of their own. Node's parser takes some thirty more, and what clients send must not make series. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type MethodLabel = (typeof METHODS)[number] | 'other';

export function methodLabel(method: string): MethodLabel {
  return METHODS.find((each) => each === method) ?? 'other';
}

export interface RequestObservation {
  readonly method: MethodLabel;
  /** The route's pattern, never the path: ids would make a series each. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** Of one stream, how many consumers of this process have failed because they were silent. */
export interface ConsumerSilences {
  readonly stream: string;
  readonly failed: number;
}

interface WaitingBlock {
  readonly number: number;
  readonly sinceMs: number;
}

/** Of one repair of the logs. */
interface LostMessages {
  readonly readings: number;
  readonly commits: number;
  readonly topology: number;
}

export class Metrics {
  readonly registry = new Registry();
  readonly #now: () => number;
  /** By partition: the block that is being stored, from the first attempt on. */
  readonly #waiting = new Map<Partition, WaitingBlock>();
  #observe: () => readonly ShardObservation[] = () => [];
  #problemsNow: () => readonly Problem[] = () => [];
  #silences: () => readonly ConsumerSilences[] = () => [];
  #losses: () => readonly LostMessages[] = () => [];
  #epoch: () => number = () => 0;

  readonly #requests = this.#histogram(
    'http_request_duration_seconds',
    'From the request to the start of its answer.',
    ['method', 'route', 'status'],
    REQUEST_BUCKETS_S,
  );
  readonly #shards = this.#gauge('density_shards', 'Shards there are, in all processes together.');
  readonly #shardsOwned = this.#gauge('density_shards_owned', 'Shards this process runs, restored and answering.');
  readonly #shardsRefused = this.#gauge(
    'density_shards_refused',
    'Shards this process cannot serve because their checkpoint cannot be used: stop every process, and run density rebuild.',
  );
  readonly #problems = this.#gauge(
    'density_problems',
    'Problems that this process sees of itself, by code: those that it has in /api/v1/health, looked at every 5 seconds.',
    ['code', 'shard', 'stream'],
  );
  readonly #silentConsumers = this.#counter(
    'density_consumers_silent_total',
    'Consumers that were replaced because they delivered nothing although their stream went on.',
    ['stream'],
  );
  readonly #logEpoch = this.#gauge(
    'density_log_epoch',
    'Epoch of the logs: how often a log of NATS had gone back and was repaired.',
  );
  readonly #lost = this.#gauge(
    'density_lost_messages',
    'Messages that NATS had acknowledged and lost, in the life of the installation, as far as they had been seen.',
    ['log'],
  );
  readonly #spaces = this.#gauge('density_spaces', 'Spaces whose actor lives in the shard.', ['shard']);
  readonly #routerLagSeconds = this.#gauge(
    'density_router_lag_seconds',
    'How long ago the last routed entry of READINGS arrived, while others wait; 0 when none do.',
    ['shard'],
  );
  readonly #routerLagEntries = this.#gauge(
    'density_router_lag_entries',
    'Entries of READINGS that are known to wait for the router.',
    ['shard'],
  );
  readonly #foldLagSeconds = this.#gauge(
    'density_fold_lag_seconds',
    'How long ago the last applied commit of SPACE_EVENTS was stored, while others wait: how old live counts are; 0 when none do.',
    ['shard'],
  );
  readonly #foldLagEntries = this.#gauge(
    'density_fold_lag_entries',
    'Entries of SPACE_EVENTS that are known to wait for the fold.',
    ['shard'],
  );
  readonly #flushLagSeconds = this.#gauge(
    'density_flush_lag_seconds',
    'Age of the oldest final row that ClickHouse does not hold.',
    ['shard'],
  );
  readonly #flushLagRows = this.#gauge('density_flush_lag_rows', 'Final rows that ClickHouse does not hold.', [
    'shard',
  ]);
  readonly #blocksQueued = this.#gauge(
    'density_blocks_queued',
    'Blocks that are cut and not stored; at 64 the shard stops reading the log.',
    ['shard'],
  );
  readonly #watermarkDelay = this.#gauge(
    'density_watermark_delay_seconds',
    'How far the slowest watermark, of the spaces with provisional events, is behind the clock of the log.',
    ['shard'],
  );
  readonly #provisional = this.#gauge(
    'density_provisional_events',
    'Events in reorder buffers: counted, and not final.',
    ['shard'],
  );
  readonly #corrections = this.#gauge(
    'density_corrections_pending',
    'Spaces whose lowest net is being read again from history.',
    ['shard'],
  );
  readonly #held = this.#gauge('density_readings_held', 'Readings whose DPU is not placed.', ['shard']);
  readonly #remembered = this.#gauge(
    'density_router_remembered_readings',
    'Readings in the memory in which a router looks for duplicates.',
    ['shard'],
  );
  readonly #readings = this.#counter(
    'density_readings_total',
    'Readings taken from READINGS since the log began, by what became of them: new, duplicate, dead_letter.',
    ['shard', 'outcome'],
  );
  readonly #late = this.#counter('density_late_events_total', "Space events at or before their space's watermark.", [
    'shard',
  ]);
  readonly #mqttRestored = this.#counter(
    'density_mqtt_messages_restored_total',
    'Messages of readings that MQTT had acknowledged and READINGS did not have; this process put them there.',
    [],
  );
  readonly #occupied = this.#gauge(
    'density_readings_log_full_ratio',
    'How full the READINGS stream is, 0 to 1: at 1 publishers are refused. 0 where it has no bound.',
  );
  readonly #clockSkew = this.#gauge(
    'density_clock_skew_seconds',
    "How far this machine's clock is ahead of the NATS server's, which stamps the log; below 0 it is behind.",
  );
  readonly #deadLetters = this.#counter(
    'density_dead_letters_total',
    'Items that this process stored dead letters for, by reason; those stored again after a crash count again.',
    ['reason'],
  );
  readonly #blocksStored = this.#counter(
    'density_blocks_stored_total',
    'Blocks that ClickHouse has acknowledged to this process.',
    ['shard'],
  );
  readonly #rowsStored = this.#counter('density_block_rows_stored_total', 'Rows in those blocks.', ['shard']);
  readonly #blockFailures = this.#counter(
    'density_block_failures_total',
    'Attempts to store a block that failed; each is repeated.',
    ['shard'],
  );
  readonly #blockSeconds = this.#histogram(
    'density_block_insert_duration_seconds',
    'Time ClickHouse took for a block, failures included.',
    [],
    INSERT_BUCKETS_S,
  );

  /** @param now wall clock, in milliseconds */
  constructor(now: () => number = Date.now) {
    this.#now = now;
    collectDefaultMetrics({ register: this.registry });
  }

  /** The text that Prometheus reads. */
  async render(): Promise<string> {
    this.#refresh(this.#observe());
    this.#refreshHealth();
    this.#refreshLosses();
    return this.registry.metrics();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** From now on, these are the shards. */
  watchShards(shards: number, observe: () => readonly ShardObservation[]): void {
    this.#shards.set(shards);
    this.#observe = observe;
  }

  /** From now on, these are the problems and the consumers. */
  watchHealth(problems: () => readonly Problem[], silences: () => readonly ConsumerSilences[]): void {
    this.#problemsNow = problems;
    this.#silences = silences;
  }

  /** From now on, these are the losses of NATS, and the epoch of its logs. */
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
      this.#remembered,
      this.#readings,
      this.#late,
    ];
    // A shard that went to another process must not stay here with its last values.
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
    // A clock that stands still because nothing came is not behind.
    this.#routerLagSeconds.set({ shard }, router.behind > 0 ? secondsSince(router.clockMs, nowMs) : 0);
    this.#routerLagEntries.set({ shard }, router.behind);
    this.#remembered.set({ shard }, router.remembered);
    this.#held.set({ shard }, router.counters.held);
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

/** The log's clock and this machine's may differ a little: never less than 0. */
function secondsSince(thenMs: number, nowMs: number): number {
  return Math.max(0, nowMs - thenMs) / 1_000;
}
