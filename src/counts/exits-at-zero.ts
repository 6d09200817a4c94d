// The count of a space from one reset to the next, and the exits that did not change it because it was 0; from history and
// memory together, as in runs.ts. ClickHouse gets the unstored events as parameters and returns sums, so that no stored
// event is read here, however many there are since the reset, and however old an unstored event is.
import type { SpaceReport } from '../../actors/partition/space-report.ts';
import type { ResetPoint } from '../domain/reset-schedule.ts';
import { countOf, occupancyAfterReset, type Occupancy } from '../domain/segment.ts';
import type { ExitsAtInstant, ExitsAtZero, History, HistoryEvent } from '../ports/history.ts';
import { historyEventOf, mergeEvents, unstoredIn } from './runs.ts';

/** Of these, the newest are listed; all are summed up. */
const INSTANTS_MAX = 100;
/** Ids are about 30 bytes each; parameters are sent in the URL, which ClickHouse limits to 1 MB. */
export const UNSTORED_PER_QUERY = 1_000;

export interface Stretch {
  readonly start: Occupancy;
  /** Exclusive. */
  readonly afterMs: number;
  readonly upToMs: number;
  /** In force, with afterMs < timestamp <= upToMs, ascending. */
  readonly resets: readonly ResetPoint[];
}

export interface Followed {
  /** At the end. */
  readonly occupancy: Occupancy;
  /** The count just before each reset. */
  readonly countsBefore: readonly number[];
  /** All exits that did not change the count, and the newest instants at which there were any, newest first. */
  readonly exits: number;
  readonly newest: readonly ExitsAtInstant[];
}

export async function follow(
  report: SpaceReport,
  { start, afterMs, upToMs, resets }: Stretch,
  history: Pick<History, 'exitsAtZero'>,
  unstoredPerQuery: number,
): Promise<Followed> {
  const { spaceId, storedBlock: block } = report;
  const counts = new Map(resets.map(({ timestampMs, count }) => [timestampMs, count]));
  let [occupancy, exits, newest]: [Occupancy, number, readonly ExitsAtInstant[]] = [start, 0, []];
  const countsBefore: number[] = [];
  let fromMs = afterMs;
  const events = mergeEvents(unstoredIn(report, afterMs, upToMs).map(historyEventOf));
  for (const { toMs, unstored } of stepsOf(events, upToMs, unstoredPerQuery)) {
    if (toMs <= fromMs) continue;
    const inside = [...counts.keys()].filter((resetMs) => resetMs > fromMs && resetMs < toMs);
    const edgesMs = [fromMs, ...inside, toMs];
    const starts = [occupancy, ...inside.map((resetMs) => occupancyAfterReset(counts.get(resetMs) ?? 0))];
    const gaps = await history.exitsAtZero({ spaceId, block, edgesMs, starts, unstored, limit: INSTANTS_MAX });
    for (const [gap, found] of gaps.entries()) {
      occupancy = advanced(starts[gap] ?? occupancy, found);
      exits += found.exits;
      newest = [...found.newest, ...newest].slice(0, INSTANTS_MAX);
      const resetTo = counts.get(edgesMs[gap + 1] ?? NaN);
      if (resetTo === undefined) continue;
      countsBefore.push(countOf(occupancy));
      occupancy = occupancyAfterReset(resetTo);
    }
    fromMs = toMs;
  }
  return { occupancy, countsBefore, exits, newest };
}

/** The lowest net matters only below 0, where each exit that did not change the count has lowered it by 1. */
function advanced({ net, lowestNet }: Occupancy, { sum, exits }: ExitsAtZero): Occupancy {
  return { net: net + sum, lowestNet: Math.min(0, lowestNet) - exits };
}

interface Step {
  readonly toMs: number;
  readonly unstored: readonly HistoryEvent[];
}

/** Divides the events so that a step has as many as one query may take. All events of an instant are in one step. */
function* stepsOf(unstored: readonly HistoryEvent[], upToMs: number, max: number): Generator<Step> {
  let step: HistoryEvent[] = [];
  for (const [n, event] of unstored.entries()) {
    step.push(event);
    if (step.length < max || unstored[n + 1]?.timestampMs === event.timestampMs) continue;
    yield { toMs: event.timestampMs, unstored: step };
    step = [];
  }
  yield { toMs: upToMs, unstored: step };
}
