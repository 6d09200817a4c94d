// What a change of the topology would correct: which readings would be retracted where they count now, and asserted where they
// would count. It follows the rules of a router's re-attribution, applied to the events of the spaces.
import type { DoorwayId, DpuId, SpaceId } from '../domain/ids.ts';
import { DELETED_DOORWAY, NO_DOORWAY, NOWHERE } from '../domain/ids.ts';
import { addTo } from '../domain/lists.ts';
import { loggedEvent, type LoggedEvent } from '../domain/log-entry.ts';
import { END_MS } from '../domain/instant.ts';
import type { Passed } from '../domain/measure.ts';
import type { Span } from '../domain/placement.ts';
import type { Reading } from '../domain/reading.ts';
import { modulusOf, passedUnder, Series, seriesKeyOf, type SeriesKey } from '../domain/series.ts';
import { attribute, passedBy, readingOf, uncountedAs, type SpaceEvent } from '../domain/space-event.ts';
import { isMoved, isWithin, type TopologyChange } from '../domain/topology-change.ts';
import type { DpuClaim } from '../ports/history.ts';

/** Where readings count, and who passed in them. */
export interface Attribution extends Passed {
  readonly state: 'counted' | ReturnType<typeof uncountedAs>;
  /** Null if the DPU is above none, or the reading is deleted. */
  readonly doorwayId: DoorwayId | null;
  readonly ingressSpaceId: SpaceId | null;
  readonly egressSpaceId: SpaceId | null;
}

/** Readings of one DPU that would be corrected alike. */
export interface Correction {
  readonly dpuId: DpuId;
  readonly readings: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly from: Attribution;
  readonly to: Attribution;
}

export interface Corrections {
  /** By DPU, then by the first of their readings. */
  readonly corrections: readonly Correction[];
  readonly readings: number;
  /** By space: the retractions and assertions that change something there. */
  readonly events: ReadonlyMap<SpaceId, readonly LoggedEvent[]>;
}

/** What DPUs have asserted in a space and not retracted, stored or not. */
export function standing(stored: readonly DpuClaim[], unstored: readonly LoggedEvent[]): LoggedEvent[] {
  const claims = new Map<string, { event: LoggedEvent; signs: number }>();
  const add = (event: LoggedEvent, signs: number): void => {
    const { dpuId, timestampMs, readingId, doorwayId, entrances, exits, isEgress, primary } = event;
    const key = [dpuId, timestampMs, readingId, doorwayId, entrances, exits, isEgress, primary].join(' ');
    const claim = claims.get(key) ?? { event, signs: 0 };
    claims.set(key, { event, signs: claim.signs + signs });
  };
  for (const { event, signs } of stored) add(event, signs);
  for (const event of unstored) add(event, event.sign);
  return [...claims.values()].filter(({ signs }) => signs > 0).map(({ event }) => event);
}

/**
 * @param claims the events that stand of all readings that the change may affect, in all of their spaces
 * @param span from `claimedSpan`
 */
export function correctionsOf(change: TopologyChange, claims: readonly LoggedEvent[], span?: Span): Corrections {
  const byReading = new Map<string, LoggedEvent[]>();
  for (const claim of claims) addTo(byReading, `${claim.dpuId} ${claim.timestampMs} ${claim.readingId}`, claim);
  const series = seriesIn(claims);
  const altered = { series: alteredSeries(change, claims), toMs: span?.toMs ?? END_MS };
  const groups = new Map<string, Group>();
  const events = new Map<SpaceId, LoggedEvent[]>();
  let readings = 0;
  for (const before of byReading.values()) {
    const [first] = before;
    if (!first) continue;
    const reading = readingOf(first);
    const was = passedBy(first);
    const is = isRecomputed(change, altered, reading) ? passedUnder(change.after, reading, series) : was;
    if (!isMoved(change, reading, was, is)) continue;
    const after = attribute(change.after, reading, is, 1);
    for (const event of before) addTo(events, event.spaceId, { ...event, sign: -1 });
    for (const event of after) addTo(events, event.spaceId, loggedEvent(event, 0));
    readings += 1;
    addToGroup(groups, reading, attributionOf(before), attributionOf(after));
  }
  return {
    corrections: [...groups.values()].sort(
      (a, b) => (a.dpuId < b.dpuId ? -1 : a.dpuId > b.dpuId ? 1 : 0) || a.firstMs - b.firstMs,
    ),
    readings,
    events: new Map([...events].map(([spaceId, some]) => [spaceId, withoutCancelled(some)])),
  };
}

type Group = { -readonly [Field in keyof Correction]: Correction[Field] };

function addToGroup(groups: Map<string, Group>, reading: Reading, from: Attribution, to: Attribution): void {
  const { dpuId, timestampMs } = reading;
  const key = JSON.stringify([dpuId, placeOf(from), placeOf(to)]);
  const group = groups.get(key);
  if (!group) {
    groups.set(key, { dpuId, readings: 1, firstMs: timestampMs, lastMs: timestampMs, from, to });
    return;
  }
  group.readings += 1;
  group.firstMs = Math.min(group.firstMs, timestampMs);
  group.lastMs = Math.max(group.lastMs, timestampMs);
  group.from = plus(group.from, from);
  group.to = plus(group.to, to);
}

function plus(sum: Attribution, { entrances, exits }: Passed): Attribution {
  return { ...sum, entrances: sum.entrances + entrances, exits: sum.exits + exits };
}

const placeOf = ({ state, doorwayId, ingressSpaceId, egressSpaceId }: Attribution): unknown[] => [
  state,
  doorwayId,
  ingressSpaceId,
  egressSpaceId,
];

/** @param events all of one reading, at least one */
function attributionOf(events: readonly SpaceEvent[]): Attribution {
  const [first] = events;
  const counted = events.filter(({ spaceId }) => spaceId !== NOWHERE);
  const doorwayId = first?.doorwayId ?? NO_DOORWAY;
  return {
    state: counted.length > 0 ? 'counted' : uncountedAs(doorwayId),
    doorwayId: doorwayId === NO_DOORWAY || doorwayId === DELETED_DOORWAY ? null : doorwayId,
    ingressSpaceId: counted.find(({ isEgress }) => !isEgress)?.spaceId ?? null,
    egressSpaceId: counted.find(({ isEgress }) => isEgress)?.spaceId ?? null,
    ...(first ? passedBy(first) : { entrances: 0, exits: 0 }),
  };
}

/**
 * True if the change may alter what the reading counts: by a new modulus, or by deleting or restoring a reading of the same series.
 * Nothing else matters, because a series contains its readings wherever they count. Readings outside the span that was read are left
 * out: they keep what they count, and their predecessors may be unknown here.
 */
function isRecomputed(change: TopologyChange, altered: Altered, reading: Reading): boolean {
  const { before, after } = change;
  if (modulusOf(before, reading.dpuId) !== modulusOf(after, reading.dpuId)) return true;
  const key = seriesKeyOf(reading);
  const isKnown = reading.timestampMs < altered.toMs && isWithin(reading, change);
  return key !== undefined && altered.series.has(key) && isKnown;
}

interface Altered {
  readonly series: ReadonlySet<SeriesKey>;
  readonly toMs: number;
}

/** The series of which the change deletes or restores a reading. */
function alteredSeries({ before, after }: TopologyChange, claims: readonly LoggedEvent[]): Set<SeriesKey> {
  return new Set(
    claims
      .map(readingOf)
      .filter((reading) => before.isDeleted(reading) !== after.isDeleted(reading))
      .flatMap((reading) => seriesKeyOf(reading) ?? []),
  );
}

function seriesIn(claims: readonly LoggedEvent[]): ReadonlyMap<SeriesKey, Series> {
  const series = new Map<SeriesKey, Series>();
  for (const claim of claims) {
    const reading = readingOf(claim);
    const key = seriesKeyOf(reading);
    if (key === undefined) continue;
    const found = series.get(key) ?? new Series();
    series.set(key, found);
    found.add(reading);
  }
  return series;
}

/** A reading that counts in the same way through another doorway changes nothing in a space. */
function withoutCancelled(events: readonly LoggedEvent[]): LoggedEvent[] {
  const keyOf = ({ timestampMs, readingId, entrances, exits }: LoggedEvent): string =>
    [timestampMs, readingId, entrances, exits].join(' ');
  const sums = new Map<string, number>();
  for (const event of events) sums.set(keyOf(event), (sums.get(keyOf(event)) ?? 0) + event.sign);
  return events.filter((event) => sums.get(keyOf(event)) !== 0);
}
