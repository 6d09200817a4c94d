// Who passed a doorway, or a DPU wherever it was, per interval. A reading counts once, as its DPU reports it: entrances are in
// direction 1. Held, excluded and deleted readings count nowhere, so not here either (T25). An answer has its place in the logs, and
// can be given again by it (T26, docs/adr/0111).
import type { AsOf } from '../domain/as-of.ts';
import { Failure } from '../domain/failure.ts';
import { refusedMoment, refuseFuture } from '../domain/refused-moment.ts';
import type { LoggedEvent } from '../domain/log-entry.ts';
import { isSamePlace, type LogPlace } from '../domain/log-place.ts';
import type { SpaceId } from '../domain/ids.ts';
import type { Passed } from '../domain/measure.ts';
import { passedBy } from '../domain/space-event.ts';
import type { TopologyHistory, TopologyView } from '../domain/topology-history.ts';
import { placeIn, type TopologyAsOf } from '../domain/topology-place.ts';
import type { History, PassageSource } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import type { Timing } from '../runtime/timing.ts';
import { placeFor, type AsKnown, type KnownAt } from './as-known.ts';
import { lastInstantOf } from './count-at.ts';
import { asOfAnswer } from './known-space.ts';
import { reportsAtOnce, type EventsReport } from './reports-at-once.ts';
import { unstoredIn } from './runs.ts';
import { whereaboutsOf, type Whereabouts } from './whereabouts.ts';

export interface PassageInterval extends Passed {
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
  readonly isFinal: boolean;
}

/**
 * Places of the spaces by whose watermarks the intervals are final, all at one place in the logs. Without such a space, the place
 * of one in which readings ever counted; without any of those, the place in the topology alone.
 */
export type PassagesPlace = { readonly asOf: readonly AsOf[] } | { readonly topology: TopologyAsOf };

export interface PassagesAnswer {
  readonly intervals: readonly PassageInterval[];
  /** The topology that it is by. */
  readonly view: TopologyView;
  /** The instant of the question. */
  readonly nowMs: number;
  readonly place: PassagesPlace;
}

/** The place of an earlier answer, or a time. */
export type PassagesKnownAt = KnownAt | { readonly topology: TopologyAsOf };

/**
 * The bounds that a question asks for, by the clock of some topology: ascending, and interval i is `[bounds[i], bounds[i + 1])`.
 * @param nowMs the instant of the question
 */
export type BoundsIn = (view: TopologyView, nowMs: number) => readonly number[];

interface PassagesDeps {
  readonly topology: { readonly history: TopologyHistory; catchUp(): Promise<unknown> };
  readonly reports: SpaceReports;
  readonly history: Pick<History, 'passages'>;
  readonly asKnown: Pick<AsKnown, 'report' | 'topologyAt' | 'placesAt'>;
  readonly timing: Pick<Timing, 'pause'>;
  readonly now: () => number;
}

/** The topology may change while a question is answered, but not at every attempt. */
const ATTEMPTS_MAX = 5;
/** A place names at most so many spaces, because headers are limited. With more, all are as final as the one that is least so. */
const PLACES_MAX = 100;

/** A question, by the topology at a place. */
interface Asked {
  readonly source: PassageSource;
  readonly topology: TopologyAsOf;
  readonly view: TopologyView;
  readonly boundsMs: readonly number[];
  readonly where: Whereabouts;
  /** All spaces in which readings of the intervals count. */
  readonly counted: readonly SpaceId[];
}

export class Passages {
  readonly #deps: PassagesDeps;

  constructor(deps: PassagesDeps) {
    this.#deps = deps;
  }

  /** @throws Failure not_found if there is no such doorway or DPU */
  async of(source: PassageSource, boundsIn: BoundsIn): Promise<PassagesAnswer> {
    const { topology, reports, timing, now } = this.#deps;
    const nowMs = now();
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const { where, boundsMs } = this.#asked(source, boundsIn, { ...placeIn(topology.history), atMs: nowMs });
      const lastMs = lastInstantOf(boundsMs);
      const found = await reportsAtOnce(reports, where.spaces, lastMs, timing);
      // The topology has to be at least as new as the events in the reports.
      await topology.catchUp().catch(unreadable);
      const asked = this.#asked(source, boundsIn, { ...placeIn(topology.history), atMs: nowMs });
      const hasAll = asked.where.spaces.every((spaceId) => where.spaces.includes(spaceId));
      if (hasAll && lastInstantOf(asked.boundsMs) === lastMs) return this.#answer(asked, found);
    }
    throw new Failure('unavailable', 'the topology is changing too fast', { retryAfterSeconds: 1 });
  }

  /** Likewise, as it was known. @throws Failure invalid for a moment that cannot be answered */
  async asKnown(source: PassageSource, boundsIn: BoundsIn, knownAt: PassagesKnownAt): Promise<PassagesAnswer> {
    const { topology, asKnown, now } = this.#deps;
    if ('topology' in knownAt) {
      const asked = this.#asked(source, boundsIn, knownAt.topology);
      const [spaceId] = asked.where.spaces;
      if (spaceId === undefined) return this.#answer(asked, []);
      throw refusedMoment(`is a place in the topology log alone, and this question is about space ${spaceId}`);
    }
    if ('atMs' in knownAt) refuseFuture(knownAt.atMs, now());
    // A time stands for all entries that were stored by then, and a place may have events that are newer than its topology.
    await topology.catchUp().catch(unreadable);
    if ('asOf' in knownAt) return this.#atPlaces(source, boundsIn, knownAt.asOf);
    const time = await asKnown.topologyAt(knownAt.atMs);
    const asked = this.#asked(source, boundsIn, time);
    if (asked.where.spaces.length === 0) return this.#answer(asked, []);
    const spaces = asked.counted.length > 0 ? asked.counted : namedIn(asked);
    return this.#atPlaces(source, boundsIn, await asKnown.placesAt(spaces, time));
  }

  async #atPlaces(source: PassageSource, boundsIn: BoundsIn, places: readonly AsOf[]): Promise<PassagesAnswer> {
    const { asKnown } = this.#deps;
    const first = oneMoment(places);
    // Checks that the logs have this place, so before the topology there is used.
    const report = await asKnown.report(first);
    const { topologySeq: seq, topologyDigest: digest, atMs } = first;
    const asked = this.#asked(source, boundsIn, { seq, digest, atMs });
    for (const spaceId of namedIn(asked)) placeFor(spaceId, places);
    const reportsOf = async (spaceIds: readonly SpaceId[]): Promise<EventsReport[]> =>
      Promise.all(
        spaceIds.map(async (spaceId) => {
          const place = places.find((each) => each.spaceId === spaceId) ?? { ...first, spaceId };
          return spaceId === first.spaceId ? report : asKnown.report(place);
        }),
      );
    await this.#refuseNewer(asked, await reportsOf(asked.where.laterSpaces()), first);
    return this.#answer(asked, await reportsOf(asked.where.spaces), first);
  }

  /**
   * The place of a count may have the events of a move without its entry in the topology. The spaces from which readings were
   * moved then say nothing of where they are.
   * @param reports of the spaces in which readings can be only by a later topology
   * @throws Failure invalid if some are there at the place
   */
  async #refuseNewer(asked: Asked, reports: readonly EventsReport[], place: LogPlace): Promise<void> {
    const passed = await this.#passed(asked, reports, place);
    if (passed.every(({ entrances, exits }) => entrances === 0 && exits === 0)) return;
    const spaces = reports.map(({ spaceId }) => spaceId).join(' or ');
    throw refusedMoment(
      `is a moment whose events are newer than its topology: readings of this question are already in space ${spaces}, where only a later change puts them`,
    );
  }

  #asked(source: PassageSource, boundsIn: BoundsIn, topology: TopologyAsOf): Asked {
    const { history } = this.#deps.topology;
    const view = history.at(topology.seq);
    const boundsMs = boundsIn(view, topology.atMs);
    const where = whereaboutsOf(source, boundsMs, history, topology.seq);
    const counted = new Set(where.countedIn(boundsMs[0] ?? 0, boundsMs.at(-1) ?? 0));
    return { source, topology, view, boundsMs, where, counted: [...counted] };
  }

  /** @param reports as of one place in the log, of all spaces that are concerned */
  async #answer(asked: Asked, reports: readonly EventsReport[], upTo?: LogPlace): Promise<PassagesAnswer> {
    const { topology, view, boundsMs, where } = asked;
    const passed = await this.#passed(asked, reports, upTo);
    const judged = judgedTogether(reports, asked.counted);
    const watermarks = new Map(judged.map(({ spaceId, watermarkMs }) => [spaceId, watermarkMs]));
    const intervals = passed.map((people, n) => {
      const [startMs, endMs] = [boundsMs[n] ?? 0, boundsMs[n + 1] ?? 0];
      const countedIn = where.countedIn(startMs, endMs);
      const isPast = (spaceId: SpaceId): boolean => endMs - 1 <= (watermarks.get(spaceId) ?? -Infinity);
      return { startMs, endMs, ...people, isFinal: countedIn.length > 0 && countedIn.every(isPast) };
    });
    const named = new Set(namedIn(asked));
    const asOf = judged
      .filter(({ spaceId }) => named.has(spaceId))
      .map((report) => asOfAnswer(report, topology, topology.atMs));
    return { intervals, view, nowMs: topology.atMs, place: asOf.length > 0 ? { asOf } : { topology } };
  }

  /** Who passed in each interval, by the events of some spaces. */
  async #passed(
    { source, boundsMs }: Asked,
    reports: readonly EventsReport[],
    upTo: LogPlace | undefined,
  ): Promise<Passed[]> {
    // An instant is a millisecond: `[a, b)` is `(a - 1, b - 1]`.
    const edgesMs = boundsMs.map((bound) => bound - 1);
    const spaces = reports.map(({ spaceId, storedBlock: block }) => ({ spaceId, block }));
    const stored = spaces.length === 0 ? [] : await this.#deps.history.passages({ source, spaces, upTo, edgesMs });
    const unstored = reports.flatMap((report) => passagesIn(report, source, edgesMs));
    return withUnstored(stored, unstored, edgesMs);
  }
}

/** The spaces that a place names. */
function namedIn({ counted, where }: Asked): readonly SpaceId[] {
  if (counted.length > PLACES_MAX) return counted.slice(0, 1);
  return counted.length > 0 ? counted : where.spaces.slice(0, 1);
}

/** Reports with the watermarks by which intervals are final. */
function judgedTogether(reports: readonly EventsReport[], counted: readonly SpaceId[]): readonly EventsReport[] {
  if (counted.length <= PLACES_MAX) return reports;
  const spaces = new Set(counted);
  const least = Math.min(...reports.filter(({ spaceId }) => spaces.has(spaceId)).map((report) => report.watermarkMs));
  return reports.map((report) => ({ ...report, watermarkMs: least }));
}

/** @returns the first of places that are all of one moment */
function oneMoment([first, ...others]: readonly AsOf[]): AsOf {
  if (first && others.every((place) => isSamePlace(place, first) && hasSameTopology(place, first))) return first;
  throw refusedMoment('has places of several moments, and this question is about one');
}

function hasSameTopology(a: AsOf, b: AsOf): boolean {
  return a.topologySeq === b.topologySeq && a.topologyDigest === b.topologyDigest;
}

function unreadable(cause: unknown): never {
  throw new Failure('unavailable', 'the logs cannot be read at the moment', { cause, retryAfterSeconds: 5 });
}

function passagesIn(report: EventsReport, source: PassageSource, edgesMs: readonly number[]): LoggedEvent[] {
  return unstoredIn(report, edgesMs[0] ?? 0, edgesMs.at(-1) ?? 0).filter(
    ({ primary, dpuId, doorwayId }) =>
      primary && ('dpuId' in source ? dpuId === source.dpuId : doorwayId === source.doorwayId),
  );
}

function withUnstored(stored: readonly Passed[], events: readonly LoggedEvent[], edgesMs: readonly number[]): Passed[] {
  const sums = edgesMs.slice(1).map((_, n) => ({ entrances: 0, exits: 0, ...stored[n] }));
  for (const event of events) {
    const sum = sums[gapOf(event.timestampMs, edgesMs)];
    if (!sum) continue;
    const { entrances, exits } = passedBy(event);
    sum.entrances += event.sign * entrances;
    sum.exits += event.sign * exits;
  }
  return sums;
}

/** The index of the range `(edges[i], edges[i + 1]]` that an instant is in. */
function gapOf(atMs: number, edgesMs: readonly number[]): number {
  let [low, high] = [0, edgesMs.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((edgesMs[middle] ?? Infinity) < atMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
