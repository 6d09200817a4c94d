// Which blocks a list over all spaces or sensors includes: those that the shards have stored now, or had at an earlier moment.
import { anySpaceOf, allPartitions } from '../domain/partition.ts';
import { Failure } from '../domain/failure.ts';
import type { SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { StoredPlace } from '../domain/stored-place.ts';
import type { TopologyHistory, TopologyView } from '../domain/topology-history.ts';
import type { History } from '../ports/history.ts';
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
  readonly history: Pick<History, 'storedTotals'>;
  readonly places: Pick<LogPlaces, 'blocksCutBy' | 'blocksFromMs'>;
  readonly now: () => number;
}

export class StoredPlaces {
  readonly #deps: StoredPlacesDeps;
  /** One of each partition. */
  readonly #anySpaces: readonly SpaceId[];
  /** Never changes once it is recorded. */
  #fromMs: number | undefined;
  /** Questions at the same time share an answer. */
  #asking: Promise<readonly number[]> | undefined;

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
    const last = await this.#lastBlocks();
    if (place.blocks.some((block, partition) => block > (last[partition] ?? 0)))
      throw new Failure('unavailable', 'ClickHouse does not have all that was stored at this place', {
        retryAfterSeconds: 5,
      });
    return { place, view: this.#topologyAt({ place: place.topology }).view };
  }

  async #atTime(atMs: number): Promise<KnownLists & { readonly place: StoredPlace }> {
    const { places } = this.#deps;
    const { asOf, view } = this.#topologyAt({ atMs });
    this.#fromMs ??= await places.blocksFromMs();
    if (this.#fromMs === undefined || atMs < this.#fromMs) throw tooEarly(this.#fromMs);
    const stored = await this.#storedBlocks();
    // A block that was cut by then may still be on its way.
    const cut = await places.blocksCutBy(stored, atMs);
    const blocks = cut.map((block, partition) => Math.min(block, stored[partition] ?? 0));
    return { place: { topology: { seq: asOf.seq, digest: asOf.digest }, blocks }, view };
  }

  #topologyAt(moment: Parameters<typeof topologyAsKnown>[1]): KnownTopology {
    return topologyAsKnown(this.#deps.topology, moment, this.#deps.now());
  }

  async #storedBlocks(): Promise<readonly number[]> {
    this.#asking ??= this.#askForBlocks().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /**
   * By partition, the last block whose insert was acknowledged: a later one may be visible in one table and not in another. Blocks
   * without rows do not count, because after a rebuild their numbers are used again.
   */
  async #askForBlocks(): Promise<readonly number[]> {
    const { reports } = this.#deps;
    const [last, reported] = await Promise.all([
      this.#lastBlocks(),
      Promise.all(this.#anySpaces.map(async (spaceId) => reports.report(spaceId, BEGINNING_MS))),
    ]);
    return reported.map(({ storedBlock }, partition) => Math.min(storedBlock, last[partition] ?? 0));
  }

  /** By partition, the last block that ClickHouse has rows of. */
  async #lastBlocks(): Promise<readonly number[]> {
    const totals = await this.#deps.history.storedTotals();
    return allPartitions(this.#deps.partitions).map((partition) => totals.get(partition)?.lastBlock ?? 0);
  }
}
