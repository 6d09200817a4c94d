// The service: everything that runs in one process, put together. `start` to ready, `stop` in the
// order that loses nothing: stop taking requests, stop reading the logs, store, save, disconnect.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { nuid } from 'nats';
import type { Logger } from 'pino';
import { connectClickHouse } from './clickhouse/connect.ts';
import { ClickHouseEventPages } from './clickhouse/event-pages.ts';
import { ClickHouseHistory } from './clickhouse/history.ts';
import { createTables, type TableOptions } from './clickhouse/schema.ts';
import { Accounts } from './counts/account.ts';
import { Counts } from './counts/counts.ts';
import { EventCounts } from './counts/event-counts.ts';
import type { Partition } from './domain/ids.ts';
import { allPartitions } from './domain/partition.ts';
import type { Settings } from './domain/topology.ts';
import { LiveCounts } from './live/live-counts.ts';
import { PartitionFeed } from './live/partition-feed.ts';
import { NatsChangeChannel } from './nats/change-channel.ts';
import { NatsCheckpoints } from './nats/checkpoints.ts';
import { connectNats, type NatsHandles, type NatsSecurity } from './nats/connect.ts';
import { NatsDeadLetters } from './nats/dead-letters.ts';
import { NatsLeases } from './nats/leases.ts';
import { NatsLink } from './nats/link.ts';
import { LogClock } from './nats/log-clock.ts';
import { NatsReadingsLog } from './nats/readings-log.ts';
import { NatsReportRequests } from './nats/report-requests.ts';
import { NatsSpaceEventsLog } from './nats/space-events-log.ts';
import { boundsFor, createStreams, SPACE_EVENTS } from './nats/streams.ts';
import { NatsTopologyLog } from './nats/topology-log.ts';
import { Metrics } from './metrics.ts';
import { observedDeadLetters, observedHistory } from './observability/observed-ports.ts';
import { TimestampBound } from './publishing/timestamp-bound.ts';
import { makeRoom, purgeReadings } from './router/readings-retention.ts';
import { PipelineTraces } from './observability/traced-ports.ts';
import { supervise } from './runtime/supervise.ts';
import { inTurns, MACHINE_TIMING } from './runtime/timing.ts';
import type { ChangeChannel, Leases, Member } from './ports.ts';
import type { ShardState } from '../actors/shard/shard-machine.ts';
import { ClusterReports } from './shards/cluster-reports.ts';
import { ShardKeeper } from './shards/shard-keeper.ts';
import { observeShard } from './shards/shard-observation.ts';
import { ShardRunner } from './shards/shard-runner.ts';
import { Ticks } from './shards/ticks.ts';
import { TopologyService } from './topology/topology-service.ts';

export interface ServiceOptions {
  readonly natsUrl: string;
  /** This machine's clock; the real one unless told. */
  readonly now?: () => number;
  readonly natsSecurity?: NatsSecurity;
  readonly clickhouseUrl: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly settings: Settings;
  readonly skewMs: number;
  /** Of the marks on readings that HTTP has accepted, the same in every process; undefined: they are not marked. */
  readonly readingsKey?: string | undefined;
  readonly tickIntervalMs: number;
  /** How long READINGS keeps readings at least. */
  readonly readingsKeptMs: number;
  /** What the streams may take of the NATS server's store; undefined: what their account is limited to. */
  readonly natsStoreBytes?: number | undefined;
  readonly deadLetters: { readonly bytesMax: number; readonly keptMs: number };
  /** Live streams: how many subscribers, and how often each gets a sign of life. */
  readonly subscribersMax: number;
  readonly heartbeatMs: number;
  /** How this process is called where people read. */
  readonly nodeName: string;
  /** False for a process that only answers, and owns no shards. */
  readonly takesShards: boolean;
  /** Keeps copies of other processes' shards, too. */
  readonly standsBy: boolean;
  readonly leaseTtlMs: number;
  /** How the tables are created that are missing; on one server unless told. */
  readonly tables?: TableOptions;
}

const AGE_CHECK_INTERVAL_MS = 300_000;
const ROOM_CHECK_INTERVAL_MS = 5_000;
const TRUNCATE_INTERVAL_MS = 60_000;
/** A fold waits while its snapshot is made; everything else waits for so much of it at a time. */
const SNAPSHOT_TURN_MS = 4;
const READY_POLL_MS = 20;
const REATTRIBUTION_PAGE_READINGS = 5_000;
/** Some milliseconds of work: others wait for no more, and a commit stays well under a message's bound. */
const ITEMS_PER_COMMIT = 1_000;
const STORED_MAX_AGE_MS = 2_000;

export class Service {
  readonly topology: TopologyService;
  readonly counts: Counts;
  readonly eventPages: ClickHouseEventPages;
  readonly eventCounts: EventCounts;
  readonly accounts: Accounts;
  readonly live: LiveCounts;
  readonly readings: NatsReadingsLog;
  readonly bound: TimestampBound;
  readonly clock: LogClock;
  readonly history: ClickHouseHistory;
  readonly options: ServiceOptions;
  readonly metrics: Metrics;
  readonly cluster: ShardKeeper;
  readonly #nats: NatsHandles;
  readonly #clickhouse: ClickHouseClient;
  readonly #log: Logger;
  readonly #events: NatsSpaceEventsLog;
  readonly #checkpoints: NatsCheckpoints;
  readonly #deadLetters: NatsDeadLetters;
  readonly #changes: NatsChangeChannel;
  readonly #link: NatsLink;
  /** Shards write their snapshots at the same moment, when the process ends. */
  readonly #snapshotTurn = inTurns(MACHINE_TIMING, SNAPSHOT_TURN_MS);
  readonly #member: Member;
  readonly #reports: ClusterReports;
  /** Of all partitions; none where this process only answers. */
  readonly #shards: readonly ShardRunner[];
  readonly #traces = new PipelineTraces();
  readonly #feeds = new Map<Partition, PartitionFeed>();
  readonly #abort = new AbortController();
  #loops: Promise<void>[] = [];
  #isReady = false;
  /** False while READINGS is full. */
  #takesReadings = true;
  #stored: { readonly atMs: number; readonly seq: Promise<number> } | undefined;

  private constructor(options: ServiceOptions, nats: NatsHandles, clickhouse: ClickHouseClient, logId: string, leases: NatsLeases, log: Logger, metrics: Metrics) {
    const { js, jsm, nc } = nats;
    this.options = options;
    this.metrics = metrics;
    this.#nats = nats;
    this.#clickhouse = clickhouse;
    this.#log = log;
    this.clock = new LogClock(jsm, { now: options.now ?? Date.now, timing: MACHINE_TIMING, log, onMeasured: (aheadMs) => metrics.clockMeasured(aheadMs / 1_000) });
    this.bound = new TimestampBound(options.skewMs, options.readingsKey);
    this.readings = new NatsReadingsLog(nc, js, jsm, options.partitions);
    this.history = new ClickHouseHistory(clickhouse, logId);
    this.#events = new NatsSpaceEventsLog(js, jsm);
    this.#checkpoints = new NatsCheckpoints(js, jsm);
    this.#deadLetters = new NatsDeadLetters(js, jsm);
    this.#changes = new NatsChangeChannel(nc);
    this.topology = new TopologyService(new NatsTopologyLog(js), () => this.clock.now(), () => this.#shards.forEach((shard) => shard.wakeRouter()));
    this.#link = new NatsLink(nc, log);
    this.#member = { id: nuid.next(), name: options.nodeName, takesShards: options.takesShards, standsBy: options.standsBy };
    this.#shards = options.takesShards ? allPartitions(options.partitions).map((partition) => this.#shard(partition, leases)) : [];
    const requests = new NatsReportRequests(nc, log);
    const ticks = new Ticks({ tick: (k) => this.readings.tick(k), intervalMs: options.tickIntervalMs, nowMs: () => this.clock.now(), timing: MACHINE_TIMING, log });
    this.#reports = new ClusterReports({ partitions: options.partitions, shards: this.#shards, requests, ticks, isConnected: () => this.#link.isUp, timing: MACHINE_TIMING, log });
    metrics.watchShards(options.partitions, () => this.#shards.map((shard) => observeShard(shard.partition, shard.router, shard.isServing ? shard.host : undefined, shard.refusal !== undefined)));
    this.counts = new Counts(this.topology.history, this.#reports, this.history);
    this.eventPages = new ClickHouseEventPages(clickhouse);
    this.eventCounts = new EventCounts(this.topology.history, this.#reports, this.history, this.eventPages);
    this.cluster = new ShardKeeper({
      leases, member: this.#member, partitions: options.partitions, shards: this.#shards, ticks, timing: MACHINE_TIMING, log,
    });
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
      const bounds = await boundsFor(nats.jsm, options.natsStoreBytes, options.deadLetters.bytesMax);
      if (bounds.readings === undefined) log.warn('readings are not bounded: how much the NATS server may store is not known here (NATS_STORE_MAX)');
      await createStreams(nats.jsm, options.partitions, options.replicas, bounds);
      clickhouse = await connectClickHouse(options.clickhouseUrl);
      await createTables(clickhouse, options.tables);
      const { created } = await nats.jsm.streams.info(SPACE_EVENTS);
      const leases = await NatsLeases.open(nats, options.leaseTtlMs, options.replicas);
      const service = new Service(options, nats, clickhouse, created, leases, log, metrics);
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

  /** Shards of this process that cannot be served until somebody comes. */
  get refusals(): string[] {
    return this.#shards.flatMap(({ refusal }) => refusal?.message ?? []);
  }

  /** What cannot be reached now; empty when all is well. */
  async problems(): Promise<string[]> {
    const problems = this.refusals;
    if (!this.isReady) problems.push('catching up with the log');
    if (this.#nats.nc.isClosed() || !(await isWithin(2_000, this.#nats.nc.rtt()))) problems.push('NATS does not answer');
    if (!(await this.history.ping())) problems.push('ClickHouse does not answer');
    if (this.clock.problem !== undefined) problems.push(this.clock.problem);
    if (!this.#takesReadings) problems.push('the log of readings is full: publishers are refused until readings in it are in ClickHouse');
    return problems;
  }

  /** Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.live.stop();
    await this.cluster.stop();
    await this.topology.stop();
    await Promise.all(this.#loops);
    await this.#nats.nc.close();
    await this.#clickhouse.close();
  }

  async #begin(): Promise<void> {
    const { signal } = this.#abort;
    const { settings } = this.options;
    await this.clock.measure();
    this.#loops.push(this.clock.run(signal));
    this.#loops.push(supervise('topology', () => this.topology.follow(), signal, this.#log, MACHINE_TIMING));
    await this.topology.catchUp();
    // Not "when it differs from the defaults": a fold starts with the defaults of its code's version.
    if (JSON.stringify(this.topology.history.latest().settings()) !== JSON.stringify(settings)) {
      await this.topology.execute({ kind: 'changeSettings', settings });
    }
    this.cluster.start();
    this.#loops.push(this.#retain(signal));
    while (!signal.aborted && !this.cluster.isSettled) await sleep(READY_POLL_MS);
    this.#isReady = true;
  }

  /** Removes what is not needed any more: often looks for want of room, and rarely for age. */
  async #retain(signal: AbortSignal): Promise<void> {
    const { partitions, readingsKeptMs, deadLetters } = this.options;
    const retention = { partitions, readings: this.readings, events: this.#events, storedBeforeSeq: () => this.#storedBefore(() => undefined), keptMs: readingsKeptMs, now: () => this.clock.now() };
    let agedAt = performance.now();
    const turn = async (): Promise<void> => {
      const { part, takesReadings } = await makeRoom(retention);
      this.metrics.readingsOccupied(part);
      if (takesReadings !== this.#takesReadings) this.#log.warn({ part, takesReadings }, takesReadings ? 'there is room for readings again' : 'the log of readings is full: publishers are refused');
      this.#takesReadings = takesReadings;
      if (performance.now() - agedAt < AGE_CHECK_INTERVAL_MS) return;
      agedAt = performance.now();
      await purgeReadings(retention);
      await this.#deadLetters.evict(deadLetters.keptMs);
    };
    while (!signal.aborted) {
      await MACHINE_TIMING.pause(ROOM_CHECK_INTERVAL_MS * (0.5 + MACHINE_TIMING.random()), signal);
      if (!signal.aborted) await turn().catch((error: unknown) => this.#log.warn({ err: error }, 'what is not needed any more stays; trying again later'));
    }
  }

  #shard(partition: Partition, leases: Leases): ShardRunner {
    const { partitions } = this.options;
    const common = { partition, partitions, events: this.#traces.events(this.#events), history: this.#traces.history(observedHistory(this.history, this.metrics)) };
    return new ShardRunner({
      router: {
        ...common, latestOf: (entry) => this.bound.of(entry),
        readings: this.#traces.readings(this.readings), deadLetters: observedDeadLetters(this.#deadLetters, this.metrics), topology: this.topology.history, topologyReached: (seq) => this.topology.reached(seq),
        pageReadings: REATTRIBUTION_PAGE_READINGS, commitItems: ITEMS_PER_COMMIT,
        newCommitId: () => nuid.next(),
        storedBeforeSeq: () => this.#storedByFolds(),
      },
      host: { ...common, checkpoints: this.#checkpoints, turn: this.#snapshotTurn },
      storedBeforeCheckpoints: () => this.#storedBefore(() => undefined), truncateIntervalMs: TRUNCATE_INTERVAL_MS,
      leases, holder: this.#member.id, onState: (k, state) => this.#hear(k, state),
      log: this.#log, timing: MACHINE_TIMING,
    });
  }

  /** Answers for a shard, and tells of its changes, for as long as this process runs it. */
  #hear(partition: Partition, state: ShardState): void {
    this.#reports.follow(partition, state);
    const shard = this.#shards[partition];
    const isServing = shard?.isServing ?? false;
    if (!isServing || state === 'running') {
      this.#feeds.get(partition)?.close();
      this.#feeds.delete(partition);
    }
    if (state !== 'running' || !shard?.host) return;
    const channel: ChangeChannel = {
      publish: (k, batch) => this.#changes.publish(k, batch),
      subscribe: (k, onBatch) => this.#changes.subscribe(k, onBatch),
      // A zombie knows nothing new: whoever took over answers.
      serve: (k, answer) => this.#changes.serve(k, (question) => (shard.isOwner ? answer(question) : undefined)),
      ask: (k, question) => this.#changes.ask(k, question),
    };
    // It runs, so everything that was in the log when it was taken over is applied.
    this.#feeds.set(partition, new PartitionFeed({ fold: shard.host.fold, channel, readyAtSeq: 0, now: () => this.clock.now() }));
  }

  /** Asked by every router, and not for free: an answer of a moment ago is lower, and so safe. */
  async #storedByFolds(): Promise<number> {
    const now = performance.now();
    if (!this.#stored || now - this.#stored.atMs > STORED_MAX_AGE_MS) {
      const seq = this.#storedBefore((k) => {
        const shard = this.#shards[k];
        return shard?.isServing ? shard.host?.fold.storedBeforeSeq : undefined;
      });
      this.#stored = { atMs: now, seq };
      seq.catch(() => (this.#stored = undefined));
    }
    return this.#stored.seq;
  }

  /** The least over all partitions of what is stored: by the fold if it runs here, else by its checkpoint. */
  async #storedBefore(byFold: (partition: Partition) => number | undefined): Promise<number> {
    const partitions = allPartitions(this.options.partitions);
    const all = partitions.map(async (k) => byFold(k) ?? (await this.#checkpoints.last(k)).storedBeforeSeq);
    return Math.min(...await Promise.all(all));
  }
}

async function isWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true, () => false), sleep(ms, false)]);
}
