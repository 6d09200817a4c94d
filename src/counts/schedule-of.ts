import type { SpaceId } from '../domain/ids.ts';
import type { ResetSchedule } from '../domain/reset-schedule.ts';
import { existing, type TopologyHistory } from '../domain/topology-history.ts';

/** The resets of a space as the topology has them now. @throws Failure when there is no such space */
export function scheduleOf(topology: TopologyHistory, spaceId: SpaceId): ResetSchedule {
  const view = topology.latest();
  const { timeZone, dailyReset } = existing(view.space(spaceId), `space ${spaceId}`);
  return { timeZone, dailyReset, manual: view.resets(spaceId) };
}
