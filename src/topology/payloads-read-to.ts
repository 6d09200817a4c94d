// Finds the time up to which routers may have read payloads of some devices. New options apply only after it, so they never
// apply to a payload that was read without them. The time at which TOPOLOGY stores the options is not enough: the leaders
// of TOPOLOGY and READINGS may have different clocks, and a clock may go back.
import type { Partition } from '../domain/ids.ts';
import { partitionOfDpu } from '../domain/partition.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import type { PayloadsReadTo } from './topology-service.ts';

export function payloadsReadTo(
  partitions: number,
  readings: Pick<ReadingsLog, 'newestMs'>,
  events: Pick<SpaceEventsLog, 'lastCommit'>,
): PayloadsReadTo {
  // If the clock went back, the newest entry has an earlier time than the ones before it. The router's clock never goes
  // back, but it waits for backlogs. So take the later of the two.
  const reached = async (partition: Partition): Promise<number> => {
    const [newestMs, { header }] = await Promise.all([readings.newestMs(partition), events.lastCommit(partition)]);
    return Math.max(newestMs, header?.clockMs ?? newestMs);
  };
  return async (devices) => {
    const own = new Set(devices.map((device) => partitionOfDpu(device, partitions)));
    return Math.max(0, ...(await Promise.all([...own].map(reached))));
  };
}
