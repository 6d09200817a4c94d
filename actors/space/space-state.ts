// The state of one space, and every way in which it changes. It is mutable and owned by one actor: at 100,000 events
// a second, most of the work would be copying. It is deterministic: its inputs are log entries, and corrections,
// which never change the content of blocks.
//
// Invariants (numbers of actors/SPEC.md):
// - W1 the watermark never goes back.
// - B1 an event leaves the buffer once, in event order, when the watermark passes it.
// - O1 occupancy.net is the reset's count plus all deltas up to the watermark, except while a correction for a reset
//   in the past is due; occupancy.lowestNet is the lowest net since the reset, or a lower bound while a correction is
//   due.
import { invariant } from '../../src/domain/failure.ts';
import type { DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import type { SpaceConfig } from '../../src/domain/commit.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import {
  isSameReset,
  NEVER_RESET,
  nextResetAfter,
  resetInForce,
  type ResetPoint,
  type ResetSchedule,
} from '../../src/domain/reset-schedule.ts';
import { deltaOf } from '../../src/domain/space-event.ts';
import { occupancyAfterReset, type Occupancy } from '../../src/domain/segment.ts';
import { NewestReading, type NewestReadingSnapshot } from './newest-reading.ts';
import { ProvisionalOccupancy } from './provisional-occupancy.ts';
import { forEachChange, ReorderBuffer } from './reorder-buffer.ts';
import {
  WatermarkInputs,
  watermarkOf,
  type AwaitedClock,
  type HeldBackBy,
  type WatermarkContext,
  type WatermarkInput,
} from './watermark.ts';

/** The part of the partition's state that a space needs when an event arrives. */
export interface PartitionContext extends WatermarkContext {
  readonly partitions: number;
  /** Number of the open block. */
  readonly openBlock: number;
}

/** Requests of a space to its partition. */
export type SpaceOutput =
  /** Final events for the open block, in this order. */
  | { readonly type: 'eventsFinal'; readonly events: readonly LoggedEvent[] }
  /** An event for the open block that arrived after the watermark had passed it. */
  | { readonly type: 'eventLate'; readonly event: LoggedEvent }
  /** The open block has to be cut, even if it stays empty. */
  | { readonly type: 'cutRequested' };

export type Emit = (output: SpaceOutput) => void;

/** Deltas since a block was cut; `lowestNet` is their lowest running sum from 0, so at most 0. */
export interface Tail {
  sum: number;
  lowestNet: number;
}

/** The occupancy has to be recomputed from the stored rows of all blocks up to `block`. */
export interface Correction {
  readonly block: number;
  /** Deltas that became final after that block was cut; null while the block is open. */
  tail: Tail | null;
  /** False after a reset in the past, when net is an estimate too. */
  readonly netKnown: boolean;
}

/** Everything that a checkpoint saves of a space, except its buffered events. */
export interface SpaceSnapshot {
  readonly id: SpaceId;
  readonly inputs: readonly WatermarkInput[];
  readonly schedule: ResetSchedule;
  readonly newestMs: readonly (readonly [DpuId, number])[];
  readonly watermarkMs: number;
  readonly base: ResetPoint;
  readonly nextResetMs: number;
  readonly occupancy: Occupancy;
  readonly correction: Correction | null;
  readonly newestReading: NewestReadingSnapshot;
  readonly lateEvents: number;
}

export function scheduleIn({ resets: manual, dailyReset, dailyResetCount, timeZone }: SpaceConfig): ResetSchedule {
  return { manual, dailyReset, dailyResetCount, timeZone };
}

export class SpaceState {
  readonly spaceId: SpaceId;
  #inputs = new WatermarkInputs();
  #schedule: ResetSchedule = { manual: [], dailyReset: null, dailyResetCount: 0, timeZone: 'UTC' };
  #watermarkMs = BEGINNING_MS;
  readonly #buffer = new ReorderBuffer();
  /** The latest reset at or before the watermark. */
  #base: ResetPoint = NEVER_RESET;
  #nextResetMs = END_MS;
  #occupancy: Occupancy = occupancyAfterReset(0);
  #correction: Correction | null = null;
  #newest = new NewestReading();
  #lateEvents = 0;
  readonly #provisional = new ProvisionalOccupancy(this, this.#buffer);

  constructor(spaceId: SpaceId) {
    this.spaceId = spaceId;
  }

  static restore(snapshot: SpaceSnapshot, buffered: readonly LoggedEvent[]): SpaceState {
    const state = new SpaceState(snapshot.id);
    state.#inputs = new WatermarkInputs(snapshot.inputs, new Map(snapshot.newestMs));
    state.#schedule = snapshot.schedule;
    state.#watermarkMs = snapshot.watermarkMs;
    for (const event of buffered) state.#buffer.add(event);
    state.#base = snapshot.base;
    // A deadline is data, not a timer, so restoring the instant is enough.
    state.#nextResetMs = snapshot.nextResetMs;
    state.#occupancy = snapshot.occupancy;
    state.#correction = snapshot.correction;
    state.#newest = new NewestReading(snapshot.newestReading);
    state.#lateEvents = snapshot.lateEvents;
    return state;
  }

  /** Shares nothing with the state that changes. */
  snapshot(): SpaceSnapshot {
    const correction = this.#correction;
    return {
      id: this.spaceId,
      inputs: this.#inputs.list,
      schedule: this.#schedule,
      newestMs: [...this.#inputs.newestMs()],
      watermarkMs: this.#watermarkMs,
      base: this.#base,
      nextResetMs: this.#nextResetMs,
      occupancy: this.#occupancy,
      correction: correction && { ...correction, tail: correction.tail && { ...correction.tail } },
      newestReading: this.#newest.snapshot(),
      lateEvents: this.#lateEvents,
    };
  }

  /** The watermark after the last event that the space received; `watermarkBy` computes the current one. */
  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  get schedule(): ResetSchedule {
    return this.#schedule;
  }

  get nextResetMs(): number {
    return this.#nextResetMs;
  }

  /**
   * Event time of the newest reading at or before an instant that is not before the watermark; BEGINNING_MS if there
   * is none, null if only history knows (T17).
   */
  lastReadingAt(atMs: number): number | null {
    const bufferedMs = this.#buffer.lastStanding(atMs);
    if (bufferedMs !== undefined) return bufferedMs;
    return this.#newest.blockDue === undefined ? this.#newest.ms : null;
  }

  /** The block up to which history has to be read for the newest final reading; undefined if it is known. */
  get newestReadingDue(): number | undefined {
    return this.#newest.blockDue;
  }

  get lateEvents(): number {
    return this.#lateEvents;
  }

  /** The number of events in the reorder buffer. */
  get buffered(): number {
    return this.#buffer.size;
  }

  bufferedEvents(): LoggedEvent[] {
    return this.#buffer.items();
  }

  /** The occupancy at the watermark. */
  get occupancy(): Occupancy {
    return this.#occupancy;
  }

  /** False while a correction is due, when the live count is an estimate. */
  get isSettled(): boolean {
    return this.#correction === null;
  }

  /** The correction that history can make once the block is stored; undefined if none is due. */
  get correctionDue(): { readonly block: number; readonly base: ResetPoint } | undefined {
    return this.#correction ? { block: this.#correction.block, base: this.#base } : undefined;
  }

  /** The routers that read the space's DPUs. */
  routers(): Partition[] {
    return [...new Set(this.#inputs.list.map(({ router }) => router))];
  }

  observe(events: readonly LoggedEvent[], context: PartitionContext, emit: Emit): void {
    this.elapse(context, emit);
    const late: LoggedEvent[] = [];
    for (const event of events) {
      if (event.timestampMs > this.#watermarkMs) this.#provisional.added(event, this.#buffer.add(event));
      else {
        late.push(event);
        this.#observeLate(event, context, emit);
      }
      this.recordAlive(event.dpuId, event.timestampMs);
    }
    if (late.length > 0) this.#newest.cameLate(late, context.openBlock);
    const excess = this.#buffer.size - context.settings.bufferEventsMax;
    if (excess > 0) this.#finalise(this.#buffer.items()[excess - 1]?.timestampMs ?? this.#watermarkMs, emit);
  }

  /**
   * Records that a DPU is alive. Only the space's own DPUs are kept, because ids come from outside and memory has to
   * be bounded.
   */
  recordAlive(dpuId: DpuId, timestampMs: number): void {
    this.#inputs.heard(dpuId, timestampMs);
  }

  /** True if `elapse` would do more than advance the watermark. */
  isDue(context: WatermarkContext): boolean {
    return Math.min(this.#buffer.firstMs, this.#nextResetMs) <= this.watermarkBy(context);
  }

  /** The space cannot become due before this clock is reached, unless it gets an event. */
  dueOn(context: WatermarkContext): AwaitedClock {
    return this.#inputs.awaitedClock(Math.min(this.#buffer.firstMs, this.#nextResetMs), context);
  }

  /** Timestamp of the last buffered event; -Infinity if there is none. */
  get lastBufferedMs(): number {
    return this.#buffer.lastMs;
  }

  /** Advances the watermark as far as the clocks and DPUs allow. */
  elapse(context: PartitionContext, emit: Emit): void {
    this.#finalise(this.watermarkBy(context), emit);
  }

  watermarkBy(context: WatermarkContext): number {
    const reached = watermarkOf(this.heldBackBy(context), context.settings);
    return Math.max(this.#watermarkMs, reached);
  }

  /** What keeps the watermark from advancing. */
  heldBackBy(context: WatermarkContext): HeldBackBy {
    return this.#inputs.heldBackBy(context);
  }

  configure(config: SpaceConfig, context: PartitionContext, emit: Emit): void {
    this.elapse(context, emit);
    this.#provisional.reset();
    this.#inputs = this.#inputs.replacedBy(
      config.dpus.map((dpu) => ({ ...dpu, router: partitionOfDpu(dpu.dpuId, context.partitions) })),
    );
    this.#schedule = scheduleIn(config);
    this.#rebaseInThePast(context, emit);
  }

  /**
   * Starts where history ends: everything stored is at or before `watermarkMs`, and the occupancy has yet to be
   * computed from the blocks up to `block`; null if nothing is stored.
   */
  resumeAt(watermarkMs: number, newestReading: NewestReadingSnapshot, block: number | null): void {
    this.#watermarkMs = watermarkMs;
    this.#newest = new NewestReading(newestReading);
    this.#base = resetInForce(this.#schedule, watermarkMs);
    this.#nextResetMs = nextResetAfter(this.#schedule, watermarkMs);
    this.#occupancy = occupancyAfterReset(this.#base.count);
    this.#correction = block === null ? null : { block, tail: { sum: 0, lowestNet: 0 }, netKnown: false };
  }

  /** The open block was cut: from now on rows go into the next one. */
  blockCut(block: number): void {
    if (this.#correction?.block === block) this.#correction.tail = { sum: 0, lowestNet: 0 };
  }

  /** Takes the answer to `correctionDue`: the occupancy after all stored rows since `base`, up to its block. */
  correct(block: number, base: ResetPoint, read: Occupancy): void {
    const correction = this.#correction;
    const isCurrent = correction?.block === block && isSameReset(base, this.#base);
    if (!correction?.tail || !isCurrent) return;
    const { tail } = correction;
    const net = read.net + tail.sum;
    invariant(
      !correction.netKnown || net === this.#occupancy.net,
      () => `space ${this.spaceId}: history has net ${net} at block ${block}, the log ${this.#occupancy.net}`,
    );
    this.#occupancy = { net, lowestNet: Math.min(read.lowestNet, read.net + tail.lowestNet) };
    this.#correction = null;
    this.#provisional.reset();
  }

  /** Takes the answer to `newestReadingDue`. */
  newestReadingRead(block: number, storedMs: number): void {
    this.#newest.wasRead(block, storedMs);
  }

  /** The reset in force at an instant at or after the watermark. */
  baseAt(atMs: number): ResetPoint {
    return atMs < this.#nextResetMs ? this.#base : resetInForce(this.#schedule, atMs);
  }

  /** The occupancy at an instant at or after the watermark. */
  occupancyAt(atMs: number): Occupancy {
    return this.#provisional.at(atMs);
  }

  #finalise(watermarkMs: number, emit: Emit): void {
    if (watermarkMs <= this.#watermarkMs) return;
    const taken = this.#buffer.take(watermarkMs);
    forEachChange(taken, (timestampMs, change) => {
      this.#passResets(timestampMs - 1);
      this.#add(change);
    });
    if (taken.length > 0) {
      this.#newest.finalised(taken);
      emit({ type: 'eventsFinal', events: taken });
    }
    this.#passResets(watermarkMs);
    this.#watermarkMs = watermarkMs;
  }

  #add(delta: number): void {
    const net = this.#occupancy.net + delta;
    this.#occupancy = { net, lowestNet: Math.min(this.#occupancy.lowestNet, net) };
    const tail = this.#correction?.tail;
    if (tail) {
      tail.sum += delta;
      tail.lowestNet = Math.min(tail.lowestNet, tail.sum);
    }
  }

  /** Applies resets up to an instant: the live count no longer depends on anything before them. */
  #passResets(untilMs: number): void {
    if (this.#nextResetMs > untilMs) return;
    this.#base = resetInForce(this.#schedule, untilMs);
    this.#occupancy = occupancyAfterReset(this.#base.count);
    this.#correction = null;
    this.#nextResetMs = nextResetAfter(this.#schedule, untilMs);
  }

  #observeLate(event: LoggedEvent, context: PartitionContext, emit: Emit): void {
    this.#lateEvents += 1;
    emit({ type: 'eventLate', event });
    if (event.timestampMs <= this.#base.timestampMs) return;
    const change = deltaOf(event) * event.sign;
    const { net, lowestNet } = this.#occupancy;
    this.#provisional.reset();
    const lowerBound = lowestNet + Math.min(0, change);
    this.#occupancy = { net: net + change, lowestNet: lowerBound };
    // At or above 0 the lowest net has no effect. Below 0 only history knows whether it has changed.
    if (this.#correction || lowerBound < 0) {
      this.#correction = { block: context.openBlock, tail: null, netKnown: this.#correction?.netKnown ?? true };
    }
  }

  /** After a change of the schedule another reset may be in force at the watermark. */
  #rebaseInThePast(context: PartitionContext, emit: Emit): void {
    const inForce = resetInForce(this.#schedule, this.#watermarkMs);
    this.#nextResetMs = nextResetAfter(this.#schedule, this.#watermarkMs);
    const base = this.#base;
    this.#base = inForce;
    if (inForce.timestampMs === base.timestampMs) {
      const shift = inForce.count - base.count;
      this.#occupancy = { net: this.#occupancy.net + shift, lowestNet: this.#occupancy.lowestNet + shift };
      if (shift >= 0) return;
      if (this.#occupancy.lowestNet < 0)
        this.#correction = { block: context.openBlock, tail: null, netKnown: this.#correction?.netKnown ?? true };
      // Cut in any case: `lowestNet` depends on the answers of history so far, and a block must not (F3).
      emit({ type: 'cutRequested' });
      return;
    }
    this.#occupancy = occupancyAfterReset(inForce.count);
    this.#correction = { block: context.openBlock, tail: null, netKnown: false };
    emit({ type: 'cutRequested' });
  }
}
