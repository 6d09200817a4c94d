import { personMeasure, type Direction } from '../../src/domain/measure.ts';
import type { SpaceEvent } from '../../src/domain/space-event.ts';

type Fields = Omit<SpaceEvent, 'measure' | 'entrances' | 'exits' | 'isEgress'>;

/**
 * The event of one person. @param delta its effect on the space @param direction as seen by the DPU; equal to delta by
 * default
 */
export function personEvent(fields: Fields, delta: Direction, direction: Direction = delta): SpaceEvent {
  return {
    ...fields,
    measure: personMeasure(direction),
    entrances: delta > 0 ? 1 : 0,
    exits: delta < 0 ? 1 : 0,
    isEgress: direction !== delta,
  };
}

/** The segment of one person. */
export function onePerson(delta: number): { entrances: number; exits: number } {
  return { entrances: delta > 0 ? 1 : 0, exits: delta < 0 ? 1 : 0 };
}
