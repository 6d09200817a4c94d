// Which blocks a list over all spaces or sensors includes: those that the shards have stored now, or had at an earlier moment.
import { anySpaceOf, allPartitions } from '../domain/partition.ts';
import { Failure } from '../domain/failure.ts';
import type { SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { StoredPlace } from '../domain/stored-place.ts';
import type { TopologyHistory, TopologyView } from '../domain/topology-history.ts';
import type { LogPlaces } from '../ports/log-places.ts';
import type { SpaceReports } from '../ports/reports.ts';
import { topologyAsKnown, type KnownTopology } from '../domain/known-topology.ts';
import { placeOf } from './known-space.ts';
import { refusedMoment, tooEarly } from '../domain/refused-moment.ts';

/** The place of an earlier list, or a time. */
export type StoredKnownAt = { readonly place: StoredPlace } | { readonly atMs: number };

export interface KnownLists {
  /** Undefined while a shard does not say what it has stored: then the list is of everything that is found. */
  readonly place: StoredPlace | undefined;
  readonly view: TopologyView;
}

interface StoredPlacesDeps {
  readonly partitions: number;
  readonly topology: TopologyHistory;
  readonly reports: SpaceReports;
  readonly places: Pick<LogPlaces, 'blocksCutBy' | 'blocksFromMs'>;
  readonly now: () => number;
}

export class StoredPlaces {
  readonly #deps: StoredPlacesDeps;
  /** One of each partition. */
  readonly #anySpaces: readonly SpaceId[];

  constructor(deps: StoredPlacesDeps) {
    this.#deps = deps;
    this.#anySpaces = allPartitions(deps.partitions).map((partition) => anySpaceOf(partition, deps.partitions));
  }

  /** What is stored now. */
  async now(): Promise<KnownLists> {
    const { topology } = this.#deps;
    const blocks = await this.#storedBlocks().catch((error: unknown) => {
      if (error instanceof Failure && error.kind === 'unavailable') return undefined;
      throw error;
    });
    return { place: blocks && { topology: placeOf(topology), blocks }, view: topology.latest() };
  }

  /** What was stored at an earlier moment. @throws Failure invalid for a moment that cannot be answered */
  async at(knownAt: StoredKnownAt): Promise<KnownLists & { readonly place: StoredPlace }> {
    if ('atMs' in knownAt) return this.#atTime(knownAt.atMs);
    const { place } = knownAt;
    if (place.blocks.length !== this.#deps.partitions)
      throw refusedMoment('is a place in logs with another number of partitions');
    return { place, view: this.#topologyAt({ place: place.topology }).view };
  }

  async #atTime(atMs: number): Promise<KnownLists & { readonly place: StoredPlace }> {
    const { partitions, places } = this.#deps;
    const { asOf, view } = this.#topologyAt({ atMs });
    const fromMs = await places.blocksFromMs();
    if (fromMs === undefined || atMs < fromMs) throw tooEarly(fromMs);
    // A block that was cut by then may still be on its way.
    const [cut, stored] = await Promise.all([places.blocksCutBy(partitions, atMs), this.#storedBlocks()]);
    const blocks = cut.map((block, partition) => Math.min(block, stored[partition] ?? 0));
    return { place: { topology: { seq: asOf.seq, digest: asOf.digest }, blocks }, view };
  }

  #topologyAt(moment: Parameters<typeof topologyAsKnown>[1]): KnownTopology {
    return topologyAsKnown(this.#deps.topology, moment, this.#deps.now());
  }

  /** By partition, the last block whose insert was acknowledged: a later one may be visible in one table and not in another. */
  async #storedBlocks(): Promise<number[]> {
    const reports = await Promise.all(
      this.#anySpaces.map(async (spaceId) => this.#deps.reports.report(spaceId, BEGINNING_MS)),
    );
    return reports.map(({ storedBlock }) => storedBlock);
  }
}
