// Keeps what was answered about the topology, and asks for it again by its place and by its time (T26).
import { doorwayAt } from '../../src/domain/placement.ts';
import { formatTopologyAsOf, parsePlace, type TopologyAsOf } from '../../src/domain/topology-place.ts';
import { topologyAsKnown, type KnownTopology } from '../../src/domain/known-topology.ts';
import type { Engines, SimProcess } from './process.ts';

interface Given {
  readonly asOf: TopologyAsOf;
  readonly answer: string;
}

export class GivenTopologies {
  readonly #given: Given[] = [];

  ask({ topology }: SimProcess, nowMs: number): void {
    const known = topologyAsKnown(topology.history, undefined, nowMs);
    this.#given.push({ asOf: known.asOf, answer: textOf(known) });
  }

  /** When it was asked, ascending. */
  get timesMs(): number[] {
    return this.#given.map(({ asOf }) => asOf.atMs);
  }

  clear(): void {
    this.#given.length = 0;
  }

  /** Asked of a process that has read the whole log. */
  objections({ topology }: SimProcess, { streams, now }: Engines): string[] {
    return this.#given.flatMap(({ asOf, answer }) => {
      const found: string[] = [];
      // As a client has it.
      const place = parsePlace(formatTopologyAsOf(asOf));
      const again = place && textOf(topologyAsKnown(topology.history, { place }, now()));
      if (again !== answer) found.push(`the topology was ${answer}, and as known then it is ${again}`);
      const byTime = topologyAsKnown(topology.history, { atMs: asOf.atMs }, now()).asOf;
      const storedSeq = streams.topology.findLast(({ storedMs = 0 }) => storedMs <= asOf.atMs)?.seq ?? 0;
      if (byTime.seq !== storedSeq || byTime.seq < asOf.seq)
        found.push(`at ${asOf.atMs} the topology was at ${storedSeq} and answered from ${asOf.seq}, not ${byTime.seq}`);
      return found;
    });
  }
}

/** Everything that lists and single answers have. */
function textOf({ view, asOf: { atMs } }: KnownTopology): string {
  const dpus = view.dpus();
  return JSON.stringify([
    ...[view.spaces(), view.doorways(), dpus, view.devices(), view.deletions(), view.settings()],
    view.spaces().map(({ id }) => view.resets(id)),
    dpus.map(({ id, placements }) => [view.exclusions(id), doorwayAt(placements, atMs)]),
  ]);
}
