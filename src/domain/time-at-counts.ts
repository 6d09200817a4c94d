// How long a space had each count: the step function from which means, quantiles and the time above a threshold follow.
// A count lasts from the millisecond of the event that made it until the next; of several events in one millisecond, only
// the last leaves a count that lasts.
import { advance, countOf, segmentOf, type Occupancy } from './segment.ts';

/** A part of a span in which the count follows from one occupancy and the events since, without a reset. */
export interface Stretch {
  /** The events with afterMs < timestamp <= upToMs belong to it. */
  readonly afterMs: number;
  readonly upToMs: number;
  /** The time that it covers, `[fromMs, toMs)`. It includes `upToMs`, unless there is a reset at that instant. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly start: Occupancy;
  /** What its time is added to, such as an hour of the week. */
  readonly cell: number;
}

export interface TimeAtCount {
  readonly cell: number;
  readonly count: number;
  /** More than 0. */
  readonly ms: number;
}

/** For each cell, how many milliseconds each count lasted. */
export class TimeAtCounts {
  readonly #cells = new Map<number, Map<number, number>>();

  add({ cell, count, ms }: TimeAtCount): void {
    if (ms <= 0) return;
    let times = this.#cells.get(cell);
    if (!times) this.#cells.set(cell, (times = new Map<number, number>()));
    times.set(count, (times.get(count) ?? 0) + ms);
  }

  /**
   * Follows the count through consecutive stretches.
   * @param events in event order
   */
  follow(
    stretches: readonly Stretch[],
    events: readonly { readonly timestampMs: number; readonly entrances: number; readonly exits: number }[],
  ): void {
    let next = 0;
    for (const { afterMs, upToMs, fromMs, toMs, start, cell } of stretches) {
      let [occupancy, sinceMs] = [start, fromMs];
      for (let event = events[next]; event && event.timestampMs <= upToMs; event = events[++next]) {
        if (event.timestampMs <= afterMs) continue;
        const atMs = Math.min(event.timestampMs, toMs);
        this.add({ cell, count: countOf(occupancy), ms: atMs - sinceMs });
        [occupancy, sinceMs] = [advance(occupancy, segmentOf(event)), Math.max(atMs, sinceMs)];
      }
      this.add({ cell, count: countOf(occupancy), ms: toMs - sinceMs });
    }
  }

  /** Milliseconds by count, in a cell; empty if it had no time. */
  of(cell: number): ReadonlyMap<number, number> {
    return this.#cells.get(cell) ?? new Map<number, number>();
  }

  /** Milliseconds by count, in all cells together. */
  total(): ReadonlyMap<number, number> {
    const total = new TimeAtCounts();
    for (const times of this.#cells.values()) for (const [count, ms] of times) total.add({ cell: 0, count, ms });
    return total.of(0);
  }

  *[Symbol.iterator](): Iterator<TimeAtCount> {
    for (const [cell, times] of this.#cells) for (const [count, ms] of times) yield { cell, count, ms };
  }
}

export function totalMs(times: ReadonlyMap<number, number>): number {
  return sumOf(times, () => 1);
}

/** The mean over time; NaN if there is no time. */
export function meanCount(times: ReadonlyMap<number, number>): number {
  return sumOf(times, (count) => count) / totalMs(times);
}

/** The time with a count above `limit`. */
export function msAbove(times: ReadonlyMap<number, number>, limit: number): number {
  return sumOf(times, (count) => (count > limit ? 1 : 0));
}

/** The smallest count that was not exceeded for `part` of the time (0 < part <= 1); NaN if there is no time. */
export function countQuantile(times: ReadonlyMap<number, number>, part: number): number {
  const enoughMs = totalMs(times) * part;
  let passedMs = 0;
  for (const [count, ms] of [...times].sort(([a], [b]) => a - b)) {
    passedMs += ms;
    if (passedMs >= enoughMs) return count;
  }
  return NaN;
}

function sumOf(times: ReadonlyMap<number, number>, factor: (count: number) => number): number {
  let sum = 0;
  for (const [count, ms] of times) sum += factor(count) * ms;
  return sum;
}
