import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import type { Direction } from '../../src/domain/reading.ts';

interface Fields {
  readonly timestampMs: number;
  readonly delta?: Direction;
  readonly sign?: 1 | -1;
  readonly seq?: number;
  readonly dpuId?: string;
}

/** An event of space 1, into which the doorway of the DPU leads. */
export function eventOf({ timestampMs, delta = 1, sign = 1, seq = 1, dpuId = 'd' }: Fields): LoggedEvent {
  return loggedEvent(
    {
      spaceId: 1 as SpaceId,
      dpuId: dpuId as DpuId,
      doorwayId: 1 as DoorwayId,
      timestampMs,
      direction: delta,
      delta,
      sign,
      primary: true,
    },
    seq,
  );
}
