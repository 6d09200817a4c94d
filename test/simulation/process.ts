// One process of the service, composed of production parts on simulated engines, as src/service.ts composes it on real
// ones.
import { pino, type Logger } from 'pino';
import { Accounts } from '../../src/counts/account.ts';
import { AsKnown } from '../../src/counts/as-known.ts';
import { StoredPlaces } from '../../src/counts/stored-places.ts';
import type { EventPages } from '../../src/ports/event-pages.ts';
import { Comparisons } from '../../src/counts/comparison.ts';
import { Counts } from '../../src/counts/counts.ts';
import { DryRuns } from '../../src/counts/dry-runs.ts';
import { EventCounts } from '../../src/counts/event-counts.ts';
import { IntervalsOfSpaces } from '../../src/counts/intervals-of-spaces.ts';
import { Explanations } from '../../src/counts/explanations.ts';
import { Passages } from '../../src/counts/passages.ts';
import { Profiles } from '../../src/counts/profiles.ts';
import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { KnownReport, SpaceReport } from '../../actors/partition/space-report.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { partitionOfSpace } from '../../src/domain/partition.ts';
import type { LetterSelection, Replay } from '../../src/ports/dead-letters.ts';
import { replayLetters } from '../../src/publishing/replay-letters.ts';
import { TimestampBound } from '../../src/publishing/timestamp-bound.ts';
import { purgeReadings } from '../../src/retention/readings-retention.ts';
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { LogGuard } from '../../src/recovery/log-guard.ts';
import { TopologyCopier } from '../../src/recovery/topology-copier.ts';
import { storedReadingsSeq, UnreadableReadings } from '../../src/recovery/unreadable-readings.ts';
import { supervise } from '../../src/runtime/supervise.ts';
import { NEVER, type Timing } from '../../src/runtime/timing.ts';
import { CommonStart } from '../../src/shards/common-start.ts';
import { LocalReports } from '../../src/shards/local-reports.ts';
import { Membership } from '../../src/shards/membership.ts';
import { Shard } from '../../src/shards/shard.ts';
import { Ticks } from '../../src/shards/ticks.ts';
import { payloadsReadTo } from '../../src/topology/payloads-read-to.ts';
import { TopologyService } from '../../src/topology/topology-service.ts';
import type { Access } from './engines/memory-cursor.ts';
import { memoryEventPages } from './engines/memory-event-pages.ts';
import { MemoryHistory, type MemoryTables } from './engines/memory-history.ts';
import type { Scenario } from './scenario.ts';
import { MemoryLogPlaces } from './engines/memory-log-places.ts';
import { MemoryRecovery } from './engines/memory-recovery.ts';
import { MemoryLeases, type LeaseTable } from './engines/memory-leases.ts';
import {
  MemoryCheckpoints,
  MemoryReadingsLog,
  MemorySpaceEventsLog,
  MemoryTopologyLog,
  type MemoryStreams,
} from './engines/memory-streams.ts';
import { MemoryDeadLetters } from './engines/memory-dead-letters.ts';
import { REPLAYED } from './replays.ts';

export interface Engines {
  readonly streams: MemoryStreams;
  readonly tables: MemoryTables;
  readonly leases: LeaseTable;
  readonly now: () => number;
}

/** Small limits, so that even a short run reaches each of them often. */
type RouterSizes = Pick<Scenario, 'pageReadings' | 'commitItems'>;
/** Small, so that events in memory are joined with history in several steps. */
const UNSTORED_PER_QUERY = 2;
type ProcessOptions = Pick<Scenario, 'leases' | 'hasLosses'> & RouterSizes;

interface Questions {
  readonly counts: Counts;
  readonly intervalsOfSpaces: IntervalsOfSpaces;
  readonly explanations: Explanations;
  readonly passages: Passages;
  readonly profiles: Profiles;
  readonly dryRuns: DryRuns;
  readonly eventCounts: Pick<EventCounts, 'ofSpace'>;
}

export const SKEW_MS = 120_000;
/** Only one of the two first instants is accepted. */
export const EARLIEST_MS = 1;
export const BOUND = new TimestampBound(SKEW_MS, 'a key of the service', EARLIEST_MS);
/** How long one step of the scheduler lasts for the service. */
export const STEP_MS = 200;
const RETENTION_INTERVAL_MS = 30_000;
/** Small, so that most runs evict some. */
const LETTERS_KEPT_MS = 600_000;
const TICK_INTERVAL_MS = 5_000;
/** Short, so that zombies find the log truncated. */
const SHARD_TIMES = { truncateIntervalMs: 4_000, hours: { intervalMs: 10_000, settledMs: 2_000 } };
/** A pause may end at any step, a long one less often, so that polling does not dominate a run. */
const pauseWeight = (ms: number): number => 0.06 * Math.min(1, Math.sqrt(100 / ms));

/** The guard of the logs throws this when it has found a loss. */
const ALARM = 'a log has gone back';

export class SimProcess {
  readonly access: Access;
  readonly topology: TopologyService;
  readonly counts: Counts;
  readonly explanations: Explanations;
  readonly passages: Passages;
  readonly profiles: Profiles;
  readonly dryRuns: DryRuns;
  readonly asKnown: AsKnown;
  readonly storedPlaces: StoredPlaces;
  readonly eventPages: EventPages;
  readonly accounts: Accounts;
  readonly comparisons: Comparisons;
  readonly shards: Shard[];
  readonly #engines: Engines;
  readonly #abort = new AbortController();
  readonly #events: MemorySpaceEventsLog;
  readonly #checkpoints: MemoryCheckpoints;
  readonly #start = new CommonStart();
  readonly #history: MemoryHistory;
  readonly #deadLetters: MemoryDeadLetters;
  readonly #timing: Timing;
  readonly #log: Logger;
  #commits = 0;
  /** Assigns the shards; without leases every process is to own every shard. */
  readonly #membership: Membership | undefined;
  readonly #reports: LocalReports;
  readonly #epoch = new LogEpoch();
  /** Present if logs may go back. */
  readonly #guard: LogGuard | undefined;

  constructor(access: Access, engines: Engines, { leases, hasLosses, ...sizes }: ProcessOptions) {
    this.access = access;
    this.#engines = engines;
    const { streams, tables } = engines;
    // The service's log is part of the trace, and so are violated invariants.
    this.#log = pino(
      {
        level: 'warn',
        base: null,
        timestamp: false,
        serializers: { err: ({ name, message }: Error) => `${name}: ${message}` },
      },
      {
        write: (line) => {
          access.scheduler.note(`${access.owner.name} ${line.trim()}`);
          if (streams.losses === 0 && line.includes(ALARM))
            streams.objections.push(`a loss was noticed where there was none: ${line.trim()}`);
        },
      },
    );
    this.#events = new MemorySpaceEventsLog(access, streams, this.#epoch);
    this.#checkpoints = new MemoryCheckpoints(access, streams);
    this.#history = new MemoryHistory(access, tables);
    this.#deadLetters = new MemoryDeadLetters(access, streams);
    this.#timing = {
      now: () => access.scheduler.steps * STEP_MS,
      random: () => access.random.next(),
      pause: async (ms, signal) =>
        new Promise((resolve) => {
          if (signal.aborted) return resolve();
          // Node keeps listeners of a combined signal in memory.
          const deafen = (): void => signal.removeEventListener('abort', end);
          const effect = { label: 'pause', weight: pauseWeight(ms), apply: deafen, dropped: deafen };
          const end = (): void => {
            access.scheduler.withdraw(effect);
            resolve();
          };
          signal.addEventListener('abort', end, { once: true });
          void access.scheduler.request(access.owner, effect).then(resolve);
        }),
      yield: async () => undefined,
    };
    const readings = new MemoryReadingsLog(access, streams);
    this.topology = new TopologyService(
      new MemoryTopologyLog(access, streams),
      engines.now,
      () => this.shards.forEach((shard) => shard.wakeRouter()),
      this.#timing,
      payloadsReadTo(streams.partitions, readings, this.#events),
    );
    const ticks = new Ticks({
      tick: async (k) => readings.tick(k),
      intervalMs: TICK_INTERVAL_MS,
      nowMs: engines.now,
      timing: this.#timing,
      log: this.#log,
    });
    this.#reports = new LocalReports({
      events: this.#events,
      ticks,
      // Staleness is tested in test/unit/freshness.test.ts.
      freshness: { isFresh: async () => Promise.resolve(true) },
      timing: this.#timing,
    });
    const memoryLeases = new MemoryLeases(access, engines.leases, leases === 'kept');
    this.#guard = hasLosses ? this.#logGuard(memoryLeases) : undefined;
    this.shards = Array.from({ length: streams.partitions }, (_, k) =>
      this.#shard(k as Partition, sizes, memoryLeases),
    );
    const { name, instanceId } = access.owner;
    this.#membership =
      leases === 'none'
        ? undefined
        : new Membership({
            leases: memoryLeases,
            member: { id: name, name, takesShards: true, standsBy: true, instanceId, startedMs: engines.now() },
            partitions: streams.partitions,
            shards: this.shards,
            ticks,
            timing: this.#timing,
            log: this.#log,
          });
    const reports = { isCutOff: false, report: async (space: SpaceId, atMs: number) => this.#report(space, atMs) };
    this.eventPages = memoryEventPages(access, tables);
    const known = {
      ...{ partitions: streams.partitions, topology: this.topology.history, now: engines.now, reports },
      places: new MemoryLogPlaces(access, tables),
    };
    this.asKnown = new AsKnown({ ...known, history: this.#history, pages: this.eventPages });
    this.storedPlaces = new StoredPlaces({ ...known, history: this.#history });
    ({
      counts: this.counts,
      explanations: this.explanations,
      passages: this.passages,
      profiles: this.profiles,
      dryRuns: this.dryRuns,
    } = this.questions(() => undefined));
    this.accounts = new Accounts(this.#events, this.#deadLetters, streams.partitions);
    this.comparisons = new Comparisons({
      ...{ partitions: streams.partitions, reports },
      ...{ events: this.#events, history: this.#history, timing: this.#timing },
    });
  }

  start(): void {
    void supervise('topology', () => this.topology.follow(), this.#abort.signal, this.#log, this.#timing);
    void supervise('shards', () => this.#run(), this.#abort.signal, this.#log, this.#timing);
    void supervise('retention', () => this.#retain(), this.#abort.signal, this.#log, this.#timing);
  }

  /** False while this process gets no commands or questions, because the logs may have gone back. */
  get isSound(): boolean {
    return this.#guard?.problem === undefined;
  }

  /** Reconnects after the server may have lost messages. */
  reconnected(): void {
    this.#guard?.suspect();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    await this.#membership?.succeedEarlierRuns();
    if (this.#guard) {
      await this.topology.catchUp();
      await this.#guard.ensureSound(signal);
      void this.#topologyCopier(this.#guard).run(signal);
    }
    if (this.#membership) this.#membership.start();
    else for (const shard of this.shards) shard.setGoal('own');
    await this.#guard?.run(signal);
    // Without a guard nothing else is needed.
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  #logGuard(leases: MemoryLeases): LogGuard {
    const { streams, tables, now } = this.#engines;
    const readings = new MemoryReadingsLog(this.access, streams);
    const records = new MemoryRecovery(this.access, tables);
    return new LogGuard({
      partitions: streams.partitions,
      epoch: this.#epoch,
      readings,
      unreadable: new UnreadableReadings({
        readings,
        records,
        storedSeq: async () =>
          storedReadingsSeq(streams.partitions, this.#events, await this.#storedBefore(() => undefined)),
      }),
      events: this.#events,
      topology: this.topology.history,
      catchUpTopology: () => this.topology.catchUp(),
      checkpoints: this.#checkpoints,
      records,
      history: this.#history,
      partitionRecords: this.#history,
      topologyLog: new MemoryTopologyLog(this.access, streams),
      topologyReached: (seq) => this.topology.reached(seq),
      newCommitId: () => `${this.access.owner.name}-${++this.#commits}`,
      nowMs: now,
      suspendShards: async () => {
        await (this.#membership?.suspend() ?? Promise.all(this.shards.map((shard) => shard.stop())));
      },
      resumeShards: () => {
        if (this.#membership) this.#membership.resume();
        else for (const shard of this.shards) shard.setGoal('own');
      },
      seenHere: () => this.shards.flatMap(({ fold }) => (fold?.epoch === this.#epoch.current ? [fold.mark] : [])),
      topologyReader: this.topology,
      leases,
      holder: this.access.owner.name,
      timing: this.#timing,
      log: this.#log,
    });
  }

  #topologyCopier(guard: LogGuard): TopologyCopier {
    return new TopologyCopier({
      topology: this.topology.history,
      epoch: this.#epoch,
      records: new MemoryRecovery(this.access, this.#engines.tables),
      isOn: () => guard.problem === undefined && this.shards[0]?.isOwner === true,
      onMismatch: () => guard.suspect(),
      timing: this.#timing,
      log: this.#log,
    });
  }

  /** Regardless of their age, because readings that a router may still need must be kept anyway. */
  async #retain(): Promise<void> {
    const { streams, now } = this.#engines;
    await this.#timing.pause(RETENTION_INTERVAL_MS, this.#abort.signal);
    if (this.#abort.signal.aborted) return;
    await this.#deadLetters.evict(LETTERS_KEPT_MS);
    await purgeReadings({
      partitions: streams.partitions,
      readings: new MemoryReadingsLog(this.access, streams),
      events: this.#events,
      storedBeforeSeq: () => this.#storedBefore(() => undefined),
      isInDoubt: () => this.#guard?.isInDoubt ?? false,
      keptMs: 0,
      now,
    });
  }

  /** As the API does. What it appends has a spelling of its own, by which the verdict knows it. */
  async replay(replay: Replay & Pick<LetterSelection, 'reason'>): Promise<void> {
    const readings = new MemoryReadingsLog(this.access, this.#engines.streams);
    await replayLetters(
      { ...replay, isDryRun: false },
      {
        deadLetters: this.#deadLetters,
        log: {
          append: (dpuId, data, mark) => readings.publish(dpuId, REPLAYED, data, mark),
        },
        topology: this.topology,
        bound: BOUND,
        now: this.#engines.now,
        retry: { retries: 0 },
      },
    );
  }

  /** Stops gracefully, as after SIGTERM. */
  async stop(): Promise<void> {
    this.#abort.abort();
    if (this.#membership) await this.#membership.stop();
    else await Promise.all(this.shards.map((shard) => shard.stop()));
    await this.topology.stop();
  }

  /** The fold of a space, if this process owns its shard. */
  foldOf(spaceId: SpaceId): PartitionFold | undefined {
    const shard = this.shards[partitionOfSpace(spaceId, this.#engines.streams.partitions)];
    return shard?.isOwner ? shard.fold : undefined;
  }

  /** Answers questions. @param onReport gets each report from which an answer is computed */
  questions(onReport: (report: SpaceReport) => void): Questions {
    const report = async (spaceId: SpaceId, atMs: number): Promise<KnownReport> => {
      const found = await this.#report(spaceId, atMs);
      onReport(found);
      return found;
    };
    const reports = { isCutOff: false, report };
    const sources = [this.topology.history, reports, this.#history] as const;
    return {
      counts: new Counts(...sources),
      intervalsOfSpaces: new IntervalsOfSpaces(...sources),
      explanations: new Explanations(...sources, UNSTORED_PER_QUERY),
      passages: new Passages({
        ...{ topology: this.topology, reports, history: this.#history, asKnown: this.asKnown },
        ...{ timing: this.#timing, now: this.#engines.now },
      }),
      profiles: new Profiles(...sources),
      eventCounts: new EventCounts(...sources, this.eventPages),
      dryRuns: new DryRuns({
        topology: this.topology,
        partitions: this.#engines.streams.partitions,
        events: this.#events,
        reports,
        history: this.#history,
        timing: this.#timing,
        now: this.#engines.now,
      }),
    };
  }

  async #report(spaceId: SpaceId, atMs: number): Promise<KnownReport> {
    const shard = this.shards[partitionOfSpace(spaceId, this.#engines.streams.partitions)];
    const found = shard && (await this.#reports.byOwner(shard, spaceId, atMs));
    if (!found) throw new Failure('unavailable', 'the space is being restored');
    return found;
  }

  #shard(partition: Partition, { pageReadings, commitItems }: RouterSizes, leases: MemoryLeases): Shard {
    const { streams } = this.#engines;
    const common = {
      ...{ partition, partitions: streams.partitions },
      ...{ epoch: this.#epoch, events: this.#events, history: this.#history },
    };
    const { name } = this.access.owner;
    // A step of the scheduler, so that a fold goes on while its checkpoint is written.
    const yieldTurn = async (): Promise<void> => this.#timing.pause(1, NEVER);
    return new Shard({
      router: {
        ...common,
        times: { latestOf: (entry) => BOUND.of(entry), earliestMs: BOUND.earliestMs },
        pageReadings,
        commitItems,
        readings: new MemoryReadingsLog(this.access, streams),
        deadLetters: this.#deadLetters,
        topology: this.topology.history,
        topologyReached: (seq) => this.topology.reached(seq),
        topologyCaughtUp: () => this.topology.catchUp(),
        newCommitId: () => `${name}-${++this.#commits}`,
        storedBeforeSeq: () =>
          this.#storedBefore((k) => (this.shards[k]?.isServing ? this.shards[k].fold?.storedBeforeSeq : undefined)),
      },
      fold: { ...common, checkpoints: this.#checkpoints, start: this.#start, yieldTurn },
      storedBeforeCheckpoints: () => this.#storedBefore(() => undefined),
      ...SHARD_TIMES,
      leases,
      holder: name,
      logs: this.#guard,
      log: this.#log,
      timing: this.#timing,
    });
  }

  async #storedBefore(byFold: (partition: Partition) => number | undefined): Promise<number> {
    const all = this.shards.map(
      async (_, k) => byFold(k as Partition) ?? (await this.#checkpoints.last(k as Partition)).storedBeforeSeq,
    );
    return Math.min(...(await Promise.all(all)));
  }
}
