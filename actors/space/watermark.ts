// The watermark of a space: all readings up to it are believed to have arrived.
//
//   min over the space's DPUs of max(newest reading or heartbeat, clock - idle timeout) - out-of-orderness
//
// Each DPU's term rises monotonically with its clock. So the watermark of a space in which nothing happens can be
// computed on demand, and is never lower than before (W1). A DPU that will be placed later holds the watermark back only
// by its clock, because its readings count here only from that placement on. A DPU that has left no longer holds the
// watermark back once it has been silent for the idle timeout.
//
// The clock of a DPU is the arrival time up to which its router has consumed READINGS. So a router that lags holds back
// the spaces that it feeds, and catching up never makes a reading late that was stored in time. A DPU's timestamps are
// trusted only up to its clock, because a reading from the future does not mean that the earlier ones have arrived.
// (Watermarks per input and their minimum: Akidau et al., The Dataflow Model, VLDB 2015; idleness: Flink's
// WatermarkStrategy.withIdleness.)
import type { DpuId, Partition } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { SpaceDpu } from '../../src/domain/space-event.ts';
import type { Settings } from '../../src/domain/topology.ts';

/** A DPU of the space, and the router that reads it. */
export interface WatermarkInput extends SpaceDpu {
  readonly router: Partition;
}

/** By router: the arrival time up to which it has consumed READINGS; BEGINNING_MS before its first commit. */
export type RouterClocks = readonly number[];

/** What a watermark depends on besides the space's DPUs. */
export interface WatermarkContext {
  /** The partition of the space. Its router configures the space. */
  readonly partition: Partition;
  readonly settings: Settings;
  readonly clocks: RouterClocks;
}

/** The input that determines a watermark. */
export interface HeldBackBy {
  /** Null if it is the router, because the space's DPUs have reported up to its clock, or because it has none. */
  readonly dpuId: DpuId | null;
  readonly router: Partition;
  /** The instant it has reached: the watermark is behind this by at most the allowed out-of-orderness. */
  readonly clockMs: number;
}

/** A router whose clock has to reach an instant. */
export interface AwaitedClock {
  readonly router: Partition;
  readonly clockMs: number;
}

/** Where the numbers of an input are in its part of the array, and how many there are. */
const [ROUTER, FROM, TO, NEWEST, NUMBERS] = [0, 1, 2, 3, 4] as const;

/** The DPUs of a space, and when each was last heard. */
export class WatermarkInputs {
  readonly list: readonly WatermarkInput[];
  /**
   * The numbers of all inputs, and the newest reading or heartbeat of each. With tens of thousands of spaces hardly any
   * is in the processor's cache when its watermark is asked for, and a number in an object of its own is one more wait
   * for memory.
   */
  readonly #numbers: number[];

  /** @param newestMs by DPU; BEGINNING_MS if missing */
  constructor(list: readonly WatermarkInput[] = [], newestMs: ReadonlyMap<DpuId, number> = new Map()) {
    this.list = list;
    this.#numbers = list
      .flatMap(({ dpuId, router, fromMs, toMs }) => [router, fromMs, toMs, newestMs.get(dpuId) ?? BEGINNING_MS])
      // A copy has no room to grow.
      .slice();
  }

  /** Other inputs. What is known of DPUs that remain is kept. */
  replacedBy(list: readonly WatermarkInput[]): WatermarkInputs {
    return new WatermarkInputs(list, this.newestMs());
  }

  /** The newest reading or heartbeat of each DPU. */
  newestMs(): Map<DpuId, number> {
    return new Map(this.list.map(({ dpuId }, n) => [dpuId, this.#at(n * NUMBERS + NEWEST)]));
  }

  /** Records a reading or heartbeat; one of another space's DPU is ignored. */
  heard(dpuId: DpuId, timestampMs: number): void {
    // A DPU that was here twice has two inputs.
    for (let at = NEWEST, n = 0; n < this.list.length; at += NUMBERS, n += 1)
      if (this.#at(at) < timestampMs && this.list[n]?.dpuId === dpuId) this.#numbers[at] = timestampMs;
  }

  /** The input with the least term; the first of several that are equal. */
  heldBackBy({ clocks, partition, settings }: WatermarkContext): HeldBackBy {
    let [leastMs, least] = [Infinity, -1];
    for (let at = 0; at < this.#numbers.length; at += NUMBERS) {
      const clockMs = clocks[this.#at(at + ROUTER)] ?? BEGINNING_MS;
      const reachedMs = Math.min(this.#heardMs(at, clockMs, settings), clockMs);
      if (reachedMs < leastMs) [leastMs, least] = [reachedMs, at];
    }
    const input = least < 0 ? undefined : this.list[least / NUMBERS];
    // A space without DPUs waits only for its own partition's router, which configures it.
    if (!input) return { dpuId: null, router: partition, clockMs: clocks[partition] ?? BEGINNING_MS };
    const clockMs = clocks[input.router] ?? BEGINNING_MS;
    const isDpu = this.#heardMs(least, clockMs, settings) < clockMs;
    return { dpuId: isDpu ? input.dpuId : null, router: input.router, clockMs: leastMs };
  }

  /** The instant up to which an input's DPU has reported or is not waited for. It may be after the clock. */
  #heardMs(at: number, clockMs: number, { idleTimeoutMs }: Settings): number {
    const silentSinceMs = clockMs - idleTimeoutMs;
    return silentSinceMs >= this.#at(at + TO)
      ? clockMs
      : Math.max(this.#at(at + NEWEST), silentSinceMs, this.#at(at + FROM));
  }

  /**
   * Of the clocks that have to advance before the watermark can reach an instant, the one that has to advance furthest.
   * Until it has, the watermark reaches the instant only if one of the space's DPUs sends something.
   */
  awaitedClock(instantMs: number, { clocks, partition, settings }: WatermarkContext): AwaitedClock {
    const neededMs = instantMs + settings.outOfOrdernessMs;
    let [awaited, clockMs] = [this.list[0]?.router ?? partition, this.list.length === 0 ? neededMs : -Infinity];
    for (let at = 0; at < this.#numbers.length; at += NUMBERS) {
      const router = this.#at(at + ROUTER) as Partition;
      const isHeard = Math.max(this.#at(at + NEWEST), this.#at(at + FROM)) >= neededMs;
      // A DPU that has left is waited for until it has been silent for the idle timeout.
      const untilMs = isHeard
        ? neededMs
        : Math.max(neededMs, Math.min(neededMs, this.#at(at + TO)) + settings.idleTimeoutMs);
      if (untilMs > clockMs && (clocks[router] ?? BEGINNING_MS) < untilMs) [awaited, clockMs] = [router, untilMs];
    }
    return { router: awaited, clockMs };
  }

  #at(place: number): number {
    return this.#numbers[place] as number;
  }
}

export function watermarkOf({ clockMs }: HeldBackBy, { outOfOrdernessMs }: Settings): number {
  return Math.max(BEGINNING_MS, clockMs - outOfOrdernessMs);
}
