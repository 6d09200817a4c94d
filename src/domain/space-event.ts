// A space event: the attribution of a reading to one space, or the retraction of one.
import { DELETED_DOORWAY, NO_DOORWAY, NOWHERE, type DoorwayId, type DpuId, type SpaceId } from './ids.ts';
import { doorwayAt, isWithinSpans, spansAtDoorway, type Span } from './placement.ts';
import type { Measure, Passed } from './measure.ts';
import type { Reading } from './reading.ts';
import type { Doorway } from './topology.ts';
import type { TopologyView } from './topology-history.ts';

export interface SpaceEvent {
  readonly spaceId: SpaceId;
  readonly dpuId: DpuId;
  readonly doorwayId: DoorwayId;
  readonly timestampMs: number;
  readonly measure: Measure;
  /** People who entered the space. */
  readonly entrances: number;
  /** People who left the space. Both together are one change of its count, because their order is unknown. */
  readonly exits: number;
  /** True for the space that the doorway leads out of: the DPU's entrances leave this space. */
  readonly isEgress: boolean;
  /** 1 asserts, -1 retracts an earlier assertion of the same event. */
  readonly sign: 1 | -1;
  /** True for exactly one of a reading's events, so that readings can be counted from events. */
  readonly primary: boolean;
  /** The DPU's own name for the reading, if it gave one. */
  readonly name?: string;
  /** As in `Reading`: an assertion and its retraction are stored under one id. */
  readonly hasPreviousId?: true;
}

/** Why a reading counts in no space. A deleted one is neither held nor excluded, and a held one not excluded. */
export function uncountedAs(doorwayId: DoorwayId): 'held' | 'excluded' | 'deleted' {
  if (doorwayId === NO_DOORWAY) return 'held';
  return doorwayId === DELETED_DOORWAY ? 'deleted' : 'excluded';
}

/** The change of the space's count by an event that is not retracted. */
export function deltaOf({ entrances, exits }: Passed): number {
  return entrances - exits;
}

/** Who passed, as the DPU saw it. */
export function passedBy({ isEgress, entrances, exits }: SpaceEvent): Passed {
  return isEgress ? { entrances: exits, exits: entrances } : { entrances, exits };
}

export function readingOf({ dpuId, timestampMs, measure, name, hasPreviousId }: SpaceEvent): Reading {
  const reading = { dpuId, timestampMs, measure };
  if (name === undefined) return reading;
  return hasPreviousId ? { ...reading, name, hasPreviousId } : { ...reading, name };
}

/** A place in event order. */
export interface EventPlace {
  readonly timestampMs: number;
  readonly readingId: string;
}

/** Event order: (timestamp, reading id). Ids are compared by bytes, as in ClickHouse. */
export function compareEvents(a: EventPlace, b: EventPlace): number {
  if (a.timestampMs !== b.timestampMs) return a.timestampMs - b.timestampMs;
  return a.readingId < b.readingId ? -1 : a.readingId > b.readingId ? 1 : 0;
}

/**
 * The events of a reading under a topology: one for each space of the doorway above which its DPU was, or one of
 * NOWHERE if it was above none or is excluded or deleted. Never empty, so that every reading is stored.
 *
 * @param passed who passed: `passedIn` its measure or, for a standing, the difference to its predecessor
 */
export function attribute(view: TopologyView, reading: Reading, passed: Passed, sign: 1 | -1): SpaceEvent[] {
  if (view.isDeleted(reading)) return [eventOf(reading, passed, sign, NOWHERE, DELETED_DOORWAY, false, true)];
  const dpu = view.dpu(reading.dpuId);
  const doorwayId = dpu === undefined ? null : doorwayAt(dpu.placements, reading.timestampMs);
  const doorway = doorwayId === null ? undefined : view.doorway(doorwayId);
  if (doorway === undefined) return [eventOf(reading, passed, sign, NOWHERE, NO_DOORWAY, false, true)];
  const { id, ingressSpaceId, egressSpaceId } = doorway;
  if (isWithinSpans(view.excludedSpans(reading.dpuId), reading.timestampMs))
    return [eventOf(reading, passed, sign, NOWHERE, id, false, true)];
  const events: SpaceEvent[] = [];
  if (ingressSpaceId !== null) events.push(eventOf(reading, passed, sign, ingressSpaceId, id, false, true));
  if (egressSpaceId !== null)
    events.push(eventOf(reading, passed, sign, egressSpaceId, id, true, ingressSpaceId === null));
  return events;
}

// No spread, because this runs for every reading, and spreading would be most of its cost.
function eventOf(
  reading: Reading,
  passed: Passed,
  sign: 1 | -1,
  spaceId: SpaceId,
  doorwayId: DoorwayId,
  isEgress: boolean,
  primary: boolean,
): SpaceEvent {
  const { dpuId, timestampMs, measure, name, hasPreviousId } = reading;
  const entrances = isEgress ? passed.exits : passed.entrances;
  const exits = isEgress ? passed.entrances : passed.exits;
  if (name === undefined)
    return { spaceId, dpuId, doorwayId, timestampMs, measure, entrances, exits, isEgress, sign, primary };
  const named = { spaceId, dpuId, doorwayId, timestampMs, measure, entrances, exits, isEgress, sign, primary, name };
  return hasPreviousId ? { ...named, hasPreviousId } : named;
}

/** True if two versions of a doorway attribute every reading in the same way. */
export function attributesAlike(a: Doorway | undefined, b: Doorway | undefined): boolean {
  return a?.ingressSpaceId === b?.ingressSpaceId && a?.egressSpaceId === b?.egressSpaceId;
}

/** A DPU is an input of a space's watermark while it is placed at one of the space's doorways. */
export interface SpaceDpu extends Span {
  readonly dpuId: DpuId;
}

/**
 * The DPUs of a space, with the spans during which they were there. Sorted, so that equal topologies give equal
 * lists.
 */
export function dpusOfSpace(view: TopologyView, spaceId: SpaceId): SpaceDpu[] {
  const found = view
    .doorwaysOf(spaceId)
    .flatMap((doorway) =>
      view
        .dpusAt(doorway.id)
        .flatMap((dpu) =>
          spansAtDoorway(dpu.placements, doorway.id).map(({ fromMs, toMs }) => ({ dpuId: dpu.id, fromMs, toMs })),
        ),
    );
  return found.sort((a, b) => (a.dpuId < b.dpuId ? -1 : a.dpuId > b.dpuId ? 1 : a.fromMs - b.fromMs));
}
