// The service: composes everything that runs in one process. `start` resolves once it can answer; `stop` ends it in
// an order that loses nothing: stop streaming, drain the shards, end the loops, disconnect.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Accounts } from './counts/account.ts';
import { LogEpoch } from './domain/log-epoch.ts';
import { Health } from './health/health.ts';
import {
  clockProblems,
  consumerProblems,
  engineProblems,
  logProblems,
  ownerProblems,
  capacityProblems,
  shardProblems,
  topologyProblems,
  TOPOLOGY_BEHIND_MAX_MS,
} from './health/sources.ts';
import { LiveCounts } from './live/live-counts.ts';
import { PartitionFeeds } from './live/partition-feeds.ts';
import { Metrics } from './metrics.ts';
import type { LogClock } from './nats/log-clock.ts';
import type { NatsDeadLetters } from './nats/dead-letters.ts';
import type { NatsReadingsLog } from './nats/readings-log.ts';
import type { Silence } from './nats/stream-reader.ts';
import type { Member } from './ports/leases.ts';
import { TimestampBound } from './publishing/timestamp-bound.ts';
import { LogGuard } from './recovery/log-guard.ts';
import { Losses } from './recovery/losses.ts';
import { TopologyCopier } from './recovery/topology-copier.ts';
import { storedReadingsSeq, UnreadableReadings } from './recovery/unreadable-readings.ts';
import { Retention } from './retention/retention.ts';
import { StoredSequence } from './retention/stored-sequence.ts';
import { supervise } from './runtime/supervise.ts';
import { MACHINE_TIMING } from './runtime/timing.ts';
import { createAdapters, type Adapters } from './service/adapters.ts';
import { openConnections, type Connections } from './service/connections.ts';
import { messageTasks } from './service/message-tasks.ts';
import type { ServiceOptions } from './service/options.ts';
import { createQuestions, type Questions } from './service/questions.ts';
import { createShards } from './service/shards.ts';
import { ClusterReports } from './shards/cluster-reports.ts';
import { Freshness } from './shards/freshness.ts';
import { LocalReports } from './shards/local-reports.ts';
import { Membership } from './shards/membership.ts';
import { observeShards } from './shards/shard-observation.ts';
import type { Shard } from './shards/shard.ts';
import { Ticks } from './shards/ticks.ts';
import { AwaitedTopology } from './topology/awaited-topology.ts';
import { payloadsReadTo } from './topology/payloads-read-to.ts';
import { TopologyService } from './topology/topology-service.ts';
import { TopologyWatch } from './topology/topology-watch.ts';

const READY_POLL_MS = 20;

export class Service {
  // The parts that the API, the commands and the tests use.
  readonly options: ServiceOptions;
  readonly topology: TopologyService;
  readonly counts: Questions['counts'];
  readonly asKnown: Questions['asKnown'];
  readonly storedPlaces: Questions['storedPlaces'];
  readonly eventCounts: Questions['eventCounts'];
  readonly explanations: Questions['explanations'];
  readonly intervalsOfSpaces: Questions['intervalsOfSpaces'];
  readonly passages: Questions['passages'];
  readonly profiles: Questions['profiles'];
  readonly dryRuns: Questions['dryRuns'];
  readonly accounts: Accounts;
  readonly comparisons: Questions['comparisons'];
  readonly live: LiveCounts;
  readonly bound: TimestampBound;
  readonly losses: Losses;
  readonly health: Health;
  readonly cluster: Membership;
  readonly metrics: Metrics;

  readonly #connections: Connections;
  readonly #adapters: Adapters;
  readonly #log: Logger;
  readonly #epoch = new LogEpoch();
  readonly #member: Member;
  readonly #guard: LogGuard;
  readonly #awaitedTopology: AwaitedTopology;
  readonly #topologyWatch: TopologyWatch;
  readonly #stored: StoredSequence;
  readonly #retention: Retention;
  readonly #freshness: Freshness;
  readonly #reports: ClusterReports;
  readonly #feeds: PartitionFeeds;
  /** One for each partition, or none if this process only answers requests. */
  readonly #shards: readonly Shard[];
  readonly #abort = new AbortController();
  #loops: Promise<void>[] = [];
  #hasStarted = false;

  private constructor(options: ServiceOptions, connections: Connections, log: Logger, metrics: Metrics) {
    const { partitions, nodeName: name, instanceId, takesShards, standsBy } = options;
    this.options = options;
    this.metrics = metrics;
    this.#log = log;
    this.#connections = connections;
    this.#adapters = createAdapters(connections, {
      options,
      epoch: this.#epoch,
      onLinkChange: () => this.#guard.suspect(),
      metrics,
      log,
    });
    const { events, history, eventPages, recovery, changes, deadLetters, topologyLog, newId } = this.#adapters;
    const now = (): number => this.clock.now();
    this.#member = { id: newId(), name, startedMs: Date.now(), takesShards, standsBy, instanceId };
    this.bound = new TimestampBound(options.skewMs, options.readingsKey, options.earliestMs);
    this.topology = new TopologyService(
      topologyLog,
      now,
      () => this.#shards.forEach((shard) => shard.wakeRouter()),
      MACHINE_TIMING,
      payloadsReadTo(partitions, this.readings, events),
    );
    this.#awaitedTopology = new AwaitedTopology(this.topology);
    this.#topologyWatch = new TopologyWatch({ topology: this.topology, topologyLog, timing: MACHINE_TIMING, log });

    this.#stored = this.#createStoredSequence();
    this.#retention = this.#createRetention();
    this.#guard = this.#createLogGuard();
    this.#shards = takesShards ? this.#createShards() : [];

    const ticks = this.#createTicks();
    this.#freshness = new Freshness({ partitions, events, readings: this.readings, timing: MACHINE_TIMING });
    this.#reports = this.#createReports(ticks);
    this.#feeds = new PartitionFeeds({
      channel: changes,
      now,
      topology: this.topology.history,
      freshnessOf: (fold) => this.#freshness.of(fold),
    });
    this.cluster = this.#createMembership(ticks);

    ({
      counts: this.counts,
      asKnown: this.asKnown,
      storedPlaces: this.storedPlaces,
      eventCounts: this.eventCounts,
      explanations: this.explanations,
      intervalsOfSpaces: this.intervalsOfSpaces,
      passages: this.passages,
      profiles: this.profiles,
      dryRuns: this.dryRuns,
      comparisons: this.comparisons,
    } = createQuestions({
      ...{ partitions, topology: this.topology, reports: this.#reports, now, timing: MACHINE_TIMING },
      ...{ events, history, places: this.#adapters.logPlaces, pages: eventPages },
    }));
    this.accounts = new Accounts(events, deadLetters, partitions);
    this.live = this.#createLiveCounts();
    this.losses = new Losses(recovery, this.#epoch);
    this.health = this.#createHealth();
    this.#watchMetrics();
  }

  /** Connects, creates missing streams and tables, and resolves once questions about every space can be answered. */
  static async start(options: ServiceOptions, log: Logger, metrics = new Metrics()): Promise<Service> {
    const connections = await openConnections(options, log);
    let service: Service | undefined;
    try {
      service = new Service(options, connections, log, metrics);
      await service.#start();
      return service;
    } catch (error) {
      if (service) service.#abort.abort();
      await connections.close();
      throw error;
    }
  }

  get readings(): NatsReadingsLog {
    return this.#adapters.readings;
  }

  get deadLetters(): NatsDeadLetters {
    return this.#adapters.deadLetters;
  }

  /** What routes read and write without more of the service. */
  get stores(): Pick<Adapters, 'displays' | 'floorPlans' | 'eventPages'> {
    return this.#adapters;
  }

  get clock(): LogClock {
    return this.#adapters.clock;
  }

  get isReady(): boolean {
    return this.#hasStarted && !this.#abort.signal.aborted;
  }

  /**
   * Why this process cannot answer now; undefined if it can. Shards of other processes and unreachable engines are
   * not a reason: other processes are asked, and answers report when they are stale.
   */
  get unready(): string | undefined {
    if (!this.isReady) return 'catching up with the log';
    return this.topology.behindMs > TOPOLOGY_BEHIND_MAX_MS
      ? (this.#topologyWatch.damage ?? 'waiting for the topology')
      : undefined;
  }

  /** Why shards of this process cannot be served until an operator repairs them. */
  get refusals(): string[] {
    return this.#shards.flatMap(({ refusal }) => refusal?.message ?? []);
  }

  /** May be called twice. */
  async stop(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.live.stop();
    await this.cluster.stop();
    await this.topology.stop();
    await Promise.all(this.#loops);
    await this.#connections.close();
  }

  async #start(): Promise<void> {
    const { signal } = this.#abort;
    await Promise.all([this.clock.measure(), this.cluster.succeedEarlierRuns()]);
    this.#loops.push(
      this.clock.run(signal),
      this.#supervised('topology', () => this.topology.follow()),
      this.#topologyWatch.run(signal),
    );
    await this.#topologyWatch.unlessDamaged(this.topology.catchUp());
    // Completed before this process owns a shard or writes to a log.
    await this.#guard.ensureSound(signal);
    await this.losses.read();
    this.#loops.push(this.#guard.run(signal), this.#createTopologyCopier().run(signal));
    await this.#writeSettings();
    this.cluster.start();
    if (this.options.takesShards)
      for (const [name, task] of messageTasks(this.#adapters, this.metrics, this.#log))
        this.#loops.push(this.#supervised(name, async () => task(signal)));
    this.#loops.push(this.#retention.run(signal), this.health.run(signal));
    while (!signal.aborted && !this.cluster.isSettled) await sleep(READY_POLL_MS);
    this.#hasStarted = true;
  }

  #supervised(name: string, task: () => Promise<void>): Promise<void> {
    return supervise(name, task, this.#abort.signal, this.#log, MACHINE_TIMING);
  }

  /** Compared with the topology log, not with the defaults, because those differ between versions of the code. */
  async #writeSettings(): Promise<void> {
    const { settings } = this.options;
    if (JSON.stringify(this.topology.history.latest().settings()) !== JSON.stringify(settings))
      await this.topology.execute({ kind: 'changeSettings', settings }, 'service');
  }

  #createStoredSequence(): StoredSequence {
    return new StoredSequence({
      partitions: this.options.partitions,
      checkpoints: this.#adapters.checkpoints,
      byFold: (k) => {
        const shard = this.#shards[k];
        return shard?.isServing ? shard.fold?.storedBeforeSeq : undefined;
      },
      timing: MACHINE_TIMING,
    });
  }

  #createRetention(): Retention {
    const { partitions, readingsKeptMs, deadLetters } = this.options;
    return new Retention({
      readings: {
        partitions,
        readings: this.readings,
        events: this.#adapters.events,
        storedBeforeSeq: () => this.#stored.byCheckpoints(),
        isInDoubt: () => this.#guard.isInDoubt,
        keptMs: readingsKeptMs,
        now: () => this.clock.now(),
      },
      deadLetters: this.#adapters.deadLetters,
      deadLettersKeptMs: deadLetters.keptMs,
      onUsage: (part) => this.metrics.readingsOccupied(part),
      timing: MACHINE_TIMING,
      log: this.#log,
    });
  }

  #createLogGuard(): LogGuard {
    const { topology, readings } = this;
    const { events, checkpoints, recovery, history, partitionRecords, topologyLog, leases, link, newId } =
      this.#adapters;
    return new LogGuard({
      partitions: this.options.partitions,
      epoch: this.#epoch,
      readings,
      unreadable: new UnreadableReadings({
        readings,
        records: recovery,
        storedSeq: async () => storedReadingsSeq(this.options.partitions, events, await this.#stored.byCheckpoints()),
      }),
      events,
      topology: topology.history,
      catchUpTopology: () => topology.catchUp(),
      checkpoints,
      records: recovery,
      history,
      partitionRecords,
      topologyLog,
      topologyReached: (seq) => topology.reached(seq),
      topologyReader: topology,
      newCommitId: newId,
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
      isConnected: () => link.isUp,
      timing: MACHINE_TIMING,
      log: this.#log,
    });
  }

  #createTopologyCopier(): TopologyCopier {
    return new TopologyCopier({
      topology: this.topology.history,
      epoch: this.#epoch,
      records: this.#adapters.recovery,
      isOn: () => this.#guard.problem === undefined && this.#shards[0]?.isOwner === true,
      onMismatch: () => this.#guard.suspect(),
      timing: MACHINE_TIMING,
      log: this.#log,
    });
  }

  #createShards(): Shard[] {
    return createShards({
      partitions: this.options.partitions,
      adapters: this.#adapters,
      epoch: this.#epoch,
      topology: this.topology,
      awaitedTopology: this.#awaitedTopology,
      bound: this.bound,
      stored: this.#stored,
      logs: this.#guard,
      holder: this.#member.id,
      onState: (partition, state) => {
        this.#reports.follow(partition, state);
        this.#feeds.follow(partition, state, this.#shards[partition]);
      },
      metrics: this.metrics,
      log: this.#log,
    });
  }

  #createTicks(): Ticks {
    return new Ticks({
      tick: (k) => this.readings.tick(k),
      intervalMs: this.options.tickIntervalMs,
      nowMs: () => this.clock.now(),
      timing: MACHINE_TIMING,
      log: this.#log,
    });
  }

  #createReports(ticks: Ticks): ClusterReports {
    return new ClusterReports({
      partitions: this.options.partitions,
      shards: this.#shards,
      local: new LocalReports({
        events: this.#adapters.events,
        ticks,
        freshness: this.#freshness,
        timing: MACHINE_TIMING,
      }),
      requests: this.#adapters.reportRequests,
      isConnected: () => this.#adapters.link.isUp,
      timing: MACHINE_TIMING,
      log: this.#log,
    });
  }

  #createMembership(ticks: Ticks): Membership {
    return new Membership({
      leases: this.#adapters.leases,
      member: this.#member,
      problems: () => this.health.announced,
      partitions: this.options.partitions,
      shards: this.#shards,
      ticks,
      timing: MACHINE_TIMING,
      log: this.#log,
    });
  }

  #createLiveCounts(): LiveCounts {
    const { partitions, subscribersMax } = this.options;
    return new LiveCounts(this.#adapters.changes, {
      partitions,
      subscribersMax,
      exists: (spaceId) => this.topology.history.latest().space(spaceId)?.deleted === false,
    });
  }

  #createHealth(): Health {
    const { pingNats, history } = this.#adapters;
    return new Health({
      member: this.#member,
      members: () => this.cluster.members,
      timing: MACHINE_TIMING,
      own: [
        engineProblems(pingNats, () => history.ping()),
        topologyProblems(this.topology, () => this.#topologyWatch.damage),
        shardProblems(this.#shards, this.#freshness, (shard) => this.#awaitedTopology.of(shard)),
        consumerProblems(() => this.#silences),
        logProblems(() => this.#guard.problem),
        clockProblems(() => this.clock.problem),
      ],
      shared: [ownerProblems(() => this.cluster.owners), capacityProblems(() => this.#retention.acceptsReadings)],
    });
  }

  get #silences(): Silence[] {
    return [this.readings.silence, this.#adapters.events.silence];
  }

  #watchMetrics(): void {
    this.metrics.watchShards(this.options.partitions, async () => observeShards(this.#shards));
    this.metrics.watchLosses(
      () => this.losses.known,
      () => this.#epoch.current,
    );
    this.metrics.watchHealth(
      () => this.health.own,
      () => this.#silences,
    );
  }
}
