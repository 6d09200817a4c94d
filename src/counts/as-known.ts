// What was known of a space at an earlier moment: at the place of an answer, or at a time. Refuses what cannot be answered
// exactly, and says from when on it can.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { AsOf } from '../domain/as-of.ts';
import { Failure } from '../domain/failure.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../domain/instant.ts';
import { isKnownAt } from '../domain/log-place.ts';
import { partitionOfSpace } from '../domain/partition.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import { placeAt } from '../domain/topology-place.ts';
import type { KnownFrom, LogPlaces } from '../ports/log-places.ts';
import type { SpaceReports } from '../ports/reports.ts';
import { Counts, type GivenCount } from './counts.ts';
import { Explanations } from './explanations.ts';
import { historyUpTo, placeOf, reportAsOf, topologyAt, type TopologyOfCounts } from './known-space.ts';
import { Profiles } from './profiles.ts';
import { refusedMoment, tooEarly } from '../domain/refused-moment.ts';
import { scheduleOf } from './schedule-of.ts';
import { SpaceEvents, type PagesOfSpace } from './space-events.ts';
import { Revisions, type HistoryOfRevisions, type Revised } from './revisions.ts';

const KNOWN_FROM_KEPT_MS = 60_000;

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
  readonly #from = new Map<Partition, { readonly found: KnownFrom; readonly readMs: number }>();

  constructor(deps: AsKnownDeps) {
    this.#deps = deps;
    this.#revisions = new Revisions(deps);
  }

  /** @throws Failure invalid for a moment that cannot be answered */
  async space(spaceId: SpaceId, knownAt: KnownAt): Promise<KnownSpace> {
    const { partitions, topology, reports, history, pages } = this.#deps;
    const partition = partitionOfSpace(spaceId, partitions);
    const from = await this.#knownFrom(partition);
    const asOf =
      'asOf' in knownAt
        ? placeFor(spaceId, knownAt.asOf)
        : await this.#asOfTime(partition, spaceId, knownAt.atMs, from);
    // Nothing has to become final for it, so no tick is needed.
    const now = await reports.report(spaceId, BEGINNING_MS);
    await this.#check(partition, asOf, now, from);
    const report = reportAsOf(now, asOf);
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

  /** The newest place recorded at or before a time. */
  async #asOfTime(partition: Partition, spaceId: SpaceId, atMs: number, { firstMs, floor }: KnownFrom): Promise<AsOf> {
    const { topology, history, places, now } = this.#deps;
    if (atMs > now()) throw refusedMoment('is in the future');
    const place = await places.placeAt(partition, atMs);
    if (!place || (floor && !isKnownAt(floor, place))) throw tooEarly(firstMs);
    const { seq: topologySeq, digest: topologyDigest } = placeAt(topology, atMs);
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
    const found = await this.#deps.places.knownFrom(partition);
    if (found.firstMs !== undefined) this.#from.set(partition, { found, readMs: nowMs });
    return found;
  }
}

function placeFor(spaceId: SpaceId, places: readonly AsOf[]): AsOf {
  const found = places.find((place) => place.spaceId === spaceId);
  if (found) return found;
  throw refusedMoment(
    `is the place of an answer about space ${places.map((place) => place.spaceId).join(', ')}, and this question is about space ${spaceId}`,
  );
}
