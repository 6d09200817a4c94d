// Router k: READINGS, partition k, to SPACE_EVENTS. Reads in order from its last committed position,
// drops duplicates, says where each reading counts, and commits all of that and its new position as
// one atomic batch, expecting that its last position is still the last. A router that was superseded
// is refused there, and a crash repeats nothing. Where one DPU has sent very much, it is set aside, and
// routed in slices between the readings of the others (backlogs.ts).
import type { DpuId, Partition } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { consumedThrough, type PositionEntry, type RouterCounters, type SpaceConfig, type StoredEntry } from '../domain/log-entry.ts';
import { doorwayAt } from '../domain/placement.ts';
import { identityOf } from '../domain/reading.ts';
import type { Settings } from '../domain/topology.ts';
import type { TopologyHistory, TopologyView } from '../domain/topology-history.ts';
import type { DeadLetters, History, LogCursor, PartitionPayload, ReadingsLog, SpaceEventsLog } from '../ports.ts';
import type { Timing } from '../runtime/timing.ts';
import { Backlogs } from './backlogs.ts';
import { CommitDraft } from './commit-draft.ts';
import { takeIn, type ReceivedHeartbeat, type ReceivedReading } from './intake.ts';
import { ReadingMemory } from './reading-memory.ts';
import { isMoved, pagesOf } from './reattribution.ts';
import { changeBetween } from './topology-change.ts';

const ENTRIES_PER_COMMIT_MAX = 2_000;
/** Backlogs get a fifth of a router's time, so that they cost the others a fifth at most. */
const PAUSE_PER_WORK = 4;
const PAUSE_MAX_MS = 100;
const NO_READINGS: RouterCounters = { received: 0, fresh: 0, held: 0, duplicate: 0, dead: 0 };

export interface RouterDeps {
  readonly partition: Partition;
  readonly partitions: number;
  readonly readings: ReadingsLog;
  readonly events: SpaceEventsLog;
  readonly history: History;
  readonly deadLetters: DeadLetters;
  readonly topology: TopologyHistory;
  /** Resolves when `topology` has come to a sequence. */
  readonly topologyReached: (seq: number) => Promise<void>;
  /** How far ahead of its arrival a reading's timestamp may be. */
  readonly skewMs: number;
  /** How many readings one commit of a re-attribution looks at. */
  readonly pageReadings: number;
  /** How much a DPU may have routed at once while others wait. */
  readonly fairBytes: number;
  readonly timing: Timing;
  /** Names a commit attempt; never the same twice, in any process. */
  readonly newCommitId: () => string;
  /** Everything in SPACE_EVENTS before this is in ClickHouse, in all partitions. */
  readonly storedBeforeSeq: () => Promise<number>;
}

/** Somebody else routes this partition. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
}

/** A committed position and the place in the log it was written at. */
interface Committed {
  readonly seq: number;
  readonly previousReadingsSeq: number;
}

export class Router {
  readonly #deps: RouterDeps;
  readonly #memory = new ReadingMemory();
  #cursor: LogCursor | undefined;
  #position: PositionEntry;
  #positionSeq = 0;
  /** Read while restoring, and not routed yet. */
  #readAhead: StoredEntry[] = [];
  readonly #backlogs: Backlogs;
  #isSliceDue = true;
  #committed: Committed[] = [];
  readonly #stopping = new AbortController();

  constructor(deps: RouterDeps) {
    this.#deps = deps;
    this.#backlogs = new Backlogs(deps.fairBytes);
    this.#position = {
      kind: 'position', router: deps.partition, commitId: '', previousSeq: 0, payloads: {}, readingsSeq: 0, previousReadingsSeq: 0,
      backlogs: [], isMove: false, topologySeq: 0, reattribution: null, previousFormSeq: 0, clockMs: BEGINNING_MS, counters: NO_READINGS,
    };
  }

  get position(): PositionEntry {
    return this.#position;
  }

  get remembered(): number {
    return this.#memory.size;
  }

  /** Entries that wait to be routed. */
  get behind(): number {
    return this.#readAhead.length + this.#backlogs.entries + (this.#cursor?.behind ?? 0);
  }

  /** Finds the last position, and remembers again every reading that history may not hold yet. */
  async restore(): Promise<void> {
    const { events, readings, partition } = this.#deps;
    const last = await events.lastPosition(partition);
    this.#positionSeq = last.seq;
    if (last.position) this.#position = last.position;
    // Another process may have followed the topology further than this one has heard.
    const { topologySeq, reattribution } = this.#position;
    await Promise.race([this.#deps.topologyReached(Math.max(topologySeq, reattribution?.toSeq ?? 0)), this.#stopped()]);
    if (this.#stopping.signal.aborted) return;
    const { readingsSeq } = this.#position;
    const unstored = await events.positionFrom(partition, await this.#deps.storedBeforeSeq());
    const consumed = consumedThrough(this.#position);
    const fromSeq = Math.min(unstored?.previousReadingsSeq ?? consumed, consumed);
    let firstNamedSeq = Infinity;
    const backlogs = new Map(this.#position.backlogs);
    // Stands for all commits up to here.
    this.#committed = [{ seq: this.#positionSeq, previousReadingsSeq: fromSeq }];
    this.#cursor = await readings.open(partition, fromSeq);
    for (let seq = fromSeq; seq < readingsSeq && !this.#stopping.signal.aborted;) {
      const entries = await this.#cursor.next(ENTRIES_PER_COMMIT_MAX);
      const past = entries.filter((entry) => entry.seq <= readingsSeq);
      const known = past.filter((entry) => entry.seq < (backlogs.get(entry.subject) ?? Infinity));
      for (const { reading, seq: at } of takeIn(known, this.#deps.skewMs).readings) {
        this.#memory.remember(reading, at);
        if (reading.name !== undefined) firstNamedSeq = Math.min(firstNamedSeq, at);
      }
      for (const entry of past) if (entry.seq >= (backlogs.get(entry.subject) ?? Infinity)) this.#backlogs.put(entry);
      this.#readAhead.push(...entries.slice(past.length));
      seq = entries.at(-1)?.seq ?? seq;
    }
    if (firstNamedSeq > this.#position.previousFormSeq) this.#forgetPreviousForm(Infinity);
  }

  /** Waits for something to do, and does it. @throws Superseded, or what a port throws: then begin anew */
  async step(): Promise<void> {
    if (this.#isTopologyDue) await this.#followTopology();
    const entries = await this.#read();
    if (this.#isTopologyDue) await this.#followTopology();
    const now = this.#backlogs.admit(entries);
    const slice = this.#isSliceDue ? this.#backlogs.take() : [];
    if (entries.length === 0 && slice.length === 0) return;
    const startedAt = this.#deps.timing.now();
    await this.#route([...slice, ...now], entries.at(-1));
    if (slice.length > 0) this.#pauseSlices((this.#deps.timing.now() - startedAt) * PAUSE_PER_WORK);
  }

  /**
   * Named readings that the previous version routed have other ids in the log than memory gives them, or were dropped
   * by their `id`. ClickHouse knows; so after an upgrade a change waits until it holds them, unless it is half made.
   */
  get #isTopologyDue(): boolean {
    const { topologySeq, previousFormSeq, reattribution } = this.#position;
    return this.#deps.topology.seq > topologySeq && (previousFormSeq === 0 || reattribution !== null);
  }

  #forgetPreviousForm(throughSeq: number): void {
    if (this.#position.previousFormSeq <= throughSeq) this.#position = { ...this.#position, previousFormSeq: 0 };
  }

  async #read(): Promise<StoredEntry[]> {
    if (this.#readAhead.length > 0) return this.#readAhead.splice(0);
    if (this.#backlogs.isFull) {
      this.#isSliceDue = true;
      return [];
    }
    // Not to wait for others.
    if (this.#isSliceDue && !this.#backlogs.isEmpty) this.wake();
    return await this.#cursor?.next(ENTRIES_PER_COMMIT_MAX) ?? [];
  }

  #pauseSlices(ms: number): void {
    this.#isSliceDue = false;
    void this.#deps.timing.pause(Math.min(ms, PAUSE_MAX_MS), this.#stopping.signal).then(() => {
      this.#isSliceDue = true;
      if (!this.#backlogs.isEmpty) this.wake();
    });
  }

  async #stopped(): Promise<void> {
    const { signal } = this.#stopping;
    // A signal that is aborted already tells nobody who comes later.
    if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  /** The topology has changed, or the router is to stop: do not wait for readings. */
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
    // The first commit that is not wholly stored came after the position it names.
    const firstUnstored = this.#committed.findIndex(({ seq }) => seq >= storedBeforeSeq);
    const kept = firstUnstored < 0 ? [] : this.#committed.slice(firstUnstored);
    this.#committed = kept;
    const throughSeq = kept[0]?.previousReadingsSeq ?? this.#position.readingsSeq;
    this.#memory.forget(throughSeq);
    this.#forgetPreviousForm(throughSeq);
  }

  async purgePositions(storedBeforeSeq: number): Promise<void> {
    await this.#deps.events.purgePositions(this.#deps.partition, Math.min(storedBeforeSeq, this.#positionSeq));
  }

  /** @param last of the log up to which all is consumed then, or set aside */
  async #route(entries: readonly StoredEntry[], last: StoredEntry | undefined): Promise<void> {
    const intake = takeIn(entries, this.#deps.skewMs);
    const draft = new CommitDraft(this.#deps.partitions, this.#position.counters);
    const stored = await this.#lookUp(intake.readings);
    const view = this.#deps.topology.at(this.#position.topologySeq);
    for (const received of intake.readings) this.#routeReading(received, stored, view, draft);
    for (const beat of intake.heartbeats) routeHeartbeat(beat, view, draft);
    draft.counters.received += intake.readings.length + intake.deadLetters.length;
    draft.counters.dead += intake.deadLetters.length;
    if (intake.deadLetters.length > 0) await this.#deps.deadLetters.store(intake.deadLetters);
    const { readingsSeq, clockMs } = this.#position;
    await this.#commit(draft, {
      readingsSeq: last?.seq ?? readingsSeq,
      // Readings that are set aside arrived in time, and must not find the watermark past them.
      clockMs: Math.max(clockMs, Math.min(last?.timeMs ?? clockMs, this.#backlogs.firstMs)),
      backlogs: this.#backlogs.firsts, isMove: false,
    });
  }

  /** Asks history about the readings that memory cannot decide. @returns the identities of those that are stored */
  async #lookUp(received: readonly ReceivedReading[]): Promise<Set<string>> {
    const strangers = new Set<DpuId>();
    for (const { reading } of received) if (!this.#memory.knowsNewest(reading.dpuId)) strangers.add(reading.dpuId);
    if (strangers.size > 0) {
      const newest = await this.#deps.history.newestReadings([...strangers]);
      for (const dpuId of strangers) this.#memory.learnNewest(dpuId, newest.get(dpuId));
    }
    const unsure = received.map(({ reading }) => reading).filter((reading) => !this.#memory.has(reading) && this.#memory.mayBeStored(reading));
    if (unsure.length === 0) return new Set();
    return new Set((await this.#deps.history.findReadings(unsure)).map(identityOf));
  }

  #routeReading({ reading, seq }: ReceivedReading, stored: ReadonlySet<string>, view: TopologyView, draft: CommitDraft): void {
    if (this.#memory.has(reading) || (stored.size > 0 && stored.has(identityOf(reading)))) {
      draft.counters.duplicate += 1;
    } else {
      draft.counters.fresh += 1;
      draft.say(view, reading, 1);
    }
    this.#memory.remember(reading, seq);
  }

  /** From inside the router's own loop, so that no reading slips between the old and the new. */
  async #followTopology(): Promise<void> {
    const { topology, partition, partitions, history, pageReadings } = this.#deps;
    const resumed = this.#position.reattribution;
    const toSeq = resumed?.toSeq ?? topology.seq;
    const change = changeBetween(topology, this.#position.topologySeq, toSeq, partition, partitions);
    for await (const { readings, after } of pagesOf(change, resumed?.after, history, this.#memory, pageReadings)) {
      const draft = new CommitDraft(partitions, this.#position.counters);
      for (const reading of readings) {
        if (!isMoved(change.before, change.after, reading)) continue;
        draft.say(change.before, reading, -1);
        draft.say(change.after, reading, 1);
      }
      if (after && draft.events > 0) await this.#commit(draft, { reattribution: { toSeq, after }, isMove: true });
      if (!after) await this.#commit(draft, { topologySeq: toSeq, reattribution: null, isMove: true }, change.configs, change.settings);
    }
  }

  async #commit(
    draft: CommitDraft,
    progress: Partial<Pick<PositionEntry, 'readingsSeq' | 'clockMs' | 'backlogs' | 'topologySeq' | 'reattribution'>> & { isMove: boolean },
    configs: readonly SpaceConfig[] = [],
    settings?: Settings,
  ): Promise<void> {
    const { partition, events, newCommitId } = this.#deps;
    const payloads = draft.payloads(partition, configs, settings);
    const position: PositionEntry = {
      ...this.#position, ...progress,
      commitId: newCommitId(),
      previousSeq: this.#positionSeq,
      payloads: countByPartition(payloads),
      previousReadingsSeq: consumedThrough(this.#position),
      counters: { ...draft.counters },
    };
    const outcome = await events.commit(position, payloads, this.#positionSeq);
    if (outcome.kind === 'superseded') throw new Superseded(`router ${partition} was superseded after ${this.#positionSeq}`);
    this.#position = position;
    this.#positionSeq = outcome.seq;
    this.#committed.push({ seq: outcome.seq, previousReadingsSeq: position.previousReadingsSeq });
  }
}

function countByPartition(payloads: readonly PartitionPayload[]): PositionEntry['payloads'] {
  const counts: Partial<Record<Partition, number>> = {};
  for (const { partition } of payloads) counts[partition] = (counts[partition] ?? 0) + 1;
  return counts;
}

function routeHeartbeat({ dpuId, timestampMs }: ReceivedHeartbeat, view: TopologyView, draft: CommitDraft): void {
  const doorwayId = doorwayAt(view.dpu(dpuId)?.placements ?? [], timestampMs);
  const doorway = doorwayId === null ? undefined : view.doorway(doorwayId);
  for (const spaceId of [doorway?.ingressSpaceId ?? null, doorway?.egressSpaceId ?? null]) {
    if (spaceId !== null) draft.heartbeat({ spaceId, dpuId, timestampMs });
  }
}
