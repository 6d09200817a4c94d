// Occupancy as a monoid. A run of events, taken in event order, is summarized by six numbers, and two consecutive runs
// combine into one. So a count can be composed of stored blocks, the intervals of a query and a live tail without
// looking at any event twice.
//
// With p_i the prefix sums of a run and m_i the lowest prefix up to i, a run that starts with net N and lowest net L
// (since the reset) passes through
//     net_i = N + p_i        count_i = net_i - min(0, L, N + m_i)
// so its largest count is max(N - min(0, L) + max p_i, max(p_i - m_i)), its smallest max(0, N - min(0, L) + min p_i):
// the two `max` are what `highestNet` and `riseMax` keep.

export interface Segment {
  /** Sum of all deltas. */
  readonly sum: number;
  /** Lowest running net, from a start at 0: the lowest prefix sum; Infinity when empty. */
  readonly lowestNet: number;
  /** Highest running net, from a start at 0; -Infinity when empty. */
  readonly highestNet: number;
  /** Largest rise of a prefix sum above the lowest one before it (itself included); -Infinity when empty. */
  readonly riseMax: number;
  readonly entrances: number;
  readonly exits: number;
}

export const EMPTY_SEGMENT: Segment = {
  sum: 0,
  lowestNet: Infinity,
  highestNet: -Infinity,
  riseMax: -Infinity,
  entrances: 0,
  exits: 0,
};

/** The segment of one event: all who passed in it are one change of the count. */
export function segmentOf({ entrances, exits }: { readonly entrances: number; readonly exits: number }): Segment {
  const sum = entrances - exits;
  return { sum, lowestNet: sum, highestNet: sum, riseMax: 0, entrances, exits };
}

/** `a` followed by `b`. Associative, with EMPTY_SEGMENT as the identity. */
export function append(a: Segment, b: Segment): Segment {
  return {
    sum: a.sum + b.sum,
    lowestNet: Math.min(a.lowestNet, a.sum + b.lowestNet),
    highestNet: Math.max(a.highestNet, a.sum + b.highestNet),
    riseMax: Math.max(a.riseMax, b.riseMax, a.sum + b.highestNet - a.lowestNet),
    entrances: a.entrances + b.entrances,
    exits: a.exits + b.exits,
  };
}

/** The state of a space at an instant, from which its count follows. */
export interface Occupancy {
  /** The reset's count plus all deltas since. */
  readonly net: number;
  /** Lowest net since the reset, including the reset's own count. */
  readonly lowestNet: number;
}

/** A space that was just reset to `count`. */
export function occupancyAfterReset(count: number): Occupancy {
  return { net: count, lowestNet: count };
}

export function advance(from: Occupancy, segment: Segment): Occupancy {
  return {
    net: from.net + segment.sum,
    lowestNet: Math.min(from.lowestNet, from.net + segment.lowestNet),
  };
}

/** Never below 0: an exit from an empty space changes nothing, and the next entrance gives 1 (T2). */
export function countOf(at: Occupancy): number {
  return at.net - Math.min(0, at.lowestNet);
}

/** How much the sensors contradict each other. */
export function driftOf(at: Occupancy): number {
  return countOf(at) - at.net;
}

/** The smallest and largest count after any event of `segment`; Infinity and -Infinity if it is empty. */
export function countRange(from: Occupancy, segment: Segment): { min: number; max: number } {
  const start = countOf(from);
  return { min: Math.max(0, start + segment.lowestNet), max: Math.max(start + segment.highestNet, segment.riseMax) };
}
