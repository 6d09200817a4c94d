// A space partition as a fold over the SPACE_EVENTS log: of each commit, its header and the partition's own
// section, in the order of the stream. Its only clock is the log's. What goes out of it, blocks, is a function of
// the entries alone; so any process that folds the same log cuts the same blocks.
//
// Sequences have no holes but where the log was truncated, and a commit names the one that its router made before
// it. So a reader whose place in the log was truncated notices, and never folds a log with a hole in it.
//
// Invariants (numbers of actors/SPEC.md):
//  - F1 entries are applied in the order of their sequence, each once, and none is missing.
//  - F2 block n + 1 follows block n; a row is in one block.
//  - F3 corrections (from history) never change a block.
import { invariant } from '../../src/domain/failure.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { addTo } from '../../src/domain/lists.ts';
import type { LoggedCommit, LoggedSection, SpaceConfig } from '../../src/domain/commit.ts';
import { commitOf } from '../../src/domain/commit-codec.ts';
import { EpochChanged } from '../../src/domain/log-epoch.ts';
import type { LoggedEvent, StoredEntry } from '../../src/domain/log-entry.ts';
import type { CommitMark } from '../../src/domain/log-mark.ts';
import { differingResets, type ResetPoint } from '../../src/domain/reset-schedule.ts';
import type { Occupancy } from '../../src/domain/segment.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../src/domain/topology.ts';
import { startSpaceActor, stateOf, tell, type SpaceActor } from '../space/space-actor.ts';
import type { PartitionContext, SpaceState } from '../space/space-state.ts';
import { blockOf, leastSeq, NO_MARK, readingsIn, type Block } from './block.ts';
import { assertChained, assertNoHole } from './commit-chain.ts';
import type { FoldObserver } from './fold-observer.ts';

/** Watermarks of quiet spaces are moved on when the log's clock passes a multiple of this. */
const SWEEP_INTERVAL_MS = 250;

/** A space whose floor has to be read from the stored rows of all blocks up to `block`. */
export interface CorrectionDue {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly base: ResetPoint;
}

/** Readings asserted to a partition, less those retracted, since its log began. */
export interface ReadingTotals {
  readonly folded: number;
  /** Of these, in blocks that are cut. */
  readonly cut: number;
}

export class PartitionFold {
  readonly partition: Partition;
  readonly partitions: number;
  readonly actors = new Map<SpaceId, SpaceActor>();
  /** Cut, and not yet known to be stored. Ascending. */
  readonly unstored: Block[] = [];
  readonly clocks: number[];
  settings: Settings = DEFAULT_SETTINGS;
  /** Hears of what changes, while somebody listens. */
  observer: FoldObserver | undefined;
  /** Of the logs it follows: commits of another count for nothing here. */
  epoch = 0;
  /** Sequence of the last commit applied: everything up to here is in the state, and nothing after it. */
  seq = 0;
  /** The commit at `seq`, as far as it is known. */
  mark: CommitMark = NO_MARK;
  /** By router: sequence of its last commit. */
  readonly commitSeqs: number[];
  /** Undefined where the checkpoint it was restored from did not know. */
  totals: ReadingTotals | undefined = { folded: 0, cut: 0 };
  openNumber = 1;
  openRows: LoggedEvent[] = [];
  openedMs: number | null = null;
  /** When the open block got its first late row: the correction that this asks for waits until it is stored. */
  lateMs: number | null = null;
  cutRequested = false;
  logMs = BEGINNING_MS;
  /** Spaces with a correction, and spaces with events in their buffer: those that time concerns. */
  readonly correcting = new Set<SpaceId>();
  readonly buffering = new Set<SpaceId>();

  readonly #emit = (event: LoggedEvent): void => {
    this.openRows.push(event);
  };
  readonly #emitLate = (event: LoggedEvent): void => {
    this.openRows.push(event);
    this.lateMs ??= this.logMs;
  };
  readonly #requestCut = (): void => {
    this.cutRequested = true;
  };

  /** Partitions cut at different ages, between half the most and the most: all at once would hold up everything else. */
  readonly #partOfAge: number;

  constructor(partition: Partition, partitions: number) {
    this.partition = partition;
    this.partitions = partitions;
    this.#partOfAge = 1 - partition / partitions / 2;
    this.clocks = new Array<number>(partitions).fill(BEGINNING_MS);
    this.commitSeqs = new Array<number>(partitions).fill(0);
  }

  /** Takes the next entry of the log. Blocks it cuts are appended to `unstored`. @throws LogGap */
  apply(stored: StoredEntry): void {
    invariant(stored.seq > this.seq, () => `partition ${this.partition}: entry ${stored.seq} after ${this.seq}`);
    // The chain of a router's commits is not enough: what is missing may be another router's.
    assertNoHole(this.partition, this.seq, stored.seq);
    const commit = commitOf(stored);
    const { epoch, commitId } = commit.header;
    if (epoch > this.epoch)
      throw new EpochChanged(
        `partition ${this.partition}: the log is in epoch ${epoch}, and the state is of ${this.epoch}`,
      );
    this.mark = { seq: stored.seq, commitId };
    if (epoch === this.epoch) this.#applyCommit(stored, commit);
    // Its router does not know of this epoch yet. The repair has read what it asserts, or its readings are routed again.
    else this.seq = stored.seq;
  }

  #applyCommit(stored: StoredEntry, commit: LoggedCommit): void {
    const { router, isMove, clockMs } = commit.header;
    assertChained(this.partition, this.commitSeqs[router], commit.header);
    const sweepIsDue = Math.floor(stored.timeMs / SWEEP_INTERVAL_MS) > Math.floor(this.logMs / SWEEP_INTERVAL_MS);
    this.seq = stored.seq;
    // Stamps of one stream do not go back, except by a change of leader with a slower clock.
    this.logMs = Math.max(this.logMs, stored.timeMs);
    this.commitSeqs[router] = stored.seq;
    const section = commit.section(this.partition);
    if (section) this.#applySection(section, isMove);
    this.clocks[router] = Math.max(this.clocks[router] ?? BEGINNING_MS, clockMs);
    if (sweepIsDue) this.#sweep();
    this.#cutIfDue();
  }

  /** A block, and by order of storing all before it, is in ClickHouse. */
  blockStored(number: number): void {
    const first = this.unstored.shift();
    invariant(
      first?.number === number,
      () => `partition ${this.partition}: block ${number} stored, ${first?.number} expected`,
    );
  }

  /** Number of the last block that is stored with all before it. */
  get storedBlock(): number {
    return (this.unstored[0]?.number ?? this.openNumber) - 1;
  }

  /** Readings in blocks up to `storedBlock`: what history has, if nobody else has changed it. */
  get storedReadings(): number | undefined {
    return this.totals && this.unstored.reduce((sum, { readings }) => sum - readings, this.totals.cut);
  }

  /** Everything in the log before this sequence is stored. */
  get storedBeforeSeq(): number {
    let least = Math.min(this.seq + 1, leastSeq(this.openRows));
    for (const block of this.unstored) least = Math.min(least, block.leastSeq);
    for (const spaceId of this.buffering) least = Math.min(least, this.state(spaceId)?.buffer.leastSeq() ?? Infinity);
    return least;
  }

  state(spaceId: SpaceId): SpaceState | undefined {
    const actor = this.actors.get(spaceId);
    return actor && stateOf(actor);
  }

  watermarkOf(state: SpaceState): number {
    return state.watermarkBy(this);
  }

  /** The routers whose clocks decide a space's watermark. */
  routersOf(spaceId: SpaceId): Partition[] {
    const inputs = this.state(spaceId)?.inputs ?? [];
    return inputs.length === 0 ? [this.partition] : [...new Set(inputs.map(({ router }) => router))];
  }

  /** The routers whose clocks have to move on before what is provisional, or in the open block, can go further. */
  awaitedRouters(): Set<Partition> {
    const awaited = new Set<Partition>();
    for (const spaceId of this.buffering) for (const router of this.routersOf(spaceId)) awaited.add(router);
    if (this.openRows.length > 0 || this.cutRequested) awaited.add(this.partition);
    return awaited;
  }

  /** A space's events that history does not hold yet, in no particular order. */
  unstoredEvents(spaceId: SpaceId): LoggedEvent[] {
    const found = this.state(spaceId)?.buffer.items() ?? [];
    for (const rows of [...this.unstored.map((block) => block.rows), this.openRows]) {
      for (const row of rows) if (row.spaceId === spaceId) found.push(row);
    }
    return found;
  }

  /** The events of all spaces that history does not hold yet, in no particular order. */
  allUnstoredEvents(): LoggedEvent[] {
    const buffered = [...this.buffering].flatMap((spaceId) => this.state(spaceId)?.buffer.items() ?? []);
    return [...this.unstored.flatMap(({ rows }) => rows), ...this.openRows, ...buffered];
  }

  /** Corrections whose block is stored, so that history can answer them. */
  correctionsDue(): CorrectionDue[] {
    const due: CorrectionDue[] = [];
    for (const spaceId of this.correcting) {
      const state = this.state(spaceId);
      if (state?.correction && state.correction.block <= this.storedBlock) {
        due.push({ spaceId, block: state.correction.block, base: state.base });
      }
    }
    return due;
  }

  correct(due: CorrectionDue, occupancy: Occupancy): void {
    const actor = this.actors.get(due.spaceId);
    if (!actor) return;
    tell(actor, { type: 'historyRead', block: due.block, base: due.base, occupancy });
    this.#noteConcerns(due.spaceId, stateOf(actor));
    if (this.observer?.watches(due.spaceId)) this.observer.touched(due.spaceId);
  }

  /** Puts back an actor from a checkpoint. */
  restore(state: SpaceState): void {
    this.actors.set(state.spaceId, startSpaceActor(state.spaceId, state));
    this.#noteConcerns(state.spaceId, state);
  }

  /** Takes up the log at its end, with what history does not hold of all that was before. */
  resume(
    { seq, mark, logMs, clocks, commitSeqs }: Pick<PartitionFold, 'seq' | 'mark' | 'logMs' | 'clocks' | 'commitSeqs'>,
    missing: LoggedSection,
  ): void {
    invariant(
      this.seq === 0 && this.correcting.size === 0,
      () => `partition ${this.partition}: its log is taken up at ${this.seq}`,
    );
    // Before the clocks are known: what they will make final is first in event order.
    this.#applySection(missing, false);
    this.seq = seq;
    this.mark = mark;
    this.logMs = logMs;
    clocks.forEach((clockMs, router) => (this.clocks[router] = clockMs));
    commitSeqs.forEach((at, router) => (this.commitSeqs[router] = at));
    const context = this.#context();
    for (const spaceId of this.actors.keys())
      this.#tell(spaceId, (actor) => tell(actor, { type: 'timeElapsed', context }));
  }

  #applySection(section: LoggedSection, isMove: boolean): void {
    if (section.settings) this.#change(section.settings);
    const context = this.#context();
    for (const config of section.configs) {
      if (this.observer?.watches(config.spaceId)) this.#noteResets(this.observer, config);
      this.#tell(config.spaceId, (actor) => tell(actor, { type: 'configured', config, context }));
    }
    if (this.totals) this.totals = { ...this.totals, folded: this.totals.folded + readingsIn(section.events) };
    const bySpace = new Map<SpaceId, LoggedEvent[]>();
    for (const event of section.events) addTo(bySpace, event.spaceId, event);
    for (const [spaceId, events] of bySpace) {
      const lateBefore = this.observer?.watches(spaceId) ? (this.state(spaceId)?.lateEvents ?? 0) : undefined;
      this.#tell(spaceId, (actor) => tell(actor, { type: 'readingsObserved', events, context }));
      if (lateBefore !== undefined) this.#noteLate(spaceId, events, lateBefore, isMove);
    }
    for (const { spaceId, dpuId, timestampMs } of section.heartbeats) {
      this.#tell(spaceId, (actor) => tell(actor, { type: 'heartbeatObserved', dpuId, timestampMs, context }));
    }
  }

  /** Watermarks that were reached under the old settings stay (W1). */
  #change(settings: Settings): void {
    const context = this.#context();
    for (const spaceId of this.actors.keys())
      this.#tell(spaceId, (actor) => tell(actor, { type: 'timeElapsed', context }));
    this.settings = settings;
  }

  #tell(spaceId: SpaceId, send: (actor: SpaceActor) => void): void {
    let actor = this.actors.get(spaceId);
    if (!actor) {
      actor = startSpaceActor(spaceId);
      this.actors.set(spaceId, actor);
    }
    send(actor);
    this.#noteConcerns(spaceId, stateOf(actor));
    if (this.observer?.watches(spaceId)) this.observer.touched(spaceId);
  }

  #noteLate(spaceId: SpaceId, events: readonly LoggedEvent[], lateBefore: number, isMove: boolean): void {
    const state = this.state(spaceId);
    if (!state || state.lateEvents === lateBefore) return;
    let [firstMs, lastMs] = [Infinity, -Infinity];
    for (const { timestampMs } of events) {
      if (timestampMs > state.watermarkMs) continue;
      firstMs = Math.min(firstMs, timestampMs);
      lastMs = Math.max(lastMs, timestampMs);
    }
    this.observer?.historyChanged(spaceId, firstMs, lastMs, isMove ? 'move' : 'late');
  }

  #noteResets(observer: FoldObserver, config: SpaceConfig): void {
    const state = this.state(config.spaceId);
    if (!state) return;
    const after = { manual: config.resets, dailyReset: config.dailyReset, timeZone: config.timeZone };
    const changed = differingResets(state.schedule, after, state.watermarkMs);
    if (changed) observer.historyChanged(config.spaceId, changed.firstMs, changed.lastMs, 'reset');
  }

  #noteConcerns(spaceId: SpaceId, state: SpaceState): void {
    if (state.correction) this.correcting.add(spaceId);
    else this.correcting.delete(spaceId);
    if (state.buffer.size > 0) this.buffering.add(spaceId);
    else this.buffering.delete(spaceId);
  }

  #sweep(): void {
    const context = this.#context();
    // In an order that a restored fold has, too.
    for (const spaceId of [...this.buffering].sort((a, b) => a - b)) {
      this.#tell(spaceId, (actor) => tell(actor, { type: 'timeElapsed', context }));
    }
  }

  #cutIfDue(): void {
    if (this.openRows.length === 0 && !this.cutRequested) return;
    this.openedMs ??= this.logMs;
    const isFull = this.openRows.length >= this.settings.blockRowsMax;
    const isOld =
      this.logMs - this.openedMs >= this.settings.blockAgeMaxMs * this.#partOfAge ||
      (this.lateMs !== null && this.logMs - this.lateMs >= this.settings.lateBlockAgeMaxMs);
    if (!isFull && !isOld && !this.cutRequested) return;
    const number = this.openNumber;
    const block = blockOf(this.epoch, this.partition, number, this.openRows, this.mark);
    this.unstored.push(block);
    if (this.totals) this.totals = { ...this.totals, cut: this.totals.cut + block.readings };
    this.openNumber += 1;
    this.openRows = [];
    this.openedMs = null;
    this.lateMs = null;
    this.cutRequested = false;
    for (const spaceId of this.correcting) {
      this.#tell(spaceId, (actor) => tell(actor, { type: 'blockCut', block: number }));
    }
  }

  #context(): PartitionContext {
    return {
      partition: this.partition,
      partitions: this.partitions,
      settings: this.settings,
      clocks: this.clocks,
      openBlock: this.openNumber,
      emit: this.#emit,
      emitLate: this.#emitLate,
      requestCut: this.#requestCut,
    };
  }
}
