// Intervals of several spaces. Those whose runs are divided at the same instants are asked for together, because a query costs
// ClickHouse more than what it reads of one space.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { AsOf } from '../domain/as-of.ts';
import type { SpaceId } from '../domain/ids.ts';
import { addTo } from '../domain/lists.ts';
import type { Segment } from '../domain/segment.ts';
import type { History } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import { edgesOfIntervals, followed, lastInstantOf, type Edges } from './count-at.ts';
import type { GivenIntervals } from './counts.ts';
import { asOfAnswer, placeOf, type TopologyOfCounts } from './known-space.ts';
import { runsBetween, runsOfSpaces } from './runs.ts';
import { scheduleOf } from './schedule-of.ts';

interface AskedIntervals {
  readonly spaceId: SpaceId;
  /** Ascending; interval i is `[bounds[i], bounds[i + 1])`. */
  readonly boundsMs: readonly number[];
}

type HistoryOfSpaces = Pick<History, 'segments' | 'events' | 'segmentsOfSpaces' | 'eventsOfSpaces'>;

interface Reported {
  readonly index: number;
  readonly report: KnownReport;
  readonly boundsMs: readonly number[];
  readonly edges: Edges;
  readonly asOf: AsOf;
}

export class IntervalsOfSpaces {
  readonly #topology: TopologyOfCounts;
  readonly #reports: SpaceReports;
  readonly #history: HistoryOfSpaces;

  constructor(topology: TopologyOfCounts, reports: SpaceReports, history: HistoryOfSpaces) {
    this.#topology = topology;
    this.#reports = reports;
    this.#history = history;
  }

  /** Each answer is that of `Counts.intervals`. @returns in the order of what was asked */
  async of(asked: readonly AskedIntervals[]): Promise<GivenIntervals[]> {
    const reported = await Promise.all(asked.map(async (one, index) => this.#reported(one, index)));
    const groups = new Map<string, Reported[]>();
    for (const one of reported) addTo(groups, one.edges.edges.join(), one);
    const found: GivenIntervals[] = [];
    // One group at a time, so that one request does not occupy ClickHouse at the expense of others.
    for (const group of groups.values()) {
      const runs = await runsOfGroup(group, this.#history);
      for (const [n, { index, report, edges, boundsMs, asOf }] of group.entries())
        found[index] = { intervals: followed(report, edges, boundsMs, runs[n] ?? []), asOf };
    }
    return found;
  }

  async #reported({ spaceId, boundsMs }: AskedIntervals, index: number): Promise<Reported> {
    const [schedule, place] = [scheduleOf(this.#topology, spaceId), placeOf(this.#topology)];
    const lastMs = lastInstantOf(boundsMs);
    const report = await this.#reports.report(spaceId, lastMs);
    const edges = edgesOfIntervals(schedule, boundsMs);
    return { index, report, boundsMs, edges, asOf: asOfAnswer(report, place, lastMs) };
  }
}

async function runsOfGroup(group: readonly Reported[], history: HistoryOfSpaces): Promise<Segment[][]> {
  const edges = group[0]?.edges.edges ?? [];
  const [report, ...others] = group.map((one) => one.report);
  if (!report) return [];
  return others.length > 0
    ? runsOfSpaces([report, ...others], edges, history)
    : [await runsBetween(report, edges, history)];
}
