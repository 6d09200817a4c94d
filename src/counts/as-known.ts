// What was known of a space at an earlier moment: at the place of an answer, or at a time. Refuses what cannot be answered
// exactly, and says from when on it can.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { AsOf } from '../domain/as-of.ts';
import { Failure } from '../domain/failure.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../domain/instant.ts';
import { isKnownAt, isSamePlace } from '../domain/log-place.ts';
import { partitionOfSpace } from '../domain/partition.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import { placeAt, type TopologyAsOf } from '../domain/topology-place.ts';
import type { KnownFrom, LogPlaces } from '../ports/log-places.ts';
import type { SpaceReports } from '../ports/reports.ts';
import { Counts, type GivenCount } from './counts.ts';
import { Explanations } from './explanations.ts';
import { historyUpTo, placeOf, reportAsOf, topologyAt, type TopologyOfCounts } from './known-space.ts';
import { Profiles } from './profiles.ts';
import { refusedMoment, refuseFuture, tooEarly } from '../domain/refused-moment.ts';
import { scheduleOf } from './schedule-of.ts';
import { SpaceEvents, type PagesOfSpace } from './space-events.ts';
import { Revisions, type HistoryOfRevisions, type Revised } from './revisions.ts';

const KNOWN_FROM_KEPT_MS = 60_000;
/** A place is recorded once for every shard that stores a block, so several questions about a time seldom find different ones. */
const ATTEMPTS_MAX = 5;

/** The places of earlier answers, each about one space, or a time. */
export type KnownAt = { readonly asOf: readonly AsOf[] } | { readonly atMs: number };

/** What was known of a space: whatever is computed from it is the answer of that moment. */
export interface KnownSpace {
  readonly asOf: AsOf;
  readonly topology: TopologyOfCounts;
  readonly counts: Counts;
  readonly explanations: Explanations;
  readonly profiles: Profiles;
  /** @throws Failure not_found if there was no such space */
  events(): SpaceEvents;
}

interface AsKnownDeps {
  readonly partitions: number;
  readonly topology: TopologyHistory;
  readonly reports: SpaceReports;
  readonly history: HistoryOfRevisions;
  readonly places: Pick<LogPlaces, 'placeAt' | 'knownFrom' | 'completeSeq'>;
  readonly pages: PagesOfSpace;
  readonly now: () => number;
}

export class AsKnown {
  readonly #revisions: Revisions;
  readonly #deps: AsKnownDeps;
  /** By partition, and when it was read. It changes only while processes of an earlier version are running. */
  readonly #from = new Map<Partition, { readonly found: Promise<KnownFrom>; readonly readMs: number }>();

  constructor(deps: AsKnownDeps) {
    this.#deps = deps;
    this.#revisions = new Revisions(deps);
  }

  /** @throws Failure invalid for a moment that cannot be answered */
  async space(spaceId: SpaceId, knownAt: KnownAt): Promise<KnownSpace> {
    const { topology, history, pages } = this.#deps;
    const asOf =
      'asOf' in knownAt
        ? placeFor(spaceId, knownAt.asOf)
        : await this.#asOfTime(spaceId, await this.topologyAt(knownAt.atMs));
    const report = await this.report(asOf);
    const known = [
      topologyAt(topology, asOf.topologySeq),
      { isCutOff: false, report: async () => Promise.resolve(report) },
      historyUpTo(history, asOf),
    ] as const;
    return {
      asOf,
      topology: known[0],
      counts: new Counts(...known),
      explanations: new Explanations(...known),
      profiles: new Profiles(...known),
      events: () =>
        new SpaceEvents({
          ...{ report, schedule: scheduleOf(known[0], spaceId), place: placeOf(known[0]) },
          ...{ history: known[2], pages },
        }),
    };
  }

  /** A count as it was known. @param atMs the instant; undefined for that of the place, or the time */
  async count(spaceId: SpaceId, atMs: number | undefined, knownAt: KnownAt): Promise<GivenCount> {
    const { asOf, counts } = await this.space(spaceId, knownAt);
    return counts.at(spaceId, atMs ?? asOf.atMs);
  }

  /**
   * What has changed in a span since an earlier moment.
   * @param toMs exclusive
   * @throws Failure as `space` does
   */
  async revised(spaceId: SpaceId, fromMs: number, toMs: number, since: KnownAt): Promise<Revised> {
    return this.#revisions.between(await this.space(spaceId, since), fromMs, toMs);
  }

  /** The report of a space as it was at a place. @throws Failure invalid for a place that cannot be answered */
  async report(asOf: AsOf): Promise<KnownReport> {
    const partition = this.#partitionOf(asOf.spaceId);
    const from = await this.#knownFrom(partition);
    // Nothing has to become final for it, so no tick is needed.
    const now = await this.#deps.reports.report(asOf.spaceId, BEGINNING_MS);
    await this.#check(partition, asOf, now, from);
    return reportAsOf(now, asOf);
  }

  /** The topology of a time. @throws Failure invalid for a time in the future, or before anything was recorded */
  async topologyAt(atMs: number): Promise<TopologyAsOf> {
    const { topology, now } = this.#deps;
    refuseFuture(atMs, now());
    const { firstMs } = await this.#knownFrom(0 as Partition);
    if (firstMs === undefined || atMs < firstMs) throw tooEarly(firstMs);
    return { ...placeAt(topology, atMs), atMs };
  }

  /** The places of several spaces that a time stands for: one place in the log. @param time as `topologyAt` returned it */
  async placesAt(spaceIds: readonly SpaceId[], time: TopologyAsOf): Promise<AsOf[]> {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const found: AsOf[] = [];
      for (const spaceId of spaceIds) found.push(await this.#asOfTime(spaceId, time));
      const [first] = found;
      // A block that was cut by then may be stored between two of these questions.
      if (found.every((place) => first && isSamePlace(place, first))) return found;
    }
    throw new Failure('unavailable', 'what was known at that time is still being stored', { retryAfterSeconds: 1 });
  }

  /** The newest place recorded at or before a time. */
  async #asOfTime(spaceId: SpaceId, { atMs, seq: topologySeq, digest: topologyDigest }: TopologyAsOf): Promise<AsOf> {
    const { history, places } = this.#deps;
    const partition = this.#partitionOf(spaceId);
    const { firstMs, floor } = await this.#knownFrom(partition);
    const place = await places.placeAt(partition, atMs);
    if (!place || (floor && !isKnownAt(floor, place))) throw tooEarly(firstMs);
    // Everything stored was final then, as in a state that is rebuilt from history.
    const [newest] = await history.newestInstants({
      spaceId,
      block: place.block,
      afterMs: BEGINNING_MS,
      upToMs: END_MS,
      limit: 1,
    });
    return {
      spaceId,
      epoch: place.epoch,
      seq: place.seq,
      topologySeq,
      topologyDigest,
      watermarkMs: newest?.timestampMs ?? BEGINNING_MS,
      atMs,
      isStale: false,
    };
  }

  #partitionOf(spaceId: SpaceId): Partition {
    return partitionOfSpace(spaceId, this.#deps.partitions);
  }

  async #check(partition: Partition, asOf: AsOf, report: KnownReport, from: KnownFrom): Promise<void> {
    const { topology, places } = this.#deps;
    const { epoch, seq, topologySeq, topologyDigest } = asOf;
    if (from.floor && !isKnownAt(from.floor, asOf)) throw tooEarly(from.firstMs);
    if (epoch < report.epoch && seq > (await places.completeSeq(partition, epoch)))
      throw refusedMoment('is shortly before the logs were repaired, and what was known then cannot be told any more');
    if (epoch > report.epoch || (epoch === report.epoch && topologySeq > topology.seq))
      throw new Failure('unavailable', 'this process has not read the logs up to there yet', { retryAfterSeconds: 1 });
    if ((topology.digestAt(topologySeq) ?? 0) !== topologyDigest)
      throw refusedMoment('is a place that the topology log does not have any more');
  }

  async #knownFrom(partition: Partition): Promise<KnownFrom> {
    const nowMs = this.#deps.now();
    const known = this.#from.get(partition);
    if (known && nowMs - known.readMs < KNOWN_FROM_KEPT_MS) return known.found;
    const asked = { found: this.#deps.places.knownFrom(partition), readMs: nowMs };
    this.#from.set(partition, asked);
    const found = await asked.found.catch(() => undefined);
    if (found?.firstMs === undefined && this.#from.get(partition) === asked) this.#from.delete(partition);
    return asked.found;
  }
}

/** The place of a space. @throws Failure invalid if there is none among those of a question */
export function placeFor(spaceId: SpaceId, places: readonly AsOf[]): AsOf {
  const found = places.find((place) => place.spaceId === spaceId);
  if (found) return found;
  throw refusedMoment(
    `is the place of an answer about space ${places.map((place) => place.spaceId).join(', ')}, and this question is about space ${spaceId}`,
  );
}
