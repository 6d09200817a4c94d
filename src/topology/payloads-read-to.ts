// Up to when payloads of devices have been read, so that new options do not apply to payloads that were read without them.
// The stored time of the options alone does not ensure that: TOPOLOGY and READINGS may have leaders whose clocks differ,
// and a clock may go back.
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
  // The newest entry was stored before earlier ones if the clock went back. The router's clock never goes back, but it
  // waits for backlogs.
  const reached = async (partition: Partition): Promise<number> => {
    const [newestMs, { header }] = await Promise.all([readings.newestMs(partition), events.lastCommit(partition)]);
    return Math.max(newestMs, header?.clockMs ?? newestMs);
  };
  return async (devices) => {
    const own = new Set(devices.map((device) => partitionOfDpu(device, partitions)));
    return Math.max(0, ...(await Promise.all([...own].map(reached))));
  };
}
