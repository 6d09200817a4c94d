// A space as it was known at a place in the log: the topology, the report and the history end there, so whatever computes an
// answer from them gives the answer of that moment (docs/adr/0105).
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { AsOf } from '../domain/as-of.ts';
import { Failure } from '../domain/failure.ts';
import type { LogPlace } from '../domain/log-place.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { TopologyPlace } from '../domain/topology-place.ts';
import type { History } from '../ports/history.ts';

/** The part of a topology's history that answers about counts use. */
export type TopologyOfCounts = Pick<TopologyHistory, 'latest' | 'seq' | 'digestAt' | 'entryOfReset'>;
/** The part of history that counts and intervals are computed from. */
export type HistoryOfCounts = Pick<History, 'segments' | 'events' | 'newestInstants'>;
/** Everything in history that has an answer as it was known. */
export type KnownHistory = HistoryOfCounts & Pick<History, 'doorwayTotals' | 'exitsAtZero' | 'timeAtCounts'>;

export function topologyAt(topology: TopologyHistory, seq: number): TopologyOfCounts {
  return {
    seq,
    latest: () => topology.at(seq),
    digestAt: (some) => topology.digestAt(some),
    entryOfReset: (reset) => topology.entryOfReset(reset),
  };
}

/** The place of the topology from which an answer has its resets. */
export function placeOf(topology: TopologyOfCounts): TopologyPlace {
  const { seq } = topology;
  return { seq, digest: topology.digestAt(seq) ?? 0 };
}

/** The place of an answer. @param atMs the instant that it is about */
export function asOfAnswer(
  {
    spaceId,
    epoch,
    seq,
    watermarkMs,
    isStale,
  }: Pick<KnownReport, 'spaceId' | 'epoch' | 'seq' | 'watermarkMs' | 'isStale'>,
  { seq: topologySeq, digest: topologyDigest }: TopologyPlace,
  atMs: number,
): AsOf {
  return { spaceId, epoch, seq, topologySeq, topologyDigest, watermarkMs, atMs, isStale };
}

/**
 * The report of a space as it was at an earlier place. What is not stored about that place is left out.
 * @throws Failure unavailable if the report ends before the place, because its fold has yet to read the log up to there
 */
export function reportAsOf(report: KnownReport, { epoch, seq, watermarkMs, isStale }: AsOf): KnownReport {
  if (report.epoch < epoch || (report.epoch === epoch && report.seq < seq))
    throw new Failure('unavailable', 'the shard of the space has not read the log up to there yet', {
      retryAfterSeconds: 1,
    });
  return {
    ...report,
    epoch,
    seq,
    watermarkMs,
    isStale,
    // What is not stored is of the report's epoch.
    unstored: report.epoch === epoch ? report.unstored.filter((event) => event.seq <= seq) : [],
    isSettled: false,
    lastReadingMs: null,
    heldBackBy: null,
    lateEvents: null,
    upTo: { epoch, seq },
  };
}

export function historyUpTo(history: KnownHistory, { epoch, seq }: LogPlace): KnownHistory {
  const upTo = { epoch, seq };
  return {
    segments: (spaceId, edgesMs, block) => history.segments(spaceId, edgesMs, block, upTo),
    events: (spaceId, afterMs, upToMs, block) => history.events(spaceId, afterMs, upToMs, block, upTo),
    newestInstants: (query) => history.newestInstants({ ...query, upTo }),
    doorwayTotals: (query) => history.doorwayTotals({ ...query, upTo }),
    exitsAtZero: (query) => history.exitsAtZero({ ...query, upTo }),
    timeAtCounts: (query) => history.timeAtCounts({ ...query, upTo }),
  };
}
