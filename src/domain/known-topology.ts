// The topology as it is, or as it was known at an earlier moment. All of its versions are kept, so a time may be as early as the
// log.
import { Failure } from './failure.ts';
import { refusedMoment, refuseFuture } from './refused-moment.ts';
import { placeAt, placeIn, formatPlace, type TopologyAsOf, type TopologyPlace } from './topology-place.ts';
import type { TopologyHistory, TopologyView } from './topology-history.ts';

/** The place of an earlier answer or of a dry run, or a time. */
export type TopologyKnownAt = { readonly place: TopologyPlace & Partial<TopologyAsOf> } | { readonly atMs: number };

export interface KnownTopology {
  readonly asOf: TopologyAsOf;
  readonly view: TopologyView;
}

/**
 * @param knownAt undefined for the topology as it is
 * @throws Failure invalid for a moment that cannot be answered, unavailable if this process has yet to read the log up to there
 */
export function topologyAsKnown(
  history: TopologyHistory,
  knownAt: TopologyKnownAt | undefined,
  nowMs: number,
): KnownTopology {
  const asOf = asOfMoment(history, knownAt, nowMs);
  return { asOf, view: history.at(asOf.seq) };
}

function asOfMoment(history: TopologyHistory, knownAt: TopologyKnownAt | undefined, nowMs: number): TopologyAsOf {
  if (!knownAt) return { ...placeIn(history), atMs: nowMs };
  if ('atMs' in knownAt) {
    const { atMs } = knownAt;
    refuseFuture(atMs, nowMs);
    return { ...placeAt(history, atMs), atMs };
  }
  const { place } = knownAt;
  if (place.seq > history.seq)
    throw new Failure('unavailable', 'this process has not read the topology log up to there yet', {
      retryAfterSeconds: 1,
    });
  if (history.digestAt(place.seq) !== place.digest)
    throw refusedMoment(`names ${formatPlace(place)}, a place that the topology log does not have`);
  return { ...place, atMs: place.atMs ?? nowMs };
}
