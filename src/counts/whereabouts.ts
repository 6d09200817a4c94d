// In which spaces the readings of a doorway or a DPU are, by the topology up to a sequence.
import type { DoorwayId, SpaceId } from '../domain/ids.ts';
import { placementsOf, type Placement } from '../domain/placement.ts';
import type { Doorway } from '../domain/topology.ts';
import { existing, type TopologyHistory, type TopologyView } from '../domain/topology-history.ts';
import type { PassageSource } from '../ports/history.ts';

export interface Whereabouts {
  /** Spaces that may have events of it: all in which its readings ever counted, because a move may still be under way. */
  readonly spaces: readonly SpaceId[];
  /** Spaces in which its readings can be only by versions after that sequence. */
  readonly laterSpaces: () => readonly SpaceId[];
  /** The spaces in which those of a span count at that sequence: their watermarks say whether an interval is final. */
  readonly countedIn: (startMs: number, endMs: number) => readonly SpaceId[];
}

/**
 * @param boundsMs of the intervals that are asked for
 * @throws Failure not_found if there is no such doorway or DPU at that sequence
 */
export function whereaboutsOf(
  source: PassageSource,
  boundsMs: readonly number[],
  topology: TopologyHistory,
  seq: number,
): Whereabouts {
  const view = topology.at(seq);
  const spaces = spacesEver(source, boundsMs, topology, seq);
  const laterSpaces = (): SpaceId[] =>
    spacesEver(source, boundsMs, topology, topology.seq).filter((spaceId) => !spaces.includes(spaceId));
  if ('doorwayId' in source) {
    const countedIn = primarySpaces(existing(view.doorway(source.doorwayId), `doorway ${source.doorwayId}`));
    return { spaces, laterSpaces, countedIn: () => countedIn };
  }
  const placements = placementsOf(existing(view.dpu(source.dpuId), `DPU ${source.dpuId}`).placements);
  return {
    spaces,
    laterSpaces,
    countedIn: (startMs, endMs) => spacesOf(doorwaysBetween(placements, startMs, endMs), view),
  };
}

/** By all versions up to a sequence. */
function spacesEver(
  source: PassageSource,
  boundsMs: readonly number[],
  topology: TopologyHistory,
  seq: number,
): SpaceId[] {
  const [firstMs, lastMs] = [boundsMs[0] ?? 0, boundsMs.at(-1) ?? 0];
  const doorways =
    'doorwayId' in source
      ? [source.doorwayId]
      : topology
          .dpuVersions(source.dpuId, seq)
          .flatMap((version) => doorwaysBetween(placementsOf(version.placements), firstMs, lastMs));
  const spaces = [...new Set(doorways)].flatMap((id) => topology.doorwayVersions(id, seq).flatMap(primarySpaces));
  return [...new Set(spaces)];
}

function spacesOf(doorways: readonly DoorwayId[], view: TopologyView): SpaceId[] {
  return doorways.flatMap((id) => {
    const doorway = view.doorway(id);
    return doorway ? primarySpaces(doorway) : [];
  });
}

/** The space in which the primary event of a doorway's readings is (`attribute`). */
function primarySpaces({ ingressSpaceId, egressSpaceId }: Doorway): SpaceId[] {
  return [ingressSpaceId ?? egressSpaceId].filter((spaceId) => spaceId !== null);
}

function doorwaysBetween(placements: readonly Placement[], startMs: number, endMs: number): DoorwayId[] {
  return placements.flatMap(({ doorwayId, fromMs, toMs }) =>
    doorwayId !== null && fromMs < endMs && toMs > startMs ? [doorwayId] : [],
  );
}
