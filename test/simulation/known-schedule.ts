import type { SpaceId } from '../../src/domain/ids.ts';
import type { OracleSchedule } from '../support/oracle.ts';
import type { SimProcess } from './process.ts';

/** The resets of a space, as the process knows them at that moment. */
export function scheduleOf(process: SimProcess, spaceId: SpaceId): OracleSchedule {
  const view = process.topology.history.latest();
  const space = view.space(spaceId);
  return {
    timeZone: space?.timeZone ?? 'UTC',
    dailyReset: space?.dailyReset ?? null,
    dailyResetCount: space?.dailyResetCount ?? 0,
    manual: view.resets(spaceId),
  };
}
