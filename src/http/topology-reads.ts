// What the routes read of the topology: as it is, or as it was known. Every answer carries its place.
import type { Context } from 'koa';
import { formatTopologyAsOf } from '../domain/topology-place.ts';
import type { TopologyHistory, TopologyView } from '../domain/topology-history.ts';
import { topologyAsKnown, type TopologyKnownAt } from '../domain/known-topology.ts';

/** The part of a query that says which topology is asked about. */
export interface TopologyQuery {
  readonly known_at?: TopologyKnownAt | undefined;
}

export class TopologyReads {
  readonly #history: TopologyHistory;
  readonly #now: () => number;

  constructor(history: TopologyHistory, now: () => number) {
    this.#history = history;
    this.#now = now;
  }

  /**
   * Puts the place of the answer into its header.
   * @returns the topology, and the instant of the question
   */
  read(ctx: Context, { known_at: knownAt }: TopologyQuery): { readonly view: TopologyView; readonly atMs: number } {
    const { asOf, view } = topologyAsKnown(this.#history, knownAt, this.#now());
    ctx.set('as-of', formatTopologyAsOf(asOf));
    return { view, atMs: asOf.atMs };
  }
}
