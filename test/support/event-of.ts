import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import type { Direction } from '../../src/domain/measure.ts';
import { personEvent } from './person-event.ts';

interface Fields {
  readonly timestampMs: number;
  readonly delta?: Direction;
  readonly sign?: 1 | -1;
  readonly seq?: number;
  readonly dpuId?: string;
}

/** An event of space 1, which is the ingress space of the DPU's doorway. */
export function eventOf({ timestampMs, delta = 1, sign = 1, seq = 1, dpuId = 'd' }: Fields): LoggedEvent {
  const [spaceId, doorwayId] = [1 as SpaceId, 1 as DoorwayId];
  const fields = { spaceId, dpuId: dpuId as DpuId, doorwayId, timestampMs, sign, primary: true };
  return loggedEvent(personEvent(fields, delta), seq);
}
