import type { SpaceId } from '../../src/domain/ids.ts';
import type { Space } from '../../src/domain/topology.ts';

/** A space with nothing special about it. */
export function spaceCalled(name: string, id: number): Space {
  return {
    id: id as SpaceId,
    name,
    timeZone: 'UTC',
    dailyReset: null,
    capacity: null,
    createdMs: 0,
    updatedMs: 0,
    deleted: false,
  };
}
