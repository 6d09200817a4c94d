// The topology under which a reading counts, according to the last commit of its router: the topology that the router
// has applied or, during a re-attribution, the new one for readings that have already been re-attributed.
import type { CommitHeader, Reattribution } from '../domain/commit.ts';
import type { Partition } from '../domain/ids.ts';
import { partitionOfDpu } from '../domain/partition.ts';
import type { Reading } from '../domain/reading.ts';
import type { TopologyHistory, TopologyView } from '../domain/topology-history.ts';
import { comparePlaces, placeOf } from '../router/reattribution.ts';
import { isFollowed } from '../router/marked-logs.ts';
import { changeBetween, isWithin } from '../domain/topology-change.ts';

export interface ViewOfReading {
  (reading: Reading): TopologyView;
  /**
   * How far a router has applied the topology, according to its last commit; the whole topology if that commit or its
   * topology is lost.
   */
  progressOf(router: Partition): Pick<CommitHeader, 'topologySeq' | 'reattribution'>;
  /** The topologies under which readings of this reading's router count: two during a re-attribution. */
  allOf(reading: Reading): readonly TopologyView[];
}

interface ViewsOfRouter {
  readonly of: (reading: Reading) => TopologyView;
  readonly all: readonly TopologyView[];
}

/** @returns the views, and true if the topology that some router had applied is lost */
export function viewsOf(
  topology: TopologyHistory,
  headers: ReadonlyMap<Partition, CommitHeader | undefined>,
  partitions: number,
): [ViewOfReading, boolean] {
  let isLost = false;
  const progress = new Map<Partition, Pick<CommitHeader, 'topologySeq' | 'reattribution'>>();
  const views = new Map<Partition, ViewsOfRouter>();
  for (const [router, header] of headers) {
    const isKept = header !== undefined && isFollowed(topology, header);
    if (header && !isKept) isLost = true;
    const found = isKept ? header : { topologySeq: topology.seq, reattribution: null };
    progress.set(router, { topologySeq: found.topologySeq, reattribution: found.reattribution });
    views.set(router, viewsOfRouter(topology, router, partitions, found.topologySeq, found.reattribution));
  }
  const viewOf = (reading: Reading): TopologyView =>
    views.get(partitionOfDpu(reading.dpuId, partitions))?.of(reading) ?? topology.latest();
  const allOf = (reading: Reading): readonly TopologyView[] =>
    views.get(partitionOfDpu(reading.dpuId, partitions))?.all ?? [topology.latest()];
  const progressOf = (router: Partition): Pick<CommitHeader, 'topologySeq' | 'reattribution'> =>
    progress.get(router) ?? { topologySeq: topology.seq, reattribution: null };
  return [Object.assign(viewOf, { progressOf, allOf }), isLost];
}

function viewsOfRouter(
  topology: TopologyHistory,
  router: Partition,
  partitions: number,
  topologySeq: number,
  reattribution: Reattribution | null,
): ViewsOfRouter {
  const before = topology.at(topologySeq);
  if (!reattribution) return { of: () => before, all: [before] };
  const { after, toSeq } = reattribution;
  const change = changeBetween(topology, topologySeq, toSeq, router, partitions);
  const isDone = (reading: Reading): boolean =>
    isWithin(reading, change) && comparePlaces(placeOf(reading), after) <= 0;
  return { of: (reading) => (isDone(reading) ? change.after : before), all: [before, change.after] };
}
