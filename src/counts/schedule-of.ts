import type { SpaceId } from '../domain/ids.ts';
import type { ResetSchedule } from '../domain/reset-schedule.ts';
import type { Reset } from '../domain/topology.ts';
import { existing, type TopologyHistory, type TopologyView } from '../domain/topology-history.ts';

/** With what is recorded of each manual reset. */
export interface RecordedSchedule extends ResetSchedule {
  readonly manual: readonly Reset[];
}

/** The resets of a space as the topology has them now. @throws Failure when there is no such space */
export function scheduleOf(topology: Pick<TopologyHistory, 'latest'>, spaceId: SpaceId): RecordedSchedule {
  existing(topology.latest().space(spaceId), `space ${spaceId}`);
  return scheduleIn(topology.latest(), spaceId);
}

/** The resets of a space under a topology. A space that is not there yet has none. */
export function scheduleIn(view: TopologyView, spaceId: SpaceId): RecordedSchedule {
  const { timeZone = 'UTC', dailyReset = null, dailyResetCount = 0 } = view.space(spaceId) ?? {};
  return { timeZone, dailyReset, dailyResetCount, manual: view.resets(spaceId) };
}
