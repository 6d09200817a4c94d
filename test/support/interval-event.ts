import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import { intervalMeasure } from '../../src/domain/measure.ts';
import type { SpaceEvent } from '../../src/domain/space-event.ts';

type Fields = Pick<SpaceEvent, 'spaceId' | 'dpuId' | 'doorwayId' | 'timestampMs' | 'sign' | 'name'>;

/** An event of several people at an ingress doorway of the space. */
export function intervalEvent(fields: Fields, [entrances, exits]: readonly [number, number]): LoggedEvent {
  const measure = intervalMeasure({ entrances, exits }, null);
  return loggedEvent({ ...fields, measure, entrances, exits, isEgress: false, primary: true }, 1);
}
