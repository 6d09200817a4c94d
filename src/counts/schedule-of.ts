import { Failure } from '../domain/failure.ts';
import type { SpaceId } from '../domain/ids.ts';
import type { ResetSchedule } from '../domain/reset-schedule.ts';
import { existing, type TopologyHistory } from '../domain/topology-history.ts';

/** The resets of a space by the current topology. @throws Failure if there is no such space */
export function scheduleOf(topology: TopologyHistory, spaceId: SpaceId): ResetSchedule {
  existing(topology.latest().space(spaceId), `space ${spaceId}`);
  return scheduleEver(topology, spaceId);
}

/**
 * Like `scheduleOf`, for a space that may have been deleted, because its history is kept. @throws Failure if it never
 * existed
 */
export function scheduleEver(topology: TopologyHistory, spaceId: SpaceId): ResetSchedule {
  const view = topology.latest();
  const space = view.space(spaceId);
  if (!space) throw new Failure('not_found', `there is no space ${spaceId}`);
  return { timeZone: space.timeZone, dailyReset: space.dailyReset, manual: view.resets(spaceId) };
}
