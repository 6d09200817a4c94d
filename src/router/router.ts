// Router k reads partition k of READINGS and writes SPACE_EVENTS. It owns the committed offset of its partition,
// drops duplicates, decides where each reading counts, and commits all of that with the new offset as one message,
// expecting that its own last commit is still the last one. So the commit of a superseded router is refused, and a
// crash repeats nothing (R1). fair-queue.ts decides what to route next when one DPU has sent a lot.
import type { DpuId, Partition } from '../domain/ids.ts';
import { consumedThrough, headerBeforeRouting, type CommitHeader } from '../domain/commit.ts';
import { EpochChanged, type LogEpoch } from '../domain/log-epoch.ts';
import { isMarked, LogWentBack } from '../domain/log-mark.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import { doorwayAt, isWithinSpans } from '../domain/placement.ts';
import { passedIn } from '../domain/measure.ts';
import { identityOf, type Reading } from '../domain/reading.ts';
import { passedUnder, seriesOf, type Series, type SeriesKey } from '../domain/series.ts';
import type { TopologyHistory, TopologyView } from '../domain/topology-history.ts';
import type { DeadLetters } from '../ports/dead-letters.ts';
import type { History } from '../ports/history.ts';
import type { LogCursor } from '../ports/log.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { orAborted } from '../runtime/or-aborted.ts';
import type { Timing } from '../runtime/timing.ts';
import { CommitDraft } from './commit-draft.ts';
import { CommitGrouping } from './commit-grouping.ts';
import { committedReadings } from './committed-readings.ts';
import { FairQueue } from './fair-queue.ts';
import { intakeOf, type AcceptedTimes, type ReceivedHeartbeat } from './intake.ts';
import { lettersOf } from './letters.ts';
import { isConsumed, isFollowed } from './marked-logs.ts';
import type { Message } from './message.ts';
import { type Slice } from './message.ts';
import { NewestLookups } from './newest-lookups.ts';
import { isPayload, readPayload, type ReadPayload } from '../adapters/payload.ts';
import { ReadingMemory } from './reading-memory.ts';
import { pagesOf, placeOf } from './reattribution.ts';
import { assertInSeries } from './route-in-series.ts';
import { changeBetween, isMoved, type TopologyChange } from '../domain/topology-change.ts';

const ENTRIES_PER_READ_MAX = 2_000;

export interface RouterDeps {
  readonly partition: Partition;
  readonly partitions: number;
  readonly epoch: LogEpoch;
  readonly readings: ReadingsLog;
  readonly events: SpaceEventsLog;
  readonly history: History;
  readonly deadLetters: DeadLetters;
  readonly topology: TopologyHistory;
  /** Resolves when `topology` has reached a sequence. */
  readonly topologyReached: (seq: number) => Promise<void>;
  /** Resolves when `topology` includes everything that is in its log now. */
  readonly topologyCaughtUp: () => Promise<unknown>;
  readonly times: AcceptedTimes;
  /** The number of readings that one commit of a re-attribution covers. */
  readonly pageReadings: number;
  /** The maximum number of items, mostly readings, that one commit consumes. */
  readonly commitItems: number;
  readonly timing: Timing;
  /** Returns an id for an attempt to commit that is unique across processes. */
  readonly newCommitId: () => string;
  /** Everything in SPACE_EVENTS before this sequence is stored in ClickHouse, for all partitions. */
  readonly storedBeforeSeq: () => Promise<number>;
}

/** Another process routes this partition. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
}

/** A commit whose events may not be stored in ClickHouse yet. */
interface Unstored {
  readonly seq: number;
  readonly number: number;
}

type Progress = Partial<
  Pick<
    CommitHeader,
    'readingsSeq' | 'readingsMark' | 'clockMs' | 'waiting' | 'topologySeq' | 'topologyDigest' | 'reattribution'
  >
> &
  Pick<CommitHeader, 'isMove'>;

export class Router {
  readonly #deps: RouterDeps;
  readonly #memory = new ReadingMemory();
  readonly #newest: NewestLookups;
  #cursor: LogCursor | undefined;
  /** The header of the last commit, and its sequence in the log. */
  #committed: CommitHeader;
  #committedSeq = 0;
  readonly #grouping = new CommitGrouping();
  readonly #readPayload: ReadPayload;
  #queue: FairQueue;
  #unstored: Unstored[] = [];
  /** Numbers the commits that this process knows. */
  #commits = 0;
  readonly #stopping = new AbortController();

  constructor(deps: RouterDeps) {
    this.#deps = deps;
    this.#newest = new NewestLookups(deps, this.#memory);
    this.#readPayload = (entry) => readPayload(entry, deps.topology);
    this.#committed = headerBeforeRouting(deps.partition, deps.epoch.current);
    this.#queue = new FairQueue(deps.commitItems, this.#committed, this.#readPayload);
  }

  /** The header of the last commit: the committed offset, the clock, the account. */
  get committed(): CommitHeader {
    return this.#committed;
  }

  get remembered(): number {
    return this.#memory.size;
  }

  /** Entries waiting to be routed. */
  get behind(): number {
    return this.#queue.length + (this.#cursor?.behind ?? 0);
  }

  /** Finds the last commit, and remembers every reading again that history may not hold yet. Called once. */
  async restore(): Promise<void> {
    const { events, readings, partition, commitItems } = this.#deps;
    const last = await events.lastCommit(partition);
    this.#committedSeq = last.seq;
    if (last.header) this.#committed = last.header;
    // The repair of the logs begins an epoch with a commit for every router.
    else if (this.#committed.epoch > 0)
      throw new EpochChanged(`router ${partition} has no commit of epoch ${this.#committed.epoch}`);
    // Another process may have followed the topology further than this one.
    const { topologySeq, reattribution, readingsSeq, readingsMark } = this.#committed;
    const { signal } = this.#stopping;
    await orAborted(this.#deps.topologyReached(Math.max(topologySeq, reattribution?.toSeq ?? 0)), signal);
    if (signal.aborted) return;
    await this.#rememberCommitted(await this.#deps.storedBeforeSeq());
    if (signal.aborted) return;
    this.#queue = new FairQueue(commitItems, this.#committed, this.#readPayload);
    const consumed = consumedThrough(this.#committed);
    this.#cursor = await readings.open(partition, consumed);
    // Checked only after the cursor is open, because the cursor detects later changes of the log.
    const wentBack = (): LogWentBack =>
      new LogWentBack(`READINGS does not hold what router ${partition} has consumed up to ${readingsSeq}`);
    if (!(await isConsumed(readings, readingsSeq, readingsMark, await readings.bounds()))) throw wentBack();
    for (let seq = consumed; seq < readingsSeq && !signal.aborted;) {
      const entries = await this.#withTopology((await this.#cursor?.next(ENTRIES_PER_READ_MAX)) ?? []);
      const last = entries.find((entry) => entry.seq === readingsSeq);
      if (last && readingsMark && !isMarked(last, readingsMark)) throw wentBack();
      this.#queue.put(entries);
      seq = entries.at(-1)?.seq ?? seq;
    }
  }

  /** Remembers the readings of this router's commits that may not be stored. */
  async #rememberCommitted(fromSeq: number): Promise<void> {
    const { events, partition } = this.#deps;
    const span = { fromSeq, toSeq: this.#committedSeq };
    for await (const { seq, readings } of committedReadings(events, partition, span, this.#stopping.signal)) {
      this.#unstored.push({ seq, number: ++this.#commits });
      for (const reading of readings) this.#memory.remember(reading, this.#commits);
    }
  }

  /**
   * Waits for work, and does one step of it. @throws Superseded, or the error of a port; the router must then be
   * restarted
   */
  async step(): Promise<void> {
    const { topology } = this.#deps;
    if (topology.seq > this.#committed.topologySeq) await this.#followTopology();
    await this.#read();
    if (topology.seq > this.#committed.topologySeq) await this.#followTopology();
    const slices = this.#queue.take((this.#cursor?.behind ?? 0) > 0);
    if (slices.length > 0) await this.#route(slices);
  }

  async #read(): Promise<void> {
    if (this.#queue.isFull) return;
    // With work in the queue, the cursor must not wait. Otherwise wait briefly, so that more readings share the
    // commit.
    if (!this.#queue.isEmpty) this.wake();
    else await this.#groupWithNext();
    this.#queue.put(await this.#withTopology(await this.#ready()));
  }

  /** All that can be read at once, because what has just happened may come after much that has not. */
  async #ready(): Promise<StoredEntry[]> {
    const ready: StoredEntry[] = [];
    for (let room = this.#queue.room; room > 0;) {
      const entries = (await this.#cursor?.next(ENTRIES_PER_READ_MAX)) ?? [];
      if (entries.length === 0) break;
      for (const entry of entries) {
        ready.push(entry);
        room -= entry.data.length;
      }
      this.wake();
    }
    return ready;
  }

  /**
   * Waits until this process has read the configuration that a device had when it sent a payload. Once for all entries:
   * more may come while it waits.
   */
  async #withTopology(entries: StoredEntry[]): Promise<StoredEntry[]> {
    const { signal } = this.#stopping;
    if (entries.some(isPayload)) await orAborted(this.#deps.topologyCaughtUp(), signal);
    return signal.aborted ? [] : entries;
  }

  async #groupWithNext(): Promise<void> {
    const { timing } = this.#deps;
    const leftMs = this.#grouping.leftMs(timing.now());
    if (leftMs > 0) await timing.pause(leftMs, this.#stopping.signal);
  }

  /** Ends the wait for readings, because the topology has changed or the router is to stop. */
  wake(): void {
    this.#cursor?.wake();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cursor?.wake();
    await this.#cursor?.close();
  }

  /** Forgets readings that are stored. */
  forgetStored(storedBeforeSeq: number): void {
    const firstUnstored = this.#unstored.findIndex(({ seq }) => seq >= storedBeforeSeq);
    const kept = firstUnstored < 0 ? [] : this.#unstored.slice(firstUnstored);
    this.#unstored = kept;
    // Those of a commit that is being written have the next number.
    this.#memory.forget((kept[0]?.number ?? this.#commits + 1) - 1);
  }

  /**
   * Truncates this router's commits that no reader of the log needs. The last commit stays, because it holds the
   * committed offset.
   */
  async truncate(storedBeforeSeq: number): Promise<void> {
    await this.#deps.events.truncate(this.#deps.partition, Math.min(storedBeforeSeq, this.#committedSeq));
  }

  async #route(slices: readonly Slice[]): Promise<void> {
    const intake = intakeOf(slices, this.#deps.times);
    const draft = new CommitDraft(this.#deps.partitions, this.#committed.counters);
    const stored = await this.#lookUp(intake.readings);
    const view = this.#deps.topology.at(this.#committed.topologySeq);
    const series = await this.#memory.seriesAround(intake.readings, this.#deps.history, [view]);
    for (const reading of intake.readings) this.#routeReading(reading, stored, series, view, draft);
    for (const beat of intake.heartbeats) routeHeartbeat(beat, view, draft);
    draft.counters.received += intake.readings.length + intake.dead;
    draft.counters.dead += intake.dead;
    await this.#storeLetters(intake.withBadItems);
    this.#grouping.routed(intake.readings.length);
    const { readingsSeq, waiting, clockMs, readingsMark = this.#committed.readingsMark } = this.#queue;
    // Readings that wait arrived in time and must not become late, so the clock waits for them.
    await this.#commit(draft, {
      readingsSeq,
      readingsMark,
      waiting,
      clockMs: Math.max(this.#committed.clockMs, clockMs),
      isMove: false,
    });
  }

  /**
   * Dead letters are stored before the commit that counts them. So a letter may be stored and not counted yet, but
   * never counted and not stored.
   */
  async #storeLetters(withBadItems: Iterable<Message>): Promise<void> {
    const messages = [...withBadItems].filter(({ hasLetters }) => !hasLetters);
    if (messages.length === 0) return;
    await this.#deps.deadLetters.store(messages.flatMap((message) => lettersOf(message, this.#deps.times)));
    for (const message of messages) message.hasLetters = true;
  }

  /** Asks history about the readings that memory cannot decide. @returns the identities of the stored ones */
  async #lookUp(received: readonly Reading[]): Promise<Set<string>> {
    const unknownDpus = new Set<DpuId>();
    for (const { dpuId } of received) if (!this.#memory.knowsNewest(dpuId)) unknownDpus.add(dpuId);
    await this.#newest.learn(unknownDpus, (dpusMax) => this.#queue.nextDpus(dpusMax));
    const unsure = received.filter((reading) => this.#memory.mayBeStored(reading) && !this.#memory.has(reading));
    if (unsure.length === 0) return new Set();
    return new Set((await this.#deps.history.findReadings(unsure)).map(identityOf));
  }

  #routeReading(
    reading: Reading,
    stored: ReadonlySet<string>,
    series: ReadonlyMap<SeriesKey, Series>,
    view: TopologyView,
    draft: CommitDraft,
  ): void {
    const isNew = this.#memory.remember(reading, this.#commits + 1);
    if (!isNew || (stored.size > 0 && stored.has(identityOf(reading)))) {
      draft.counters.duplicate += 1;
    } else {
      draft.counters.fresh += 1;
      const others = series.size > 0 ? seriesOf(reading, series) : undefined;
      if (others) assertInSeries(draft, view, reading, others);
      else draft.assert(view, reading, passedIn(reading.measure));
      // Its spaces do not get the reading, and would wait for the DPU.
      if (isWithinSpans(view.excludedSpans(reading.dpuId), reading.timestampMs)) routeHeartbeat(reading, view, draft);
    }
  }

  /** Runs in the router's own loop, so that no reading is routed in the middle of a change. */
  async #followTopology(): Promise<void> {
    const { topology, partition, partitions, history, pageReadings } = this.#deps;
    const { topologySeq, reattribution: resumed } = this.#committed;
    if (!isFollowed(topology, this.#committed))
      throw new LogWentBack(`TOPOLOGY is not the one that router ${partition} has followed to ${topologySeq}`);
    const toSeq = resumed?.toSeq ?? topology.seq;
    const change = changeBetween(topology, topologySeq, toSeq, partition, partitions);
    for await (const { readings, after } of pagesOf(change, resumed?.after, history, this.#memory, pageReadings)) {
      let draft = this.#draft();
      const series = await this.#memory.seriesAround(readings, history, [change.before, change.after]);
      for (const reading of readings) {
        const was = passedUnder(change.before, reading, series);
        const is = passedUnder(change.after, reading, series);
        if (!isMoved(change, reading, was, is)) continue;
        draft.retract(change.before, reading, was);
        draft.assert(change.after, reading, is);
        if (!draft.isFull) continue;
        await this.#commit(draft, { reattribution: { toSeq, after: placeOf(reading) }, isMove: true });
        draft = this.#draft();
      }
      if (!after) await this.#finishMove(draft, change, toSeq);
      else if (!draft.isEmpty) await this.#commit(draft, { reattribution: { toSeq, after }, isMove: true });
    }
  }

  /**
   * The last commits of a change: the new configurations, and the record that the change is done. A restart before
   * the last one repeats the configurations, which has no effect.
   */
  async #finishMove(events: CommitDraft, { configs, settings }: TopologyChange, toSeq: number): Promise<void> {
    const { partition } = this.#deps;
    let draft = this.#draft();
    if (settings) draft.set(partition, settings);
    for (const config of configs) {
      draft.configure(partition, config);
      if (!draft.isFull) continue;
      await this.#commit(draft, { isMove: true });
      draft = this.#draft();
    }
    // Events must not be repeated, so they go into the commit that ends the change.
    if (!events.isEmpty && !draft.isEmpty) await this.#commit(draft, { isMove: true });
    await this.#commit(events.isEmpty ? draft : events, {
      topologySeq: toSeq,
      topologyDigest: this.#deps.topology.digestAt(toSeq) ?? null,
      reattribution: null,
      isMove: true,
    });
  }

  #draft(): CommitDraft {
    return new CommitDraft(this.#deps.partitions, this.#committed.counters);
  }

  async #commit(draft: CommitDraft, progress: Progress): Promise<void> {
    const { partition, events, newCommitId } = this.#deps;
    const header: CommitHeader = {
      ...this.#committed,
      ...progress,
      commitId: newCommitId(),
      previousSeq: this.#committedSeq,
      previousReadingsSeq: consumedThrough(this.#committed),
      counters: { ...draft.counters },
    };
    if (header.epoch !== this.#deps.epoch.current)
      throw new EpochChanged(
        `router ${partition} is of epoch ${header.epoch}, and the logs are in ${this.#deps.epoch.current}`,
      );
    this.#grouping.committed(this.#deps.timing.now());
    const outcome = await events.commit(header, draft.sections, this.#committedSeq);
    if (outcome.kind === 'superseded')
      throw new Superseded(`router ${partition} was superseded after ${this.#committedSeq}`);
    this.#committed = header;
    this.#committedSeq = outcome.seq;
    this.#unstored.push({ seq: outcome.seq, number: ++this.#commits });
  }
}

function routeHeartbeat({ dpuId, timestampMs }: ReceivedHeartbeat, view: TopologyView, draft: CommitDraft): void {
  const doorwayId = doorwayAt(view.dpu(dpuId)?.placements ?? [], timestampMs);
  const doorway = doorwayId === null ? undefined : view.doorway(doorwayId);
  for (const spaceId of [doorway?.ingressSpaceId ?? null, doorway?.egressSpaceId ?? null]) {
    if (spaceId !== null) draft.heartbeat({ spaceId, dpuId, timestampMs });
  }
}
