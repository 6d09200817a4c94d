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
import { Comparisons } from './counts/comparison.ts';
import { Counts } from './counts/counts.ts';
import { EventCounts } from './counts/event-counts.ts';
import type { Partition } from './domain/ids.ts';
import { allPartitions } from './domain/partition.ts';
import type { Settings } from './domain/topology.ts';
import { LogEpoch } from './domain/log-epoch.ts';
import { LiveCounts } from './live/live-counts.ts';
import { PartitionFeed } from './live/partition-feed.ts';
import { NatsChangeChannel } from './nats/change-channel.ts';
import { NatsCheckpoints } from './nats/checkpoints.ts';
import { connectNats, type NatsHandles, type NatsSecurity } from './nats/connect.ts';
import { NatsDeadLetters } from './nats/dead-letters.ts';
import { NatsLeases } from './nats/leases.ts';
import { NatsLink } from './nats/link.ts';
import { LogClock } from './nats/log-clock.ts';
import { NatsMqttMessages } from './nats/mqtt-messages.ts';
import { NatsReadingsLog } from './nats/readings-log.ts';
import { NatsReportRequests } from './nats/report-requests.ts';
import { NatsSpaceEventsLog } from './nats/space-events-log.ts';
import type { Silence } from './nats/stream-reader.ts';
import { boundsFor, createStreams, SPACE_EVENTS } from './nats/streams.ts';
import { NatsTopologyLog } from './nats/topology-log.ts';
import { Health } from './health/health.ts';
import {
  clockProblems,
  consumerProblems,
  engineProblems,
  logProblems,
  ownerProblems,
  roomProblems,
  shardProblems,
  topologyProblems,
  TOPOLOGY_BEHIND_MAX_MS,
} from './health/sources.ts';
import { Metrics } from './metrics.ts';
import { observedDeadLetters, observedHistory } from './observability/observed-ports.ts';
import { ClickHouseRecoveryRecords } from './clickhouse/recovery-records.ts';
import { ClickHousePartitionRecords } from './clickhouse/partition-records.ts';
import { Losses } from './recovery/losses.ts';
import { LogGuard } from './recovery/log-guard.ts';
import { TopologyCopier } from './recovery/topology-copier.ts';
import { keepAcknowledged } from './publishing/keep-acknowledged.ts';
import { TimestampBound } from './publishing/timestamp-bound.ts';
import { makeRoom, purgeReadings } from './router/readings-retention.ts';
import { PipelineTraces } from './observability/traced-ports.ts';
import { supervise } from './runtime/supervise.ts';
import { yieldEvery, MACHINE_TIMING } from './runtime/timing.ts';
import type { ChangeChannel } from './ports/change-channel.ts';
import type { Leases, Member } from './ports/leases.ts';
import type { ShardState } from '../actors/shard/shard-machine.ts';
import { ClusterReports } from './shards/cluster-reports.ts';
import { Freshness } from './shards/freshness.ts';
import { LocalReports } from './shards/local-reports.ts';
import { Membership } from './shards/membership.ts';
import { observeShard } from './shards/shard-observation.ts';
import { Shard } from './shards/shard.ts';
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
  readonly comparisons: Comparisons;
  readonly live: LiveCounts;
  readonly readings: NatsReadingsLog;
  readonly bound: TimestampBound;
  readonly clock: LogClock;
  readonly history: ClickHouseHistory;
  readonly options: ServiceOptions;
  readonly metrics: Metrics;
  readonly losses: Losses;
  readonly cluster: Membership;
  readonly health: Health;
  readonly #nats: NatsHandles;
  readonly #clickhouse: ClickHouseClient;
  readonly #log: Logger;
  readonly #events: NatsSpaceEventsLog;
  readonly #checkpoints: NatsCheckpoints;
  readonly #deadLetters: NatsDeadLetters;
  readonly #changes: NatsChangeChannel;
  readonly #link: NatsLink;
  readonly #epoch = new LogEpoch();
  readonly #guard: LogGuard;
  readonly #recovery: ClickHouseRecoveryRecords;
  /** Shards write their snapshots at the same moment, when the process ends. */
  readonly #snapshotTurn = yieldEvery(MACHINE_TIMING, SNAPSHOT_TURN_MS);
  readonly #member: Member;
  readonly #reports: ClusterReports;
  readonly #freshness: Freshness;
  /** By shard: the sequence of the topology that its router waits for. */
  readonly #awaitedTopology = new Map<Partition, number>();
  /** Of all partitions; none where this process only answers. */
  readonly #shards: readonly Shard[];
  readonly #traces = new PipelineTraces();
  readonly #feeds = new Map<Partition, PartitionFeed>();
  readonly #abort = new AbortController();
  #loops: Promise<void>[] = [];
  #isReady = false;
  /** False while READINGS is full. */
  #acceptsReadings = true;
  #stored: { readonly atMs: number; readonly seq: Promise<number> } | undefined;

  private constructor(
    options: ServiceOptions,
    nats: NatsHandles,
    clickhouse: ClickHouseClient,
    logId: string,
    leases: NatsLeases,
    log: Logger,
    metrics: Metrics,
  ) {
    const { js, jsm, nc } = nats;
    this.options = options;
    this.metrics = metrics;
    this.#nats = nats;
    this.#clickhouse = clickhouse;
    this.#log = log;
    this.#link = new NatsLink(nc, log, () => this.#guard.suspect());
    const disconnects = (): number => this.#link.disconnects;
    this.clock = new LogClock(jsm, {
      now: options.now ?? Date.now,
      timing: MACHINE_TIMING,
      log,
      onMeasured: (aheadMs) => metrics.clockMeasured(aheadMs / 1_000),
    });
    this.bound = new TimestampBound(options.skewMs, options.readingsKey);
    this.readings = new NatsReadingsLog(nc, js, jsm, options.partitions, disconnects);
    this.history = new ClickHouseHistory(clickhouse, logId);
    this.#events = new NatsSpaceEventsLog(js, jsm, this.#epoch, disconnects);
    this.#checkpoints = new NatsCheckpoints(js, jsm);
    this.#deadLetters = new NatsDeadLetters(js, jsm);
    this.#changes = new NatsChangeChannel(nc);
    this.topology = new TopologyService(
      new NatsTopologyLog(js),
      () => this.clock.now(),
      () => this.#shards.forEach((shard) => shard.wakeRouter()),
    );
    this.#member = {
      id: nuid.next(),
      name: options.nodeName,
      takesShards: options.takesShards,
      standsBy: options.standsBy,
    };
    this.#recovery = new ClickHouseRecoveryRecords(clickhouse, options.tables?.cluster);
    this.#guard = this.#logGuard(leases);
    this.#shards = options.takesShards
      ? allPartitions(options.partitions).map((partition) => this.#shard(partition, leases))
      : [];
    const requests = new NatsReportRequests(nc, log);
    const ticks = new Ticks({
      tick: (k) => this.readings.tick(k),
      intervalMs: options.tickIntervalMs,
      nowMs: () => this.clock.now(),
      timing: MACHINE_TIMING,
      log,
    });
    this.#freshness = new Freshness({
      partitions: options.partitions,
      events: this.#events,
      readings: this.readings,
      timing: MACHINE_TIMING,
    });
    this.#reports = new ClusterReports({
      partitions: options.partitions,
      shards: this.#shards,
      local: new LocalReports({
        events: this.#events,
        ticks,
        freshness: this.#freshness,
        timing: MACHINE_TIMING,
      }),
      requests,
      isConnected: () => this.#link.isUp,
      timing: MACHINE_TIMING,
      log,
    });
    metrics.watchShards(options.partitions, () => this.#shards.map(observeShard));
    this.counts = new Counts(this.topology.history, this.#reports, this.history);
    this.eventPages = new ClickHouseEventPages(clickhouse);
    this.eventCounts = new EventCounts(this.topology.history, this.#reports, this.history, this.eventPages);
    this.cluster = new Membership({
      leases,
      member: this.#member,
      problems: () => this.health.announced,
      partitions: options.partitions,
      shards: this.#shards,
      ticks,
      timing: MACHINE_TIMING,
      log,
    });
    const silences = (): Silence[] => [this.readings.silence, this.#events.silence];
    this.health = new Health({
      member: this.#member,
      members: () => this.cluster.members,
      timing: MACHINE_TIMING,
      own: [
        engineProblems(
          () => nc.rtt(),
          () => this.history.ping(),
        ),
        topologyProblems(this.topology),
        shardProblems(this.#shards, this.#freshness, (shard) => this.#awaitedTopology.get(shard)),
        consumerProblems(silences),
        logProblems(() => this.#guard.problem),
        clockProblems(() => this.clock.problem),
      ],
      shared: [ownerProblems(() => this.cluster.owners), roomProblems(() => this.#acceptsReadings)],
    });
    this.losses = new Losses(this.#recovery, this.#epoch);
    metrics.watchLosses(
      () => this.losses.known,
      () => this.#epoch.current,
    );
    metrics.watchHealth(() => this.health.own, silences);
    this.live = new LiveCounts(this.#changes, {
      partitions: options.partitions,
      subscribersMax: options.subscribersMax,
      exists: (spaceId) => this.topology.history.latest().space(spaceId)?.deleted === false,
    });
    this.accounts = new Accounts(this.#events, this.#deadLetters, options.partitions);
    this.comparisons = new Comparisons({
      partitions: options.partitions,
      reports: this.#reports,
      events: this.#events,
      history: this.history,
      timing: MACHINE_TIMING,
    });
  }

  /** Connects, creates what is missing, and resolves when every space answers. */
  static async start(options: ServiceOptions, log: Logger, metrics = new Metrics()): Promise<Service> {
    const nats = await connectNats(options.natsUrl, 'density-api', options.natsSecurity);
    let clickhouse: ClickHouseClient | undefined;
    try {
      const bounds = await boundsFor(nats.jsm, options.natsStoreBytes, options.deadLetters.bytesMax);
      if (bounds.readings === undefined)
        log.warn('readings are not bounded: how much the NATS server may store is not known here (NATS_STORE_MAX)');
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

  /** Why this process cannot answer now; undefined when it can. What it does not own, or cannot reach, is no reason: others are asked, or it says what it knows. */
  get unready(): string | undefined {
    if (!this.isReady) return 'catching up with the log';
    return this.topology.behindMs > TOPOLOGY_BEHIND_MAX_MS ? 'waiting for the topology' : undefined;
  }

  /** Shards of this process that cannot be served until somebody comes. */
  get refusals(): string[] {
    return this.#shards.flatMap(({ refusal }) => refusal?.message ?? []);
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
    // Before anything is owned, or written.
    await this.#guard.ensureSound(signal);
    await this.losses.read();
    this.#loops.push(this.#guard.run(signal), this.#topologyCopier().run(signal));
    // Not "when it differs from the defaults": a fold starts with the defaults of its code's version.
    if (JSON.stringify(this.topology.history.latest().settings()) !== JSON.stringify(settings)) {
      await this.topology.execute({ kind: 'changeSettings', settings });
    }
    this.cluster.start();
    if (this.options.takesShards)
      this.#loops.push(
        supervise(
          'keeping what MQTT acknowledged',
          () => this.#keepAcknowledged(signal),
          signal,
          this.#log,
          MACHINE_TIMING,
        ),
      );
    this.#loops.push(this.#retain(signal), this.health.run(signal));
    while (!signal.aborted && !this.cluster.isSettled) await sleep(READY_POLL_MS);
    this.#isReady = true;
  }

  /** Any process may, beside others: each message is given to one of them. */
  async #keepAcknowledged(signal: AbortSignal): Promise<void> {
    const acknowledged = await NatsMqttMessages.open(this.#nats.nc, this.options.replicas);
    const onRestored = (messages: number): void => this.metrics.mqttMessagesRestored(messages);
    await keepAcknowledged(
      { acknowledged, readings: this.readings, timing: MACHINE_TIMING, log: this.#log, onRestored },
      signal,
    );
  }

  /** Removes what is not needed any more: often looks for want of room, and rarely for age. */
  async #retain(signal: AbortSignal): Promise<void> {
    const { partitions, readingsKeptMs, deadLetters } = this.options;
    const retention = {
      partitions,
      readings: this.readings,
      events: this.#events,
      storedBeforeSeq: () => this.#storedBefore(() => undefined),
      keptMs: readingsKeptMs,
      now: () => this.clock.now(),
    };
    let agedAt = performance.now();
    const turn = async (): Promise<void> => {
      const { usedFraction, acceptsReadings } = await makeRoom(retention);
      this.metrics.readingsOccupied(usedFraction);
      if (acceptsReadings !== this.#acceptsReadings)
        this.#log.warn(
          { usedFraction, acceptsReadings },
          acceptsReadings ? 'there is room for readings again' : 'the log of readings is full: publishers are refused',
        );
      this.#acceptsReadings = acceptsReadings;
      if (performance.now() - agedAt < AGE_CHECK_INTERVAL_MS) return;
      agedAt = performance.now();
      await purgeReadings(retention);
      await this.#deadLetters.evict(deadLetters.keptMs);
    };
    while (!signal.aborted) {
      await MACHINE_TIMING.pause(ROOM_CHECK_INTERVAL_MS * (0.5 + MACHINE_TIMING.random()), signal);
      if (!signal.aborted)
        await turn().catch((error: unknown) =>
          this.#log.warn({ err: error }, 'what is not needed any more stays; trying again later'),
        );
    }
  }

  #logGuard(leases: Leases): LogGuard {
    const { history, topology } = this;
    return new LogGuard({
      partitions: this.options.partitions,
      epoch: this.#epoch,
      readings: this.readings,
      events: this.#events,
      topology: topology.history,
      catchUpTopology: () => topology.catchUp(),
      checkpoints: this.#checkpoints,
      records: this.#recovery,
      history,
      partitionRecords: new ClickHousePartitionRecords(this.#clickhouse),
      topologyLog: new NatsTopologyLog(this.#nats.js),
      topologyReached: (seq) => topology.reached(seq),
      topologyReader: topology,
      newCommitId: () => nuid.next(),
      nowMs: () => this.clock.now(),
      suspendShards: () => this.cluster.suspend(),
      resumeShards: () => {
        this.#freshness.forgetEnds();
        this.cluster.resume();
        void this.losses.read();
      },
      seenHere: () => this.#shards.flatMap(({ fold }) => (fold?.epoch === this.#epoch.current ? [fold.mark] : [])),
      leases: this.options.takesShards ? leases : undefined,
      holder: this.#member.id,
      isConnected: () => this.#link.isUp,
      timing: MACHINE_TIMING,
      log: this.#log,
    });
  }

  #topologyCopier(): TopologyCopier {
    return new TopologyCopier({
      topology: this.topology.history,
      epoch: this.#epoch,
      records: this.#recovery,
      isOn: () => this.#guard.problem === undefined && this.#shards[0]?.isOwner === true,
      onMismatch: () => this.#guard.suspect(),
      timing: MACHINE_TIMING,
      log: this.#log,
    });
  }

  #shard(partition: Partition, leases: Leases): Shard {
    const { partitions } = this.options;
    const common = {
      partition,
      partitions,
      epoch: this.#epoch,
      events: this.#traces.events(this.#events),
      history: this.#traces.history(observedHistory(this.history, this.metrics)),
    };
    return new Shard({
      router: {
        ...common,
        latestOf: (entry) => this.bound.of(entry),
        readings: this.#traces.readings(this.readings),
        deadLetters: observedDeadLetters(this.#deadLetters, this.metrics),
        topology: this.topology.history,
        topologyReached: (seq) => this.#topologyReached(partition, seq),
        pageReadings: REATTRIBUTION_PAGE_READINGS,
        commitItems: ITEMS_PER_COMMIT,
        newCommitId: () => nuid.next(),
        storedBeforeSeq: () => this.#storedByFolds(),
      },
      fold: { ...common, checkpoints: this.#checkpoints, turn: this.#snapshotTurn },
      storedBeforeCheckpoints: () => this.#storedBefore(() => undefined),
      truncateIntervalMs: TRUNCATE_INTERVAL_MS,
      leases,
      holder: this.#member.id,
      onState: (k, state) => this.#hear(k, state),
      logs: this.#guard,
      log: this.#log,
      timing: MACHINE_TIMING,
    });
  }

  async #topologyReached(shard: Partition, seq: number): Promise<void> {
    if (seq > this.topology.history.seq) this.#awaitedTopology.set(shard, seq);
    await this.topology.reached(seq);
    this.#awaitedTopology.delete(shard);
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
    const fold = shard?.fold;
    if (state !== 'running' || !shard || !fold) return;
    const channel: ChangeChannel = {
      publish: (k, batch) => this.#changes.publish(k, batch),
      subscribe: (k, onBatch) => this.#changes.subscribe(k, onBatch),
      // A zombie knows nothing new: whoever took over answers.
      serve: (k, answer) => this.#changes.serve(k, (question) => (shard.isOwner ? answer(question) : undefined)),
      ask: (k, question) => this.#changes.ask(k, question),
    };
    // A running shard has applied everything that was in the log when it was taken over, so the feed is ready at once.
    this.#feeds.set(
      partition,
      new PartitionFeed({
        fold,
        channel,
        readyAtSeq: 0,
        now: () => this.clock.now(),
        isBehind: (spaceIds) => this.#freshness.isBehind(fold, spaceIds),
      }),
    );
  }

  /** Asked by every router, and not for free: an answer of a moment ago is lower, and so safe. */
  async #storedByFolds(): Promise<number> {
    const now = performance.now();
    if (!this.#stored || now - this.#stored.atMs > STORED_MAX_AGE_MS) {
      const seq = this.#storedBefore((k) => {
        const shard = this.#shards[k];
        return shard?.isServing ? shard.fold?.storedBeforeSeq : undefined;
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
    return Math.min(...(await Promise.all(all)));
  }
}
