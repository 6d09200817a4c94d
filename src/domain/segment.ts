// Occupancy as a monoid. A run of events, taken in event order, is summarized by six numbers, and two consecutive runs
// combine into one. So a count can be composed of stored blocks, the intervals of a query and a live tail without
// looking at any event twice.
//
// With p_i the prefix sums of a run and m_i the lowest prefix up to i, a run that starts with net N and lowest net L
// (since the reset) passes through
//     net_i = N + p_i        count_i = net_i - min(0, L, N + m_i)
// so its largest count is max(N - min(0, L) + max p_i, max(p_i - m_i)), its smallest max(0, N - min(0, L) + min p_i):
// the two `max` are what `sumMax` and `riseMax` keep.

export interface Segment {
  /** Sum of all deltas. */
  readonly sum: number;
  /** Lowest prefix sum; Infinity when empty. */
  readonly sumMin: number;
  /** Highest prefix sum; -Infinity when empty. */
  readonly sumMax: number;
  /** Largest rise of a prefix sum above the lowest one before it (itself included); -Infinity when empty. */
  readonly riseMax: number;
  readonly entrances: number;
  readonly exits: number;
}

export const EMPTY_SEGMENT: Segment = {
  sum: 0,
  sumMin: Infinity,
  sumMax: -Infinity,
  riseMax: -Infinity,
  entrances: 0,
  exits: 0,
};

/** One event: all who passed are one change of the count. */
export function segmentOf({ entrances, exits }: { readonly entrances: number; readonly exits: number }): Segment {
  const sum = entrances - exits;
  return { sum, sumMin: sum, sumMax: sum, riseMax: 0, entrances, exits };
}

/** `a` followed by `b`. Associative, with EMPTY_SEGMENT as the identity. */
export function append(a: Segment, b: Segment): Segment {
  return {
    sum: a.sum + b.sum,
    sumMin: Math.min(a.sumMin, a.sum + b.sumMin),
    sumMax: Math.max(a.sumMax, a.sum + b.sumMax),
    riseMax: Math.max(a.riseMax, b.riseMax, a.sum + b.sumMax - a.sumMin),
    entrances: a.entrances + b.entrances,
    exits: a.exits + b.exits,
  };
}

/** The state of a space at an instant, from which its count follows. */
export interface Occupancy {
  /** The reset's count plus all deltas since. */
  readonly net: number;
  /** Lowest net since the reset, the reset's own count included. */
  readonly low: number;
}

/** A space that was just reset to `count`. */
export function occupancyAfterReset(count: number): Occupancy {
  return { net: count, low: count };
}

export function advance(from: Occupancy, segment: Segment): Occupancy {
  return { net: from.net + segment.sum, low: Math.min(from.low, from.net + segment.sumMin) };
}

/** Never below 0: an exit from an empty space changes nothing, and the next entrance gives 1 (T2). */
export function countOf(at: Occupancy): number {
  return at.net - Math.min(0, at.low);
}

/** How much the sensors contradict themselves. */
export function driftOf(at: Occupancy): number {
  return countOf(at) - at.net;
}

/** The smallest and largest count after any event of `segment`; Infinity and -Infinity if it is empty. */
export function countRange(from: Occupancy, segment: Segment): { min: number; max: number } {
  const start = countOf(from);
  return { min: Math.max(0, start + segment.sumMin), max: Math.max(start + segment.sumMax, segment.riseMax) };
}
