// The stored form of an occupancy, in checkpoints and in reports to other processes. It keeps the older, shorter name
// of the lowest net, so that processes of different versions can read each other's data during an upgrade.
import type { Occupancy } from '../../src/domain/segment.ts';
import type { SpaceSnapshot } from '../space/space-state.ts';

interface Low {
  readonly low: number;
}

export type StoredOccupancy = Omit<Occupancy, 'lowestNet'> & Low;

type Correction = NonNullable<SpaceSnapshot['correction']>;
type Tail = NonNullable<Correction['tail']>;
type StoredTail = Omit<Tail, 'lowestNet'> & Low;
type StoredCorrection = Omit<Correction, 'tail'> & { readonly tail: StoredTail | null };

export type StoredSpace = Omit<SpaceSnapshot, 'occupancy' | 'correction'> & {
  readonly occupancy: StoredOccupancy;
  readonly correction: StoredCorrection | null;
};

export function toStoredOccupancy({ net, lowestNet }: Occupancy): StoredOccupancy {
  return { net, low: lowestNet };
}

export function fromStoredOccupancy({ net, low }: StoredOccupancy): Occupancy {
  return { net, lowestNet: low };
}

export function toStoredSpace({ occupancy, correction, ...rest }: SpaceSnapshot): StoredSpace {
  const tail = correction?.tail && { sum: correction.tail.sum, low: correction.tail.lowestNet };
  return {
    ...rest,
    occupancy: toStoredOccupancy(occupancy),
    correction: correction && { ...correction, tail: tail ?? null },
  };
}

export function fromStoredSpace(space: StoredSpace): SpaceSnapshot {
  const { occupancy, correction } = space;
  const tail = correction?.tail && { sum: correction.tail.sum, lowestNet: correction.tail.low };
  return {
    ...space,
    occupancy: fromStoredOccupancy(occupancy),
    correction: correction && { ...correction, tail: tail ?? null },
  };
}
