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

/** The input that determines a watermark. */
export interface HeldBackBy {
  /** Null if it is the router, because the space's DPUs have reported up to its clock, or because it has none. */
  readonly dpuId: DpuId | null;
  readonly router: Partition;
  /** The instant it has reached: the watermark is behind this by at most the allowed out-of-orderness. */
  readonly clockMs: number;
}

/** The input with the least term; the first of several that are equal. */
export function heldBackBy(
  inputs: readonly WatermarkInput[],
  newestMs: ReadonlyMap<DpuId, number>,
  clocks: RouterClocks,
  ownRouter: Partition,
  settings: Settings,
): HeldBackBy {
  let [least, dpu, slowest]: [number, DpuId | null, Partition] = [Infinity, null, ownRouter];
  for (const { dpuId, router, fromMs, toMs } of inputs) {
    const clockMs = clocks[router] ?? BEGINNING_MS;
    const silentSinceMs = clockMs - settings.idleTimeoutMs;
    const heardMs =
      silentSinceMs >= toMs ? clockMs : Math.max(newestMs.get(dpuId) ?? BEGINNING_MS, silentSinceMs, fromMs);
    const reachedMs = Math.min(heardMs, clockMs);
    if (reachedMs < least) [least, dpu, slowest] = [reachedMs, heardMs < clockMs ? dpuId : null, router];
  }
  // A space without DPUs waits only for its own partition's router, which configures it.
  return { dpuId: dpu, router: slowest, clockMs: least === Infinity ? (clocks[ownRouter] ?? BEGINNING_MS) : least };
}

export function watermarkOf({ clockMs }: HeldBackBy, { outOfOrdernessMs }: Settings): number {
  return Math.max(BEGINNING_MS, clockMs - outOfOrdernessMs);
}

/** A router whose clock has to reach an instant. */
export interface AwaitedClock {
  readonly router: Partition;
  readonly clockMs: number;
}

/**
 * Of the clocks that have to advance before the watermark can reach an instant, the one that has to advance furthest.
 * Until it has, the watermark reaches the instant only if one of the space's DPUs sends something.
 */
export function awaitedClock(
  instantMs: number,
  inputs: readonly WatermarkInput[],
  newestMs: ReadonlyMap<DpuId, number>,
  clocks: RouterClocks,
  ownRouter: Partition,
  { outOfOrdernessMs, idleTimeoutMs }: Settings,
): AwaitedClock {
  const neededMs = instantMs + outOfOrdernessMs;
  let [router, clockMs] = [inputs[0]?.router ?? ownRouter, -Infinity];
  for (const input of inputs) {
    const isHeard = Math.max(newestMs.get(input.dpuId) ?? BEGINNING_MS, input.fromMs) >= neededMs;
    // A DPU that has left is waited for until it has been silent for the idle timeout.
    const untilMs = isHeard ? neededMs : Math.max(neededMs, Math.min(neededMs, input.toMs) + idleTimeoutMs);
    if (untilMs > clockMs && (clocks[input.router] ?? BEGINNING_MS) < untilMs)
      [router, clockMs] = [input.router, untilMs];
  }
  return { router, clockMs: inputs.length === 0 ? neededMs : clockMs };
}
