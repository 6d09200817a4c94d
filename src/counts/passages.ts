// Who passed a doorway, or a DPU wherever it was, per interval. A reading counts once, as its DPU reports it: entrances are in
// direction 1. Held, excluded and deleted readings count nowhere, so not here either (T25).
import { Failure } from '../domain/failure.ts';
import type { LoggedEvent } from '../domain/log-entry.ts';
import type { DoorwayId, DpuId, SpaceId } from '../domain/ids.ts';
import type { Passed } from '../domain/measure.ts';
import { placementsOf, type Placement } from '../domain/placement.ts';
import { passedBy } from '../domain/space-event.ts';
import type { Doorway } from '../domain/topology.ts';
import { existing, type TopologyHistory } from '../domain/topology-history.ts';
import type { History, PassageSource } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import type { Timing } from '../runtime/timing.ts';
import { lastInstantOf } from './count-at.ts';
import { reportsAtOnce, type EventsReport } from './reports-at-once.ts';
import { unstoredIn } from './runs.ts';

export interface PassageInterval extends Passed {
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
  readonly isFinal: boolean;
}

export interface PassagesAnswer {
  readonly intervals: readonly PassageInterval[];
  /** The place in SPACE_EVENTS up to which events are in it. */
  readonly seq: number;
}

interface PassagesDeps {
  readonly topology: { readonly history: TopologyHistory; catchUp(): Promise<unknown> };
  readonly reports: SpaceReports;
  readonly history: Pick<History, 'passages'>;
  readonly timing: Pick<Timing, 'pause'>;
}

/** The topology may change while a question is answered, but not at every attempt. */
const ATTEMPTS_MAX = 5;

/** Where the readings of a source are. */
interface Whereabouts {
  /** Spaces that may have events of it: all in which its readings ever counted, because a move may still be under way. */
  readonly spaces: ReadonlySet<SpaceId>;
  /** The spaces in which those of a span count now: their watermarks say whether an interval is final. */
  readonly countedIn: (startMs: number, endMs: number) => readonly SpaceId[];
}

export class Passages {
  readonly #deps: PassagesDeps;

  constructor(deps: PassagesDeps) {
    this.#deps = deps;
  }

  /** @param boundsMs ascending; interval i is `[bounds[i], bounds[i + 1])` */
  async ofDoorway(doorwayId: DoorwayId, boundsMs: readonly number[]): Promise<PassagesAnswer> {
    return this.#of({ doorwayId }, boundsMs, (topology) => {
      const countedIn = primarySpaces(existing(topology.latest().doorway(doorwayId), `doorway ${doorwayId}`));
      const spaces = new Set(topology.doorwayVersions(doorwayId).flatMap(primarySpaces));
      return { spaces, countedIn: () => countedIn };
    });
  }

  /** Likewise. */
  async ofDpu(dpuId: DpuId, boundsMs: readonly number[]): Promise<PassagesAnswer> {
    const [firstMs, lastMs] = [boundsMs[0] ?? 0, boundsMs.at(-1) ?? 0];
    return this.#of({ dpuId }, boundsMs, (topology) => {
      const view = topology.latest();
      const { placements } = existing(view.dpu(dpuId), `DPU ${dpuId}`);
      const doorways = topology
        .dpuVersions(dpuId)
        .flatMap((version) => doorwaysBetween(placementsOf(version.placements), firstMs, lastMs));
      const spacesEver = (id: DoorwayId): SpaceId[] => topology.doorwayVersions(id).flatMap(primarySpaces);
      return {
        spaces: new Set([...new Set(doorways)].flatMap(spacesEver)),
        countedIn: (startMs, endMs) =>
          doorwaysBetween(placementsOf(placements), startMs, endMs).flatMap((id) => {
            const doorway = view.doorway(id);
            return doorway ? primarySpaces(doorway) : [];
          }),
      };
    });
  }

  async #of(
    source: PassageSource,
    boundsMs: readonly number[],
    find: (topology: TopologyHistory) => Whereabouts,
  ): Promise<PassagesAnswer> {
    const { reports, countedIn } = await this.#reports(find, lastInstantOf(boundsMs));
    // An instant is a millisecond: `[a, b)` is `(a - 1, b - 1]`.
    const edgesMs = boundsMs.map((bound) => bound - 1);
    const spaces = reports.map(({ spaceId, storedBlock: block }) => ({ spaceId, block }));
    const stored = spaces.length === 0 ? [] : await this.#deps.history.passages({ source, spaces, edgesMs });
    const unstored = reports.flatMap((report) => passagesIn(report, source, edgesMs));
    const watermarks = new Map(reports.map(({ spaceId, watermarkMs }) => [spaceId, watermarkMs]));
    const intervals = withUnstored(stored, unstored, edgesMs).map((people, n) => {
      const [startMs, endMs] = [boundsMs[n] ?? 0, boundsMs[n + 1] ?? 0];
      const where = countedIn(startMs, endMs);
      const isPast = (spaceId: SpaceId): boolean => endMs - 1 <= (watermarks.get(spaceId) ?? -Infinity);
      return { startMs, endMs, ...people, isFinal: where.length > 0 && where.every(isPast) };
    });
    return { intervals, seq: reports[0]?.seq ?? 0 };
  }

  /** Reports of all spaces that may have events of a source, under a topology at least as new as the events in them. */
  async #reports(
    find: (topology: TopologyHistory) => Whereabouts,
    atMs: number,
  ): Promise<Pick<Whereabouts, 'countedIn'> & { readonly reports: readonly EventsReport[] }> {
    const { topology, reports, timing } = this.#deps;
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const { spaces } = find(topology.history);
      const found = await reportsAtOnce(reports, [...spaces], atMs, timing);
      await topology.catchUp().catch(unreadable);
      const { spaces: needed, countedIn } = find(topology.history);
      if ([...needed].every((spaceId) => spaces.has(spaceId))) return { reports: found, countedIn };
    }
    throw new Failure('unavailable', 'the topology is changing too fast', { retryAfterSeconds: 1 });
  }
}

function unreadable(cause: unknown): never {
  throw new Failure('unavailable', 'the logs cannot be read at the moment', { cause, retryAfterSeconds: 5 });
}

/** The space in which the primary event of a doorway's readings is (`attribute`). */
function primarySpaces({ ingressSpaceId, egressSpaceId }: Doorway): SpaceId[] {
  return [ingressSpaceId ?? egressSpaceId].filter((spaceId) => spaceId !== null);
}

function doorwaysBetween(placements: readonly Placement[], startMs: number, endMs: number): DoorwayId[] {
  return placements.flatMap(({ doorwayId, fromMs, toMs }) =>
    doorwayId !== null && fromMs < endMs && toMs > startMs ? [doorwayId] : [],
  );
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
