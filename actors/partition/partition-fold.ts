// A space partition as a fold over the SPACE_EVENTS log: it reads the header of each commit and the partition's own
// section, in stream order. Its only clock is the log's. Its output, the blocks, is a function of the entries alone,
// so every process that folds the same log cuts the same blocks.
//
// Sequences have holes only where the log was truncated, and a commit names the previous commit of its router. So a
// reader notices that the log was truncated beyond its place, and never folds a log with a hole.
//
// Invariants (numbers of actors/SPEC.md):
// - F1 entries are applied in the order of their sequences, each once, with none missing.
// - F2 block n + 1 follows block n, and each row is in one block.
// - F3 corrections (from history) never change a block.
import { invariant } from '../../src/domain/failure.ts';
import { causesAmong, causesFrom, NO_CHANGES, withChange, type CommitCauses } from '../../src/domain/commit-causes.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { addTo } from '../../src/domain/lists.ts';
import type { CommitHeader, LoggedCommit, LoggedSection } from '../../src/domain/commit.ts';
import { commitOf } from '../../src/domain/commit-codec.ts';
import { followedIn } from '../../src/domain/correction-cause.ts';
import { EpochChanged } from '../../src/domain/log-epoch.ts';
import type { LoggedEvent, StoredEntry } from '../../src/domain/log-entry.ts';
import type { CommitMark } from '../../src/domain/log-mark.ts';
import type { Occupancy } from '../../src/domain/segment.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../src/domain/topology.ts';
import type { SpaceActorEvent } from '../space/space-actor.ts';
import type { PartitionContext, SpaceState } from '../space/space-state.ts';
import { blockOf, NO_MARK, readingsIn, type Block } from './block.ts';
import { assertChained, assertNoHole } from './commit-chain.ts';
import { noteLate, noteResets, type FoldObserver } from './fold-observer.ts';
import type { FoldSnapshot, ReadingTotals } from './fold-snapshot.ts';
import { OpenBlock } from './open-block.ts';
import { PartitionSpaces, type CorrectionDue, type NewestReadingDue } from './partition-spaces.ts';

/** Spaces that time has made due are told when the log's clock passes a multiple of this. */
const SWEEP_INTERVAL_MS = 250;

/** The end of a log. */
type LogPosition = Pick<FoldSnapshot, 'seq' | 'mark' | 'logMs' | 'clocks' | 'commitSeqs' | 'topologySeqs' | 'causes'>;

export class PartitionFold {
  readonly partition: Partition;
  readonly partitions: number;
  /**
   * Partitions cut at different ages, from half the maximum to the maximum, because cutting all at once would delay
   * everything else.
   */
  readonly #partOfAge: number;
  readonly #spaces = new PartitionSpaces(this, (output) => this.#open.take(output, this.#logMs));
  #observer: FoldObserver | undefined;
  readonly #epoch: number;
  #seq: number;
  #mark: CommitMark;
  #logMs: number;
  readonly #clocks: number[];
  readonly #commitSeqs: number[];
  readonly #topologySeqs: (number | null)[];
  #causes: CommitCauses;
  #settings: Settings;
  #totals: ReadingTotals | undefined;
  readonly #open: OpenBlock;
  readonly #unstored: Block[];
  #filledBlock: number;
  #applied = 0;

  /**
   * @param from the state to continue from; missing fields are as at the start of a log
   */
  constructor(partition: Partition, partitions: number, from: Partial<FoldSnapshot> = {}) {
    this.partition = partition;
    this.partitions = partitions;
    this.#partOfAge = 1 - partition / partitions / 2;
    this.#epoch = from.epoch ?? 0;
    this.#seq = from.seq ?? 0;
    this.#mark = from.mark ?? NO_MARK;
    this.#logMs = from.logMs ?? BEGINNING_MS;
    this.#clocks = [...(from.clocks ?? new Array<number>(partitions).fill(BEGINNING_MS))];
    this.#commitSeqs = [...(from.commitSeqs ?? new Array<number>(partitions).fill(0))];
    this.#topologySeqs = [...(from.topologySeqs ?? [])];
    this.#causes = from.causes ?? { ...NO_CHANGES, knownAfterSeq: this.#seq };
    this.#settings = from.settings ?? DEFAULT_SETTINGS;
    this.#totals = 'totals' in from ? from.totals : { folded: 0, cut: 0 };
    this.#open = new OpenBlock(from);
    this.#unstored = [...(from.unstored ?? [])];
    this.#filledBlock = from.filledBlock ?? this.storedBlock;
  }

  snapshot(): FoldSnapshot {
    return {
      epoch: this.#epoch,
      seq: this.#seq,
      mark: this.#mark,
      logMs: this.#logMs,
      clocks: this.#clocks,
      commitSeqs: this.#commitSeqs,
      topologySeqs: this.#topologySeqs,
      causes: this.#causes,
      settings: this.#settings,
      totals: this.#totals,
      ...this.#open.snapshot(),
      unstored: this.#unstored,
      filledBlock: this.#filledBlock,
    };
  }

  get epoch(): number {
    return this.#epoch;
  }

  get seq(): number {
    return this.#seq;
  }

  get mark(): CommitMark {
    return this.#mark;
  }

  get logMs(): number {
    return this.#logMs;
  }

  get clocks(): readonly number[] {
    return this.#clocks;
  }

  get commitSeqs(): readonly number[] {
    return this.#commitSeqs;
  }

  /** How many commits, events and configurations this object has applied, and a restart would have to apply again. */
  get applied(): number {
    return this.#applied;
  }

  get settings(): Settings {
    return this.#settings;
  }

  get totals(): ReadingTotals | undefined {
    return this.#totals;
  }

  get openNumber(): number {
    return this.#open.number;
  }

  get openRows(): readonly LoggedEvent[] {
    return this.#open.rows;
  }

  get openedMs(): number | null {
    return this.#open.openedMs;
  }

  get unstored(): readonly Block[] {
    return this.#unstored;
  }

  /** The number of spaces that have had an event. */
  get spaces(): number {
    return this.#spaces.size;
  }

  spaceIds(): IterableIterator<SpaceId> {
    return this.#spaces.ids();
  }

  /** Spaces with events in their reorder buffers. */
  get buffering(): ReadonlySet<SpaceId> {
    return this.#spaces.buffering;
  }

  /** The number of events in reorder buffers. */
  get buffered(): number {
    return this.#spaces.buffered;
  }

  /** The number of events that came after the watermark had passed them. */
  get lateEvents(): number {
    return this.#spaces.lateEvents;
  }

  /** Spaces with a correction due, or whose newest reading has to be looked up. */
  get correcting(): ReadonlySet<SpaceId> {
    return this.#spaces.correcting;
  }

  /** Sets the observer of changes, replacing the previous one. */
  observe(observer: FoldObserver): void {
    this.#observer = observer;
  }

  /** Removes the observer, unless another one has replaced it. */
  unobserve(observer: FoldObserver): void {
    if (this.#observer === observer) this.#observer = undefined;
  }

  /** Applies the next entry of the log. Blocks that it cuts are appended to `unstored`. @throws LogGap */
  apply(stored: StoredEntry): void {
    invariant(stored.seq > this.#seq, () => `partition ${this.partition}: entry ${stored.seq} after ${this.#seq}`);
    // The chain of a router's commits is not enough, because the missing commits may belong to another router.
    assertNoHole(this.partition, this.#seq, stored.seq);
    const commit = commitOf(stored);
    const { epoch, commitId } = commit.header;
    if (epoch > this.#epoch)
      throw new EpochChanged(
        `partition ${this.partition}: the log is in epoch ${epoch}, and the state is of ${this.#epoch}`,
      );
    this.#mark = { seq: stored.seq, commitId };
    this.#applied += 1;
    if (epoch === this.#epoch) this.#applyCommit(stored, commit);
    // A commit by a router that does not know of this epoch yet. Either the repair has read it, or its readings are
    // routed again.
    else this.#seq = stored.seq;
  }

  #applyCommit(stored: StoredEntry, commit: LoggedCommit): void {
    const { router, clockMs, topologySeq } = commit.header;
    assertChained(this.partition, this.#commitSeqs[router], commit.header);
    const sweepIsDue = Math.floor(stored.timeMs / SWEEP_INTERVAL_MS) > Math.floor(this.#logMs / SWEEP_INTERVAL_MS);
    this.#seq = stored.seq;
    // Timestamps of a stream do not decrease, except after a change of leader to a server with a slower clock.
    this.#logMs = Math.max(this.#logMs, stored.timeMs);
    this.#commitSeqs[router] = stored.seq;
    const section = commit.section(this.partition);
    if (section) this.#applySection(section, commit.header);
    this.#topologySeqs[router] = topologySeq;
    this.#clocks[router] = Math.max(this.#clocks[router] ?? BEGINNING_MS, clockMs);
    if (sweepIsDue) this.#sweep();
    this.#cutIfDue();
  }

  /** Records that a block is in ClickHouse. Blocks are stored in order, so all blocks before it are stored too. */
  blockStored(number: number): void {
    const first = this.#unstored.shift();
    invariant(
      first?.number === number,
      () => `partition ${this.partition}: block ${number} stored, ${first?.number} expected`,
    );
    if (first.rows.length > 0) this.#filledBlock = number;
    // Blocks have their own.
    if (this.#causes.changes.length > 0) this.#causes = causesFrom(this.#causes, this.storedBeforeSeq);
  }

  /** Number of the last block for which it and all blocks before it are stored. */
  get storedBlock(): number {
    return (this.#unstored[0]?.number ?? this.#open.number) - 1;
  }

  /**
   * The last block up to there that has rows. Only such a block may be named to others: the number of one without rows is
   * given again after a rebuild, because history does not know of it.
   */
  get filledBlock(): number {
    return this.#filledBlock;
  }

  /** Readings in the blocks up to `storedBlock`: the number that history should hold. */
  get storedReadings(): number | undefined {
    return this.#totals && this.#unstored.reduce((sum, { readings }) => sum - readings, this.#totals.cut);
  }

  /** Everything in the log before this sequence is stored. */
  get storedBeforeSeq(): number {
    let least = Math.min(this.#seq + 1, this.#open.leastSeq);
    for (const block of this.#unstored) least = Math.min(least, block.leastSeq);
    return Math.min(least, this.#spaces.leastBufferedSeq);
  }

  /** The causes of events that are not stored yet. */
  causesOf(events: readonly LoggedEvent[]): CommitCauses {
    return causesAmong(this.#causes, events);
  }

  state(spaceId: SpaceId): SpaceState | undefined {
    return this.#spaces.state(spaceId);
  }

  /** The watermark of a space now, by the clocks of its routers. */
  watermarkOf(spaceId: SpaceId): number {
    return this.state(spaceId)?.watermarkBy(this) ?? BEGINNING_MS;
  }

  /** The routers whose clocks decide a space's watermark. */
  routersOf(spaceId: SpaceId): Partition[] {
    const routers = this.state(spaceId)?.routers() ?? [];
    return routers.length === 0 ? [this.partition] : routers;
  }

  /** The routers whose clocks have to advance before provisional events become final, or the open block is cut. */
  awaitedRouters(): Set<Partition> {
    const awaited = new Set<Partition>();
    for (const spaceId of this.buffering) {
      // Often the first spaces have all of them.
      if (awaited.size === this.partitions) break;
      for (const router of this.routersOf(spaceId)) awaited.add(router);
    }
    if (this.#open.isWaiting) awaited.add(this.partition);
    return awaited;
  }

  /** Events of a space that are not stored yet, in no particular order. */
  unstoredEvents(spaceId: SpaceId): LoggedEvent[] {
    const found = this.state(spaceId)?.bufferedEvents() ?? [];
    for (const rows of [...this.#unstored.map((block) => block.rows), this.#open.rows]) {
      for (const row of rows) if (row.spaceId === spaceId) found.push(row);
    }
    return found;
  }

  /** Events of all spaces that are not stored yet, in no particular order. */
  allUnstoredEvents(): LoggedEvent[] {
    return [...this.#unstored.flatMap(({ rows }) => rows), ...this.#open.rows, ...this.#spaces.bufferedEvents()];
  }

  /** Corrections whose block is stored, so that history can make them. */
  correctionsDue(): CorrectionDue[] {
    return this.#spaces.correctionsDue(this.storedBlock);
  }

  /** True if a correction or the newest reading of a space is due. */
  get hasLookups(): boolean {
    return this.#spaces.hasLookups(this.storedBlock);
  }

  /** Newest readings that history knows, because their block is stored. */
  newestReadingsDue(): NewestReadingDue[] {
    return this.#spaces.newestReadingsDue(this.storedBlock);
  }

  /**
   * @param storedMs the newest instant at which a stored reading stands; BEGINNING_MS if there is none
   */
  newestReadingRead({ spaceId, block }: NewestReadingDue, storedMs: number): void {
    if (this.state(spaceId)) this.#tell(spaceId, { type: 'newestReadingRead', block, storedMs });
  }

  correct(due: CorrectionDue, occupancy: Occupancy): void {
    if (!this.state(due.spaceId)) return;
    this.#tell(due.spaceId, { type: 'historyRead', block: due.block, base: due.base, occupancy });
  }

  /** Adds a space with a known state. */
  addSpace(state: SpaceState): void {
    this.#spaces.add(state);
  }

  /** Continues at the end of a log, with all earlier events that are not stored. */
  resume({ seq, mark, logMs, clocks, commitSeqs, topologySeqs, causes }: LogPosition, missing: LoggedSection): void {
    invariant(
      this.#seq === 0 && this.correcting.size === 0,
      () => `partition ${this.partition}: cannot resume, it is at ${this.#seq} of the log already`,
    );
    this.#causes = causes;
    // Applied before the clocks are set, because the events that the clocks make final have to be in event order.
    this.#applySection(missing);
    this.#seq = seq;
    this.#mark = mark;
    this.#logMs = logMs;
    clocks.forEach((clockMs, router) => (this.#clocks[router] = clockMs));
    commitSeqs.forEach((at, router) => (this.#commitSeqs[router] = at));
    topologySeqs.forEach((at, router) => (this.#topologySeqs[router] = at));
    const context = this.#context();
    for (const spaceId of this.spaceIds()) this.#tell(spaceId, { type: 'timeElapsed', context });
  }

  /** @param header of the commit; omitted for what history lacked */
  #applySection(section: LoggedSection, header?: CommitHeader): void {
    const followed = header && followedIn(header, this.#topologySeqs[header.router] ?? undefined);
    if (header?.isMove && section.events.length > 0) this.#causes = withChange(this.#causes, this.#seq, followed);
    if (section.settings) this.#change(section.settings);
    this.#applied += section.events.length + section.configs.length;
    const context = this.#context();
    for (const config of section.configs) {
      const state = this.state(config.spaceId);
      if (state && this.#observer?.watches(config.spaceId))
        noteResets(this.#observer, state, config, this.watermarkOf(config.spaceId), followed);
      this.#tell(config.spaceId, { type: 'configured', config, context });
    }
    if (this.#totals) this.#totals = { ...this.#totals, folded: this.#totals.folded + readingsIn(section.events) };
    const bySpace = new Map<SpaceId, LoggedEvent[]>();
    for (const event of section.events) addTo(bySpace, event.spaceId, event);
    for (const [spaceId, events] of bySpace) {
      const observer = this.#observer?.watches(spaceId) ? this.#observer : undefined;
      const lateBefore = observer ? (this.state(spaceId)?.lateEvents ?? 0) : 0;
      this.#tell(spaceId, { type: 'readingsObserved', events, context });
      const state = this.state(spaceId);
      if (observer && state && state.lateEvents > lateBefore)
        noteLate(observer, state, events, header?.isMove ? { cause: 'move', followed } : { cause: 'late' });
    }
    for (const { spaceId, dpuId, timestampMs } of section.heartbeats)
      this.#tell(spaceId, { type: 'heartbeatObserved', dpuId, timestampMs, context });
  }

  /** Watermarks that were reached with the old settings are kept (W1). */
  #change(settings: Settings): void {
    const context = this.#context();
    for (const spaceId of this.spaceIds()) this.#tell(spaceId, { type: 'timeElapsed', context });
    this.#settings = settings;
    this.#spaces.settingsChanged();
  }

  #tell(spaceId: SpaceId, event: SpaceActorEvent): void {
    this.#spaces.tell(spaceId, event);
    this.#touch(spaceId);
  }

  /** Tells the spaces that have become due. The result is the same as if all spaces were told. */
  #sweep(): void {
    const context = this.#context();
    for (const spaceId of this.#spaces.takeDue()) this.#tell(spaceId, { type: 'timeElapsed', context });
    for (const spaceId of this.#spaces.takeAhead()) this.#touch(spaceId);
  }

  #touch(spaceId: SpaceId): void {
    if (this.#observer?.watches(spaceId)) this.#observer.touched(spaceId);
  }

  #cutIfDue(): void {
    if (!this.#open.isDue(this.#logMs, this.#settings, this.#partOfAge)) return;
    const { number, rows } = this.#open.cut(this.#logMs, this.#settings);
    const completeSeq = Math.min(this.#seq, this.#spaces.leastBufferedSeq - 1);
    const mark = { ...this.#mark, cutMs: this.#logMs, completeSeq, causes: this.causesOf(rows) };
    const block = blockOf(this.#epoch, this.partition, number, rows, mark);
    this.#unstored.push(block);
    if (this.#totals) this.#totals = { ...this.#totals, cut: this.#totals.cut + block.readings };
    for (const spaceId of this.correcting) this.#tell(spaceId, { type: 'blockCut', block: number });
  }

  #context(): PartitionContext {
    return {
      partition: this.partition,
      partitions: this.partitions,
      settings: this.#settings,
      clocks: this.#clocks,
      openBlock: this.#open.number,
    };
  }
}
