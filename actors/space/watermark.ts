// The watermark of a space: all readings up to here are believed to be in.
//
//   min over the space's DPUs of max(newest reading or heartbeat, clock - idle timeout) - out-of-orderness
//
// Each DPU's part of it only rises with its clock, so that the watermark of a space which nothing happens
// in can be computed when somebody asks, and is never less than it was (W1): a DPU that is not there yet
// holds nothing back but by its clock, since its readings will count here from its arrival on, and then rises
// from there; one that has left, and was silent for the idle timeout, no longer does.
//
// The clock of a DPU is how far its router has consumed the READINGS log, in that log's arrival
// time. So a router that lags holds back the spaces it feeds, and catching up never makes a reading late that was
// stored in time. What a DPU says is believed up to its clock only: a reading from the future says
// nothing about the readings before it. (Watermarks per input and their minimum: Akidau et al., The
// Dataflow Model, VLDB 2015; idleness: Flink's WatermarkStrategy.withIdleness.)
import type { DpuId, Partition } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { SpaceDpu } from '../../src/domain/space-event.ts';
import type { Settings } from '../../src/domain/topology.ts';

/** A DPU of the space and the router that reads it. */
export interface WatermarkInput extends SpaceDpu {
  readonly router: Partition;
}

/** By router: the arrival time up to which READINGS is consumed; BEGINNING_MS when it never spoke. */
export type RouterClocks = readonly number[];

export function watermarkOf(
  inputs: readonly WatermarkInput[],
  newestMs: ReadonlyMap<DpuId, number>,
  clocks: RouterClocks,
  ownRouter: Partition,
  settings: Settings,
): number {
  let least = Infinity;
  for (const { dpuId, router, fromMs, toMs } of inputs) {
    const clockMs = clocks[router] ?? BEGINNING_MS;
    const silentSinceMs = clockMs - settings.idleTimeoutMs;
    const heardMs =
      silentSinceMs >= toMs ? clockMs : Math.max(newestMs.get(dpuId) ?? BEGINNING_MS, silentSinceMs, fromMs);
    least = Math.min(least, heardMs, clockMs);
  }
  // A space without DPUs waits for nobody; its own partition's router still has to configure it.
  if (least === Infinity) least = clocks[ownRouter] ?? BEGINNING_MS;
  return Math.max(BEGINNING_MS, least - settings.outOfOrdernessMs);
}
