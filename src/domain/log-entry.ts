// What the SPACE_EVENTS log holds, and its JSON. Two kinds of message: attributed events and
// configuration for one space partition (`spaces.<k>`), and a router's position (`routers.<k>`). A
// batch of the log carries many events in one message, as tuples: names repeated ten thousand times
// would be most of the bytes.
import type { DoorwayId, DpuId, Partition, SpaceId } from './ids.ts';
import type { ResetPoint } from './reset-schedule.ts';
import { readingIdOf, type Direction } from './reading.ts';
import type { SpaceDpu, SpaceEvent } from './space-event.ts';
import type { Settings } from './topology.ts';

/** An entry of a log as it was stored. */
export interface StoredEntry {
  readonly seq: number;
  /** Arrival time: the log's own clock. */
  readonly timeMs: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** Where it came from, as W3C `traceparent`, when that is traced. */
  readonly trace?: string;
}

/** What an actor must know of its space. */
export interface SpaceConfig {
  readonly spaceId: SpaceId;
  readonly timeZone: string;
  readonly dailyReset: string | null;
  readonly dpus: readonly SpaceDpu[];
  /** All manual resets, in the order they were recorded. */
  readonly resets: readonly ResetPoint[];
}

/** A DPU of the space was alive at this event time, though nobody passed. */
export interface Heartbeat {
  readonly spaceId: SpaceId;
  readonly dpuId: DpuId;
  readonly timestampMs: number;
}

/** A space event as the log holds it. */
export interface LoggedEvent extends SpaceEvent {
  /** Of the entry that brought it. */
  readonly seq: number;
  /** `readingIdOf`, made once: to order and to store events takes it again and again. */
  readonly readingId: string;
}

/** What a commit says to one space partition. */
export interface SpacePayload {
  readonly events: readonly SpaceEvent[];
  readonly heartbeats: readonly Heartbeat[];
  readonly configs: readonly SpaceConfig[];
  readonly settings: Settings | undefined;
}

export interface SpaceEntry extends SpacePayload {
  readonly kind: 'space';
  readonly events: readonly LoggedEvent[];
}

/** The account of one router since the log began. received = fresh + duplicate + dead. */
export interface RouterCounters {
  /** Readings and would-be readings taken from the READINGS log. */
  readonly received: number;
  /** New readings, of which `held` are attributed to no space at present. */
  readonly fresh: number;
  readonly held: number;
  readonly duplicate: number;
  readonly dead: number;
}

/** A place in the (DPU, timestamp, reading id) order of readings. */
export interface ReadingPlace {
  readonly dpuId: DpuId;
  readonly timestampMs: number;
  readonly readingId: string;
}

/** How far a retroactive change has got, when it takes more than one commit. */
export interface Reattribution {
  /** The topology it leads to. */
  readonly toSeq: number;
  /** Everything up to here, in (DPU, timestamp, reading id) order, is done. */
  readonly after: ReadingPlace;
}

export interface PositionEntry {
  readonly kind: 'position';
  readonly router: Partition;
  /** Says which attempt wrote it, so that a commit with unknown outcome can be settled. */
  readonly commitId: string;
  /** Where in the log the router's position before this one stands; 0 for the first. */
  readonly previousSeq: number;
  /** How many messages this commit wrote to each partition; those without any are left out. */
  readonly payloads: Readonly<Partial<Record<Partition, number>>>;
  /** READINGS is consumed up to here, inclusive, but for backlogs. */
  readonly readingsSeq: number;
  /** What this commit consumed came after here. */
  readonly previousReadingsSeq: number;
  /** Of these subjects, the entries from a first one up to `readingsSeq` are set aside, and not consumed. */
  readonly backlogs: readonly (readonly [subject: string, firstSeq: number])[];
  /** It says again where readings count, after a change of the topology, and consumes none. */
  readonly isMove: boolean;
  readonly topologySeq: number;
  readonly reattribution: Reattribution | null;
  /**
   * READINGS up to here was routed by a version that took the `id` alone for a reading's identity; 0 once all of
   * it is in ClickHouse.
   */
  readonly previousFormSeq: number;
  /** Everything stored in READINGS up to this arrival time has been routed. */
  readonly clockMs: number;
  readonly counters: RouterCounters;
}

/**
 * The last element, 1, says that a named reading has an id of the present form. Tuples without it were written
 * when ids had the previous form, and keep theirs: a block that is cut again must have the same rows.
 */
export type EventTuple = [number, string, number, number, Direction, Direction, 1 | -1, 0 | 1, string?, 1?];

/** READINGS is consumed up to here, whole. */
export function consumedThrough({ readingsSeq, backlogs }: Pick<PositionEntry, 'readingsSeq' | 'backlogs'>): number {
  return backlogs.reduce((least, [, firstSeq]) => Math.min(least, firstSeq - 1), readingsSeq);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function toTuple(event: SpaceEvent): EventTuple {
  const { spaceId, dpuId, doorwayId, timestampMs, direction, delta, sign, primary, name } = event;
  const tuple: EventTuple = [spaceId, dpuId, doorwayId, timestampMs, direction, delta, sign, primary ? 1 : 0];
  if (name !== undefined) tuple.push(name);
  if (name !== undefined && !event.hasPreviousId) tuple.push(1);
  return tuple;
}

export function fromTuple(tuple: EventTuple, seq: number): LoggedEvent {
  const [spaceId, dpuId, doorwayId, timestampMs, direction, delta, sign, primary, name, isPresentForm] = tuple;
  const event = {
    spaceId: spaceId as SpaceId, dpuId: dpuId as DpuId, doorwayId: doorwayId as DoorwayId,
    timestampMs, direction, delta, sign, primary: primary === 1, seq,
  };
  if (name === undefined) return { ...event, readingId: readingIdOf(event) };
  const named = isPresentForm ? { ...event, name } : { ...event, name, hasPreviousId: true as const };
  return { ...named, readingId: readingIdOf(named) };
}

/** Entries of version 1 are read as well: their named readings have ids of the previous form. */
const VERSION = 2;
type Version = 1 | typeof VERSION;

interface WireSpaceEntry {
  v: Version;
  e: EventTuple[];
  h?: [number, string, number][];
  c?: SpaceConfig[];
  s?: Settings;
}

export function encodeSpaceEntry(entry: SpacePayload): Uint8Array {
  const wire: WireSpaceEntry = { v: VERSION, e: entry.events.map(toTuple) };
  if (entry.heartbeats.length > 0) wire.h = entry.heartbeats.map((h) => [h.spaceId, h.dpuId, h.timestampMs]);
  if (entry.configs.length > 0) wire.c = [...entry.configs];
  if (entry.settings) wire.s = entry.settings;
  return encoder.encode(JSON.stringify(wire));
}

export function encodePosition(position: PositionEntry): Uint8Array {
  return encoder.encode(JSON.stringify({ v: VERSION, ...position }));
}

type AddedLater = 'backlogs' | 'isMove' | 'previousFormSeq';
type WirePosition = { v: Version } & Omit<PositionEntry, AddedLater> & { -readonly [Name in AddedLater]?: PositionEntry[Name] };

/** Positions of earlier versions are without the fields that came later. */
function withAddedLater(wire: WirePosition): PositionEntry {
  wire.backlogs ??= [];
  wire.isMove ??= false;
  wire.previousFormSeq ??= wire.readingsSeq;
  return wire as PositionEntry;
}

/** Reads what this code wrote. @throws Error for an unknown version: the log is from newer code */
export function decodeEntry({ seq, data }: Pick<StoredEntry, 'seq' | 'data'>): SpaceEntry | PositionEntry {
  const wire = JSON.parse(decoder.decode(data)) as WireSpaceEntry | WirePosition;
  if (wire.v !== 1 && wire.v !== VERSION) throw new Error(`SPACE_EVENTS entry of unknown version ${String(wire.v)}`);
  if (!('e' in wire)) return withAddedLater(wire);
  return {
    kind: 'space',
    events: wire.e.map((tuple) => fromTuple(tuple, seq)),
    heartbeats: (wire.h ?? []).map(([spaceId, dpuId, timestampMs]) => ({ spaceId: spaceId as SpaceId, dpuId: dpuId as DpuId, timestampMs })),
    configs: wire.c ?? [],
    settings: wire.s,
  };
}
