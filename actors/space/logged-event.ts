import type { SpaceEvent } from '../../src/domain/space-event.ts';

/** A space event with the sequence of the SPACE_EVENTS entry that brought it. */
export interface LoggedEvent extends SpaceEvent {
  readonly seq: number;
}
