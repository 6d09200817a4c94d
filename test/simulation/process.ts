// One process of the service, put together from the production parts on simulated engines: what
// src/service.ts is for real ones.
import { pino, type Logger } from 'pino';
import { Accounts } from '../../src/counts/account.ts';
import { Counts } from '../../src/counts/counts.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { partitionOfSpace } from '../../src/domain/partition.ts';
import { purgeReadings } from '../../src/router/readings-retention.ts';
import { supervise } from '../../src/runtime/supervise.ts';
import type { Timing } from '../../src/runtime/timing.ts';
import { ShardRunner } from '../../src/shards/shard-runner.ts';
import { TopologyService } from '../../src/topology/topology-service.ts';
import type { Access } from './engines/memory-cursor.ts';
import { MemoryHistory, type MemoryTables } from './engines/memory-history.ts';
import { MemoryCheckpoints, MemoryDeadLetters, MemoryReadingsLog, MemorySpaceEventsLog, MemoryTopologyLog, type MemoryStreams } from './engines/memory-streams.ts';

export interface Engines {
  readonly streams: MemoryStreams;
  readonly tables: MemoryTables;
  readonly now: () => number;
}

export const SKEW_MS = 120_000;
/** What one step of the scheduler counts for in the service's own durations. */
const STEP_MS = 200;
const RETENTION_INTERVAL_MS = 30_000;
/** A pause is over at any moment, a long one less often; polls should not be all that happens. */
const pauseWeight = (ms: number): number => 0.15 * Math.min(1, Math.sqrt(100 / ms));

export class SimProcess {
  readonly access: Access;
  readonly topology: TopologyService;
  readonly counts: Counts;
  readonly accounts: Accounts;
  readonly shards: ShardRunner[];
  readonly #engines: Engines;
  readonly #abort = new AbortController();
  readonly #events: MemorySpaceEventsLog;
  readonly #checkpoints: MemoryCheckpoints;
  readonly #history: MemoryHistory;
  readonly #timing: Timing;
  readonly #log: Logger;
  #commits = 0;
  /** Sequence of each fold when it was last asked for a report. */
  reportedAtSeq = 0;
  /** The log's end when the process started: it answers once it has come that far. */
  readonly #caughtUpAt: number;

  constructor(access: Access, engines: Engines, pageReadings: number) {
    this.access = access;
    this.#engines = engines;
    const { streams, tables } = engines;
    // What the service logs is part of the trace; so is an invariant that does not hold.
    this.#log = pino({ level: 'warn', base: null, timestamp: false, serializers: { err: ({ name, message }: Error) => `${name}: ${message}` } }, {
      write: (line) => access.scheduler.note(`${access.owner.name} ${line.trim()}`),
    });
    this.#caughtUpAt = streams.events.lastSeq;
    this.#events = new MemorySpaceEventsLog(access, streams);
    this.#checkpoints = new MemoryCheckpoints(access, streams);
    this.#history = new MemoryHistory(access, tables);
    this.#timing = {
      now: () => access.scheduler.steps * STEP_MS,
      random: () => access.random.next(),
      pause: async (ms) => access.scheduler.request(access.owner, { label: 'pause', weight: pauseWeight(ms), apply: () => undefined }),
      turn: async () => undefined,
    };
    this.topology = new TopologyService(new MemoryTopologyLog(access, streams), engines.now, () => this.shards.forEach((shard) => shard.wakeRouter()));
    this.shards = Array.from({ length: streams.partitions }, (_, k) => this.#shard(k as Partition, pageReadings));
    this.counts = new Counts(this.topology.history, { report: async (spaceId, atMs) => this.#report(spaceId, atMs) }, this.#history);
    this.accounts = new Accounts(this.#events, new MemoryDeadLetters(access, streams), streams.partitions);
  }

  start(): void {
    void supervise('topology', () => this.topology.follow(), this.#abort.signal, this.#log, this.#timing);
    for (const shard of this.shards) shard.start();
    void supervise('retention', () => this.#purgeReadings(), this.#abort.signal, this.#log, this.#timing);
  }

  /** Of readings of any age: whatever a router may still need must stay all the same. */
  async #purgeReadings(): Promise<void> {
    const { streams, now } = this.#engines;
    await this.#timing.pause(RETENTION_INTERVAL_MS, this.#abort.signal);
    if (this.#abort.signal.aborted) return;
    await purgeReadings({
      partitions: streams.partitions, readings: new MemoryReadingsLog(this.access, streams), events: this.#events,
      storedBeforeSeq: () => this.#storedBefore(() => undefined), keptMs: 0, now,
    });
  }

  /** In order, as after SIGTERM. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.shards.map((shard) => shard.stop()));
    await this.topology.stop();
  }

  hostOf(spaceId: SpaceId): ShardRunner['host'] {
    const host = this.shards[partitionOfSpace(spaceId, this.#engines.streams.partitions)]?.host;
    return host && host.fold.seq >= this.#lastFor(host.fold.partition) ? host : undefined;
  }

  #lastFor(partition: Partition): number {
    const own = this.#engines.streams.events.everything.findLast(({ seq, subject }) => seq <= this.#caughtUpAt && (subject === `spaces.${partition}` || subject.startsWith('routers.')));
    return own?.seq ?? 0;
  }

  #report(spaceId: SpaceId, atMs: number): ReturnType<NonNullable<ShardRunner['host']>['report']> {
    const host = this.hostOf(spaceId);
    if (!host) throw new Failure('unavailable', 'the space is being restored');
    this.reportedAtSeq = host.fold.seq;
    return host.report(spaceId, atMs);
  }

  #shard(partition: Partition, pageReadings: number): ShardRunner {
    const { streams } = this.#engines;
    const common = { partition, partitions: streams.partitions, events: this.#events, history: this.#history };
    const { name } = this.access.owner;
    return new ShardRunner({
      ...common, skewMs: SKEW_MS, pageReadings,
      readings: new MemoryReadingsLog(this.access, streams), deadLetters: new MemoryDeadLetters(this.access, streams), topology: this.topology.history, topologyReached: (seq) => this.topology.reached(seq),
      newCommitId: () => `${name}-${++this.#commits}`,
      storedBeforeSeq: () => this.#storedBefore((k) => this.shards[k]?.host?.fold.storedBeforeSeq),
    }, { ...common, checkpoints: this.#checkpoints }, () => this.#storedBefore(() => undefined), this.#log, this.#timing);
  }

  async #storedBefore(byFold: (partition: Partition) => number | undefined): Promise<number> {
    const all = this.shards.map(async (_, k) => byFold(k as Partition) ?? await this.#checkpoints.storedBeforeSeq(k as Partition));
    return Math.min(...await Promise.all(all));
  }
}
