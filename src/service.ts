// The service: everything that runs in one process, put together. `start` to ready, `stop` in the
// order that loses nothing: stop taking requests, stop reading the logs, store, save, disconnect.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { nuid } from 'nats';
import type { Logger } from 'pino';
import { connectClickHouse } from './clickhouse/connect.ts';
import { ClickHouseEventPages } from './clickhouse/event-pages.ts';
import { ClickHouseHistory } from './clickhouse/history.ts';
import { createTables } from './clickhouse/schema.ts';
import { Accounts } from './counts/account.ts';
import { Counts, type SpaceReports } from './counts/counts.ts';
import { EventCounts } from './counts/event-counts.ts';
import { Failure } from './domain/failure.ts';
import type { Partition } from './domain/ids.ts';
import { partitionOfSpace } from './domain/partition.ts';
import type { Settings } from './domain/topology.ts';
import { LiveCounts } from './live/live-counts.ts';
import { PartitionFeed } from './live/partition-feed.ts';
import { NatsChangeChannel } from './nats/change-channel.ts';
import { NatsCheckpoints } from './nats/checkpoints.ts';
import { connectNats, type NatsHandles, type NatsSecurity } from './nats/connect.ts';
import { NatsDeadLetters } from './nats/dead-letters.ts';
import { NatsReadingsLog } from './nats/readings-log.ts';
import { NatsSpaceEventsLog } from './nats/space-events-log.ts';
import { createStreams, SPACE_EVENTS } from './nats/streams.ts';
import { NatsTopologyLog } from './nats/topology-log.ts';
import { Metrics } from './metrics.ts';
import { observedDeadLetters, observedHistory } from './observability/observed-ports.ts';
import { purgeReadings } from './router/readings-retention.ts';
import { supervise } from './runtime/supervise.ts';
import { MACHINE_TIMING } from './runtime/timing.ts';
import { observeShard } from './shards/shard-observation.ts';
import { ShardRunner } from './shards/shard-runner.ts';
import { TopologyService } from './topology/topology-service.ts';

export interface ServiceOptions {
  readonly natsUrl: string;
  readonly natsSecurity?: NatsSecurity;
  readonly clickhouseUrl: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly settings: Settings;
  readonly skewMs: number;
  readonly tickIntervalMs: number;
  /** How long READINGS keeps readings at least. */
  readonly readingsKeptMs: number;
  /** Live streams: how many subscribers, and how often each gets a sign of life. */
  readonly subscribersMax: number;
  readonly heartbeatMs: number;
}

const READINGS_PURGE_INTERVAL_MS = 300_000;
const READY_POLL_MS = 20;
const REATTRIBUTION_PAGE_READINGS = 5_000;
const STORED_MAX_AGE_MS = 2_000;

export class Service {
  readonly topology: TopologyService;
  readonly counts: Counts;
  readonly eventPages: ClickHouseEventPages;
  readonly eventCounts: EventCounts;
  readonly accounts: Accounts;
  readonly live: LiveCounts;
  readonly readings: NatsReadingsLog;
  readonly history: ClickHouseHistory;
  readonly options: ServiceOptions;
  readonly metrics: Metrics;
  readonly #nats: NatsHandles;
  readonly #clickhouse: ClickHouseClient;
  readonly #log: Logger;
  readonly #events: NatsSpaceEventsLog;
  readonly #checkpoints: NatsCheckpoints;
  readonly #deadLetters: NatsDeadLetters;
  readonly #changes: NatsChangeChannel;
  readonly #shards: ShardRunner[];
  readonly #abort = new AbortController();
  #loops: Promise<void>[] = [];
  #isReady = false;
  #stored: { readonly atMs: number; readonly seq: Promise<number> } | undefined;

  private constructor(options: ServiceOptions, nats: NatsHandles, clickhouse: ClickHouseClient, logId: string, log: Logger, metrics: Metrics) {
    const { js, jsm, nc } = nats;
    this.options = options;
    this.metrics = metrics;
    this.#nats = nats;
    this.#clickhouse = clickhouse;
    this.#log = log;
    this.readings = new NatsReadingsLog(nc, js, jsm);
    this.history = new ClickHouseHistory(clickhouse, logId);
    this.#events = new NatsSpaceEventsLog(js, jsm);
    this.#checkpoints = new NatsCheckpoints(js, jsm);
    this.#deadLetters = new NatsDeadLetters(js, jsm);
    this.#changes = new NatsChangeChannel(nc);
    this.topology = new TopologyService(new NatsTopologyLog(js), () => Date.now(), () => this.#shards.forEach((shard) => shard.wakeRouter()));
    this.#shards = Array.from({ length: options.partitions }, (_, k) => this.#shard(k as Partition));
    const reports: SpaceReports = {
      report: async (spaceId, atMs) => {
        const host = this.#shards[partitionOfSpace(spaceId, options.partitions)]?.host;
        if (!host) throw new Failure('unavailable', 'the space is being restored', { retryAfterSeconds: 1 });
        return host.report(spaceId, atMs);
      },
    };
    metrics.watchShards(options.partitions, () => this.#shards.map(({ router, host }, k) => observeShard(k as Partition, router, host)));
    this.counts = new Counts(this.topology.history, reports, this.history);
    this.eventPages = new ClickHouseEventPages(clickhouse);
    this.eventCounts = new EventCounts(this.topology.history, reports, this.history, this.eventPages);
    this.live = new LiveCounts(this.#changes, {
      partitions: options.partitions, subscribersMax: options.subscribersMax,
      exists: (spaceId) => this.topology.history.latest().space(spaceId)?.deleted === false,
    });
    this.accounts = new Accounts(this.#events, this.#deadLetters, options.partitions);
  }

  /** Connects, creates what is missing, and resolves when every space answers. */
  static async start(options: ServiceOptions, log: Logger, metrics = new Metrics()): Promise<Service> {
    const nats = await connectNats(options.natsUrl, 'density-api', options.natsSecurity);
    let clickhouse: ClickHouseClient | undefined;
    try {
      await createStreams(nats.jsm, options.partitions, options.replicas);
      clickhouse = await connectClickHouse(options.clickhouseUrl);
      await createTables(clickhouse);
      const { created } = await nats.jsm.streams.info(SPACE_EVENTS);
      const service = new Service(options, nats, clickhouse, created, log, metrics);
      await service.#begin();
      return service;
    } catch (error) {
      await clickhouse?.close();
      await nats.nc.close();
      throw error;
    }
  }

  get isReady(): boolean {
    return this.#isReady && !this.#abort.signal.aborted;
  }

  /** What cannot be reached now; empty when all is well. */
  async problems(): Promise<string[]> {
    const problems: string[] = [];
    if (!this.isReady) problems.push('catching up with the log');
    if (this.#nats.nc.isClosed() || !(await isWithin(2_000, this.#nats.nc.rtt()))) problems.push('NATS does not answer');
    if (!(await this.history.ping())) problems.push('ClickHouse does not answer');
    return problems;
  }

  /** Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.live.stop();
    await Promise.all(this.#shards.map((shard) => shard.stop()));
    await this.topology.stop();
    await Promise.all(this.#loops);
    await this.#nats.nc.close();
    await this.#clickhouse.close();
  }

  async #begin(): Promise<void> {
    const { signal } = this.#abort;
    const { settings, tickIntervalMs } = this.options;
    this.#loops.push(supervise('topology', () => this.topology.follow(), signal, this.#log, MACHINE_TIMING));
    const { state } = await this.#nats.jsm.streams.info('TOPOLOGY');
    await this.topology.reached(state.last_seq);
    // Not "when it differs from the defaults": a fold starts with the defaults of its code's version.
    if (JSON.stringify(this.topology.history.latest().settings()) !== JSON.stringify(settings)) {
      await this.topology.execute({ kind: 'changeSettings', settings });
    }
    const positions = await Promise.all(this.#shards.map((_, k) => this.#events.lastPosition(k as Partition)));
    const caughtUpAt = Math.max(...positions.map(({ seq }) => seq));
    for (const shard of this.#shards) shard.start();
    this.#loops.push(this.#tick(tickIntervalMs, signal), this.#purgeReadings(signal));
    while (!signal.aborted && !this.#shards.every(({ host }) => host && host.fold.seq >= caughtUpAt)) await sleep(READY_POLL_MS);
    this.#isReady = true;
  }

  async #tick(intervalMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const ticks = this.#shards.map((_, k) => this.readings.tick(k as Partition));
      await Promise.all(ticks).catch((error: unknown) => this.#log.debug({ err: error }, 'no tick: NATS is away'));
      await MACHINE_TIMING.pause(intervalMs, signal);
    }
  }

  async #purgeReadings(signal: AbortSignal): Promise<void> {
    const { partitions, readingsKeptMs } = this.options;
    const retention = { partitions, readings: this.readings, events: this.#events, storedBeforeSeq: () => this.#storedBefore(() => undefined), keptMs: readingsKeptMs, now: Date.now };
    while (!signal.aborted) {
      await MACHINE_TIMING.pause(READINGS_PURGE_INTERVAL_MS * (0.5 + MACHINE_TIMING.random()), signal);
      if (!signal.aborted) await purgeReadings(retention).catch((error: unknown) => this.#log.warn({ err: error }, 'readings that are not needed any more stay; trying again later'));
    }
  }

  #shard(partition: Partition): ShardRunner {
    const { partitions, skewMs } = this.options;
    const common = { partition, partitions, events: this.#events, history: observedHistory(this.history, this.metrics) };
    return new ShardRunner({
      ...common, skewMs,
      readings: this.readings, deadLetters: observedDeadLetters(this.#deadLetters, this.metrics), topology: this.topology.history, topologyReached: (seq) => this.topology.reached(seq),
      pageReadings: REATTRIBUTION_PAGE_READINGS,
      newCommitId: () => nuid.next(),
      storedBeforeSeq: () => this.#storedByFolds(),
    }, { ...common, checkpoints: this.#checkpoints }, () => this.#storedBefore(() => undefined), this.#log, MACHINE_TIMING, async (fold) => {
      const last = await Promise.all(this.#shards.map((_, k) => this.#events.lastPosition(k as Partition)));
      return new PartitionFeed({ fold, channel: this.#changes, readyAtSeq: Math.max(...last.map(({ seq }) => seq)), now: Date.now });
    });
  }

  /** Asked by every router, and not for free: an answer of a moment ago is lower, and so safe. */
  async #storedByFolds(): Promise<number> {
    const now = performance.now();
    if (!this.#stored || now - this.#stored.atMs > STORED_MAX_AGE_MS) {
      const seq = this.#storedBefore((k) => this.#shards[k]?.host?.fold.storedBeforeSeq);
      this.#stored = { atMs: now, seq };
      seq.catch(() => (this.#stored = undefined));
    }
    return this.#stored.seq;
  }

  /** The least over all partitions of what is stored: by the fold if it runs here, else by its checkpoint. */
  async #storedBefore(byFold: (partition: Partition) => number | undefined): Promise<number> {
    const all = this.#shards.map(async (_, k) => byFold(k as Partition) ?? await this.#checkpoints.storedBeforeSeq(k as Partition));
    return Math.min(...await Promise.all(all));
  }
}

async function isWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true, () => false), sleep(ms, false)]);
}
