// What a space actor knows, and every way in which it changes. Mutable, and owned by one actor: at
// 100,000 events a second a copy for each event would be most of the work. Deterministic: its inputs
// are log entries, and corrections, which never change what is emitted to blocks.
//
// Invariants (numbers of actors/SPEC.md):
//  - W1 the watermark never goes back.
//  - B1 an event leaves the buffer once, in event order, when the watermark passes it.
//  - O1 occupancy.net is the reset's count plus all deltas up to the watermark, unless a reset in the
//    past is being looked up; occupancy.low is the lowest net since the reset, unless `correction` is
//    set: then it is a lower bound.
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
import type { Settings } from '../../src/domain/topology.ts';
import { forEachChange, ReorderBuffer } from './reorder-buffer.ts';
import { watermarkOf, type RouterClocks, type WatermarkInput } from './watermark.ts';

/** What the partition tells a space with every event. */
export interface PartitionContext {
  readonly partition: Partition;
  readonly partitions: number;
  readonly settings: Settings;
  readonly clocks: RouterClocks;
  /** Number of the block that is being filled. */
  readonly openBlock: number;
  /** Puts a final event into the open block. */
  readonly emit: (event: LoggedEvent) => void;
  /** The same, for one that came after its time. */
  readonly emitLate: (event: LoggedEvent) => void;
  /** Asks for the open block to be cut even if it stays empty. */
  readonly requestCut: () => void;
}

/** Where a space stands after everything in its buffer, and the next reset behind that. */
interface Provisional {
  net: number;
  low: number;
  nextResetMs: number;
}

/** Deltas since a block was cut; `low` is the lowest prefix sum, at most 0. */
export interface Tail {
  sum: number;
  low: number;
}

/** The occupancy has to be read again from the stored rows of all blocks up to `block`. */
export interface Correction {
  readonly block: number;
  /** Deltas that became final after that block was cut; null while it is still open. */
  tail: Tail | null;
  /** False after a reset in the past: then net, too, is only an estimate. */
  readonly netKnown: boolean;
}

export class SpaceState {
  readonly spaceId: SpaceId;
  inputs: readonly WatermarkInput[] = [];
  schedule: ResetSchedule = { manual: [], dailyReset: null, timeZone: 'UTC' };
  readonly newestMs = new Map<DpuId, number>();
  watermarkMs = BEGINNING_MS;
  readonly buffer = new ReorderBuffer();
  /** The latest reset at or before the watermark. */
  base: ResetPoint = NEVER_RESET;
  nextResetMs = END_MS;
  occupancy: Occupancy = occupancyAfterReset(0);
  correction: Correction | null = null;
  lastReadingMs = BEGINNING_MS;
  lateEvents = 0;
  /** Kept up to date while events come in order, since the live count is asked for at every change; undefined when it has to be computed again. */
  #provisional: Provisional | undefined;

  constructor(spaceId: SpaceId) {
    this.spaceId = spaceId;
  }

  observe(events: readonly LoggedEvent[], context: PartitionContext): void {
    this.elapse(context);
    for (const event of events) {
      if (event.sign > 0) this.lastReadingMs = Math.max(this.lastReadingMs, event.timestampMs);
      if (event.timestampMs <= this.watermarkMs) this.#observeLate(event, context);
      else this.#buffer(event);
      this.heard(event.dpuId, event.timestampMs);
    }
    const excess = this.buffer.size - context.settings.bufferEventsMax;
    if (excess > 0) this.#finalise(this.buffer.items()[excess - 1]?.timestampMs ?? this.watermarkMs, context);
  }

  /** A sign of life. Only of the space's own DPUs: ids come from outside, and memory has to be bounded. */
  heard(dpuId: DpuId, timestampMs: number): void {
    const newestMs = this.newestMs.get(dpuId);
    if (newestMs !== undefined && timestampMs > newestMs) this.newestMs.set(dpuId, timestampMs);
  }

  /** Moves the watermark to where the clocks and DPUs now allow. */
  elapse(context: PartitionContext): void {
    this.#finalise(this.watermarkBy(context), context);
  }

  watermarkBy(context: Pick<PartitionContext, 'clocks' | 'partition' | 'settings'>): number {
    const reached = watermarkOf(this.inputs, this.newestMs, context.clocks, context.partition, context.settings);
    return Math.max(this.watermarkMs, reached);
  }

  configure(config: SpaceConfig, context: PartitionContext): void {
    this.elapse(context);
    this.#provisional = undefined;
    this.inputs = config.dpus.map((dpu) => ({ ...dpu, router: partitionOfDpu(dpu.dpuId, context.partitions) }));
    const before = new Map(this.newestMs);
    this.newestMs.clear();
    for (const { dpuId } of this.inputs) this.newestMs.set(dpuId, before.get(dpuId) ?? BEGINNING_MS);
    this.schedule = { manual: config.resets, dailyReset: config.dailyReset, timeZone: config.timeZone };
    this.#rebaseInThePast(context);
  }

  /**
   * Begins where history ends: everything stored is up to `watermarkMs`, and its occupancy is still to be read
   * from the blocks up to `block`; null where nothing is stored.
   */
  resumeAt(watermarkMs: number, lastReadingMs: number, block: number | null): void {
    this.watermarkMs = watermarkMs;
    this.lastReadingMs = lastReadingMs;
    this.base = resetInForce(this.schedule, watermarkMs);
    this.nextResetMs = nextResetAfter(this.schedule, watermarkMs);
    this.occupancy = occupancyAfterReset(this.base.count);
    this.correction = block === null ? null : { block, tail: { sum: 0, low: 0 }, netKnown: false };
  }

  /** The open block was cut; from here on rows go into the next. */
  blockCut(block: number): void {
    if (this.correction?.block === block) this.correction.tail = { sum: 0, low: 0 };
  }

  /** The answer to `correction`: the occupancy after all stored rows up to its block, since `base`. */
  correct(block: number, base: ResetPoint, read: Occupancy): void {
    const { correction } = this;
    const isCurrent = correction?.block === block && isSameReset(base, this.base);
    if (!correction?.tail || !isCurrent) return;
    const { tail } = correction;
    const net = read.net + tail.sum;
    invariant(
      !correction.netKnown || net === this.occupancy.net,
      () => `space ${this.spaceId}: history says net ${net} at block ${block}, the log ${this.occupancy.net}`,
    );
    this.occupancy = { net, low: Math.min(read.low, read.net + tail.low) };
    this.correction = null;
    this.#provisional = undefined;
  }

  /** The reset in force at an instant at or after the watermark. */
  baseAt(atMs: number): ResetPoint {
    return atMs < this.nextResetMs ? this.base : resetInForce(this.schedule, atMs);
  }

  /** The occupancy at an instant at or after the watermark. */
  occupancyAt(atMs: number): Occupancy {
    if (atMs < this.buffer.lastMs) return this.#passed(this.#provisionalAt(atMs), atMs);
    this.#provisional ??= this.#provisionalAt(Infinity);
    return this.#passed({ ...this.#provisional }, atMs);
  }

  /** After the events of the buffer up to an instant. */
  #provisionalAt(atMs: number): Provisional {
    const provisional: Provisional = {
      net: this.occupancy.net,
      low: this.occupancy.low,
      nextResetMs: this.nextResetMs,
    };
    forEachChange(this.buffer.items(), (timestampMs, change) => {
      if (timestampMs <= atMs) this.#advance(provisional, timestampMs, change);
    });
    return provisional;
  }

  #advance(provisional: Provisional, timestampMs: number, change: number): void {
    this.#passed(provisional, timestampMs - 1);
    provisional.net += change;
    provisional.low = Math.min(provisional.low, provisional.net);
  }

  /** Resets up to an instant take effect. */
  #passed(provisional: Provisional, untilMs: number): Occupancy {
    if (provisional.nextResetMs <= untilMs) {
      provisional.net = provisional.low = this.baseAt(untilMs).count;
      provisional.nextResetMs = nextResetAfter(this.schedule, untilMs);
    }
    return { net: provisional.net, low: provisional.low };
  }

  #buffer(event: LoggedEvent): void {
    const isNext = this.buffer.add(event);
    // An assertion behind all others is a change of its own; anything else may be one with what is there already.
    if (this.#provisional && isNext && event.sign > 0)
      this.#advance(this.#provisional, event.timestampMs, deltaOf(event));
    else this.#provisional = undefined;
  }

  #finalise(watermarkMs: number, context: PartitionContext): void {
    if (watermarkMs <= this.watermarkMs) return;
    const taken = this.buffer.take(watermarkMs);
    forEachChange(taken, (timestampMs, change) => {
      this.#passResets(timestampMs - 1);
      this.#add(change);
    });
    for (const event of taken) context.emit(event);
    this.#passResets(watermarkMs);
    this.watermarkMs = watermarkMs;
  }

  #add(delta: number): void {
    const net = this.occupancy.net + delta;
    this.occupancy = { net, low: Math.min(this.occupancy.low, net) };
    const tail = this.correction?.tail;
    if (tail) {
      tail.sum += delta;
      tail.low = Math.min(tail.low, tail.sum);
    }
  }

  /** Resets up to an instant take effect: what came before them no longer matters to the live count. */
  #passResets(untilMs: number): void {
    if (this.nextResetMs > untilMs) return;
    this.base = resetInForce(this.schedule, untilMs);
    this.occupancy = occupancyAfterReset(this.base.count);
    this.correction = null;
    this.nextResetMs = nextResetAfter(this.schedule, untilMs);
  }

  #observeLate(event: LoggedEvent, context: PartitionContext): void {
    this.lateEvents += 1;
    context.emitLate(event);
    if (event.timestampMs <= this.base.timestampMs) return;
    const change = deltaOf(event) * event.sign;
    const { net, low } = this.occupancy;
    this.#provisional = undefined;
    const lowAtLeast = low + Math.min(0, change);
    this.occupancy = { net: net + change, low: lowAtLeast };
    // Above 0 the lowest net does not matter. Below, it may or may not have moved: only history knows.
    if (this.correction || lowAtLeast < 0) {
      this.correction = { block: context.openBlock, tail: null, netKnown: this.correction?.netKnown ?? true };
    }
  }

  /** The reset in force at the watermark may be another one after a change of the schedule. */
  #rebaseInThePast(context: PartitionContext): void {
    const inForce = resetInForce(this.schedule, this.watermarkMs);
    this.nextResetMs = nextResetAfter(this.schedule, this.watermarkMs);
    const { base } = this;
    this.base = inForce;
    if (inForce.timestampMs === base.timestampMs) {
      const shift = inForce.count - base.count;
      this.occupancy = { net: this.occupancy.net + shift, low: this.occupancy.low + shift };
      if (shift >= 0) return;
      if (this.occupancy.low < 0)
        this.correction = { block: context.openBlock, tail: null, netKnown: this.correction?.netKnown ?? true };
      // Cut in any case: the floor depends on what history has answered so far, and a block must not (F3).
      context.requestCut();
      return;
    }
    this.occupancy = occupancyAfterReset(inForce.count);
    this.correction = { block: context.openBlock, tail: null, netKnown: false };
    context.requestCut();
  }
}
