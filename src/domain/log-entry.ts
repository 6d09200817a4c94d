// Entries of a log as they are stored, and the space events in them.
import type { DoorwayId, DpuId, SpaceId } from './ids.ts';
import { readingIdOf, type Direction } from './reading.ts';
import type { SpaceEvent } from './space-event.ts';

/** An entry of a log as it was stored. */
export interface StoredEntry {
  readonly seq: number;
  /** Arrival time: the log's own clock. */
  readonly timeMs: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** Where it came from, as W3C `traceparent`, when that is traced. */
  readonly trace?: string;
  /** Of a message in READINGS that the service has published: by which bound it accepted the readings. */
  readonly mark?: string;
}

/** A space event as the log holds it. */
export interface LoggedEvent extends SpaceEvent {
  /** Of the entry that brought it. */
  readonly seq: number;
  /** `readingIdOf`, made once: to order and to store events takes it again and again. */
  readonly readingId: string;
}

/** The last element, 1, says that a named reading has an id of the previous form. */
export type EventTuple = [number, string, number, number, Direction, Direction, 1 | -1, 0 | 1, string?, 1?];

export function toTuple(event: SpaceEvent): EventTuple {
  const { spaceId, dpuId, doorwayId, timestampMs, direction, delta, sign, primary, name, hasPreviousId } = event;
  const tuple: EventTuple = [spaceId, dpuId, doorwayId, timestampMs, direction, delta, sign, primary ? 1 : 0];
  if (name !== undefined) tuple.push(name);
  if (hasPreviousId) tuple.push(1);
  return tuple;
}

export function fromTuple(tuple: EventTuple, seq: number): LoggedEvent {
  const [spaceId, dpuId, doorwayId, timestampMs, direction, delta, sign, primary, name, hasPreviousId] = tuple;
  const event = {
    spaceId: spaceId as SpaceId,
    dpuId: dpuId as DpuId,
    doorwayId: doorwayId as DoorwayId,
    timestampMs,
    direction,
    delta,
    sign,
    primary: primary === 1,
  };
  if (name === undefined) return loggedEvent(event, seq);
  return loggedEvent(hasPreviousId ? { ...event, name, hasPreviousId: true } : { ...event, name }, seq);
}

/** Written out, so that all of them have one shape wherever they come from. */
export function loggedEvent(
  { spaceId, dpuId, doorwayId, timestampMs, direction, delta, sign, primary, name, hasPreviousId }: SpaceEvent,
  seq: number,
): LoggedEvent {
  if (name === undefined)
    return {
      spaceId,
      dpuId,
      doorwayId,
      timestampMs,
      direction,
      delta,
      sign,
      primary,
      seq,
      readingId: readingIdOf({ dpuId, timestampMs, direction }),
    };
  const readingId = readingIdOf(
    hasPreviousId ? { dpuId, timestampMs, direction, name, hasPreviousId } : { dpuId, timestampMs, direction, name },
  );
  const event = { spaceId, dpuId, doorwayId, timestampMs, direction, delta, sign, primary, seq, readingId, name };
  return hasPreviousId ? { ...event, hasPreviousId } : event;
}
