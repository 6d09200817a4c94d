// Entries of a log as stored, and the space events in them.
import type { DoorwayId, DpuId, SpaceId } from './ids.ts';
import { personMeasure, type Direction, type Measure } from './measure.ts';
import { readingIdOf } from './reading.ts';
import type { SpaceEvent } from './space-event.ts';

/** An entry of a log as stored. */
export interface StoredEntry {
  readonly seq: number;
  /** Arrival time, by the log's own clock. */
  readonly timeMs: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** The trace of the entry as W3C `traceparent`, if it is traced. */
  readonly trace?: string;
  /**
   * For a message that the service itself published to READINGS: the signed limit up to which it accepted timestamps.
   */
  readonly mark?: string;
}

/** A space event as read from the log. */
export interface LoggedEvent extends SpaceEvent {
  /** The sequence of its entry. */
  readonly seq: number;
  /** The result of `readingIdOf`, cached because ordering and storing events need it repeatedly. */
  readonly readingId: string;
}

/** The last element, 1, means that a named reading has an id in the previous format. */
export type EventTuple = [
  spaceId: number,
  dpuId: string,
  doorwayId: number,
  timestampMs: number,
  measure: string,
  entrances: number,
  exits: number,
  isEgress: 0 | 1,
  sign: 1 | -1,
  primary: 0 | 1,
  name?: string,
  hasPreviousId?: 1,
];

export function toTuple(event: SpaceEvent): EventTuple {
  const { spaceId, dpuId, doorwayId, timestampMs, measure, entrances, exits, isEgress, sign, primary } = event;
  const tuple: EventTuple = [
    spaceId,
    dpuId,
    doorwayId,
    timestampMs,
    measure,
    entrances,
    exits,
    isEgress ? 1 : 0,
    sign,
    primary ? 1 : 0,
  ];
  if (event.name !== undefined) tuple.push(event.name);
  if (event.hasPreviousId) tuple.push(1);
  return tuple;
}

export function fromTuple(tuple: EventTuple, seq: number): LoggedEvent {
  const [spaceId, dpuId, doorwayId, timestampMs, measure, entrances, exits, isEgress, sign, primary, name, previous] =
    tuple;
  const event = {
    spaceId: spaceId as SpaceId,
    dpuId: dpuId as DpuId,
    doorwayId: doorwayId as DoorwayId,
    timestampMs,
    measure: measure as Measure,
    entrances,
    exits,
    isEgress: isEgress === 1,
    sign,
    primary: primary === 1,
  };
  if (name === undefined) return loggedEvent(event, seq);
  return loggedEvent(previous ? { ...event, name, hasPreviousId: true } : { ...event, name }, seq);
}

/** An event of versions in which each reading was of one person. */
export type PersonTuple = [
  spaceId: number,
  dpuId: string,
  doorwayId: number,
  timestampMs: number,
  direction: Direction,
  delta: Direction,
  sign: 1 | -1,
  primary: 0 | 1,
  name?: string,
  hasPreviousId?: 1,
];

export function fromPersonTuple(tuple: PersonTuple, seq: number): LoggedEvent {
  const [spaceId, dpuId, doorwayId, timestampMs, direction, delta, ...rest] = tuple;
  const [measure, entrances, exits] = [personMeasure(direction), delta > 0 ? 1 : 0, delta < 0 ? 1 : 0];
  const isEgress = direction === delta ? 0 : 1;
  return fromTuple([spaceId, dpuId, doorwayId, timestampMs, measure, entrances, exits, isEgress, ...rest], seq);
}

/** An event of a reading without an id of its own. */
export type UnnamedEvent = Omit<SpaceEvent, 'name' | 'hasPreviousId'>;

/** Written out, so that all of them have one shape wherever they come from; a spread takes ten times as long. */
export function loggedEvent(event: SpaceEvent, seq: number): LoggedEvent {
  return event.name === undefined
    ? unnamedEvent(event, seq)
    : namedEvent(event, event.name, event.hasPreviousId ?? false, seq);
}

export function unnamedEvent(event: UnnamedEvent, seq: number): LoggedEvent {
  const { spaceId, dpuId, doorwayId, timestampMs, measure, entrances, exits, isEgress, sign, primary } = event;
  return {
    spaceId,
    dpuId,
    doorwayId,
    timestampMs,
    measure,
    entrances,
    exits,
    isEgress,
    sign,
    primary,
    seq,
    readingId: readingIdOf({ dpuId, timestampMs, measure }),
  };
}

export function namedEvent(event: UnnamedEvent, name: string, hasPreviousId: boolean, seq: number): LoggedEvent {
  const { spaceId, dpuId, doorwayId, timestampMs, measure, entrances, exits, isEgress, sign, primary } = event;
  const logged = {
    spaceId,
    dpuId,
    doorwayId,
    timestampMs,
    measure,
    entrances,
    exits,
    isEgress,
    sign,
    primary,
    seq,
    readingId: readingIdOf(
      hasPreviousId ? { dpuId, timestampMs, measure, name, hasPreviousId } : { dpuId, timestampMs, measure, name },
    ),
    name,
  };
  return hasPreviousId ? { ...logged, hasPreviousId } : logged;
}
