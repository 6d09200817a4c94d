// A count, and counts per interval, from one report of a space and the resets that apply to it. A dry run asks the same of a
// report as it would be after a change.
import type { KnownReport, SpaceReport } from '../../actors/partition/space-report.ts';
import type { SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import {
  isSameReset,
  resetInForce,
  resetsBetween,
  type ResetPoint,
  type ResetSchedule,
} from '../domain/reset-schedule.ts';
import {
  advance,
  countOf,
  countRange,
  driftOf,
  occupancyAfterReset,
  type Occupancy,
  type Segment,
} from '../domain/segment.ts';
import type { HistoryOfCounts } from './known-space.ts';
import { newestReadingAt } from './newest-reading.ts';
import { runsBetween } from './runs.ts';

export interface CountAnswer {
  readonly spaceId: SpaceId;
  readonly timestampMs: number;
  readonly count: number;
  readonly net: number;
  readonly drift: number;
  /** Event time of the newest reading at or before `timestampMs` (T17); BEGINNING_MS if there is none. */
  readonly lastReadingMs: number;
  readonly watermarkMs: number;
  readonly isFinal: boolean;
  /** True if the owner of the shard could not be asked, or may be behind: the count is the last known one. */
  readonly isStale: boolean;
}

export interface IntervalAnswer {
  readonly startMs: number;
  /** Exclusive. `count` is the count at the last millisecond before it. */
  readonly endMs: number;
  readonly entrances: number;
  readonly exits: number;
  /** `min` and `max` cover the count just before the start (or of a reset at the start), and after each event and reset. */
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly isFinal: boolean;
}

export async function countAt(
  report: KnownReport,
  schedule: ResetSchedule,
  atMs: number,
  history: HistoryOfCounts,
): Promise<CountAnswer> {
  const isLive = isLiveAt(report, schedule, atMs);
  const [occupancy, lastReadingMs] = await Promise.all([
    isLive ? report.live : occupancyAt(report, schedule, atMs, history),
    newestReadingAt(report, atMs, history),
  ]);
  return answer(report, atMs, occupancy, lastReadingMs);
}

async function occupancyAt(
  report: SpaceReport,
  schedule: ResetSchedule,
  atMs: number,
  history: HistoryOfCounts,
): Promise<Occupancy> {
  const base = resetInForce(schedule, atMs);
  const start = occupancyAfterReset(base.count);
  if (base.timestampMs >= atMs) return start;
  const [run] = await runsBetween(report, [base.timestampMs, atMs], history);
  return run ? advance(start, run) : start;
}

/** The instant at which a report is needed for some intervals. */
export function lastInstantOf(boundsMs: readonly number[]): number {
  return (boundsMs.at(-1) ?? 1) - 1;
}

export interface Edges {
  /** The reset in force at the first end. */
  readonly base: ResetPoint;
  /** The counts of the resets after the first end, by instant. */
  readonly resets: ReadonlyMap<number, number>;
  /** Ascending: the base, the ends and the resets. */
  readonly edges: readonly number[];
}

/** Where runs of events have to be divided to follow the count up to each of some instants. @param endsMs ascending */
export function edgesOf(schedule: ResetSchedule, endsMs: readonly number[]): Edges {
  const [firstMs, lastMs] = [endsMs[0] ?? 0, endsMs.at(-1) ?? 0];
  const base = resetInForce(schedule, firstMs);
  const resets = new Map(
    resetsBetween(schedule, firstMs, lastMs).map(({ timestampMs, count }) => [timestampMs, count]),
  );
  const edges = [...new Set([base.timestampMs, ...endsMs, ...resets.keys()])].sort((a, b) => a - b);
  return { base, resets, edges };
}

/** @param boundsMs ascending; interval i is `[bounds[i], bounds[i + 1])` */
export async function intervalsOf(
  report: SpaceReport,
  schedule: ResetSchedule,
  boundsMs: readonly number[],
  history: HistoryOfCounts,
): Promise<IntervalAnswer[]> {
  const edges = edgesOfIntervals(schedule, boundsMs);
  return followed(report, edges, boundsMs, await runsBetween(report, edges.edges, history));
}

/** An instant is a millisecond: `[a, b)` is `(a - 1, b - 1]`. */
export function edgesOfIntervals(schedule: ResetSchedule, boundsMs: readonly number[]): Edges {
  return edgesOf(
    schedule,
    boundsMs.map((bound) => bound - 1),
  );
}

/** Follows the count through the intervals. @param runs one for each range between two edges */
export function followed(
  report: Pick<SpaceReport, 'watermarkMs'>,
  { base, resets, edges }: Edges,
  boundsMs: readonly number[],
  runs: readonly Segment[],
): IntervalAnswer[] {
  const ends = boundsMs.map((bound) => bound - 1);
  const answers: IntervalAnswer[] = [];
  let occupancy = occupancyAfterReset(base.count);
  let tally = newTally(occupancy);
  let next = 0;
  edges.forEach((edge, index) => {
    const [run, reset] = [index === 0 ? undefined : runs[index - 1], resets.get(edge)];
    // If an interval starts at a reset, it begins with the count of the reset, not with the count before it.
    if (reset !== undefined && edge === boundsMs[next - 1]) tally = newTally(occupancyAfterReset(reset));
    if (run) {
      const { min, max } = countRange(occupancy, run);
      tally = {
        entrances: tally.entrances + run.entrances,
        exits: tally.exits + run.exits,
        min: Math.min(tally.min, min),
        max: Math.max(tally.max, max),
      };
      occupancy = advance(occupancy, run);
    }
    if (reset !== undefined) {
      occupancy = occupancyAfterReset(reset);
      tally = { ...tally, min: Math.min(tally.min, reset), max: Math.max(tally.max, reset) };
    }
    if (edge !== ends[next]) return;
    if (next > 0) {
      const [startMs, endMs] = [boundsMs[next - 1] ?? 0, boundsMs[next] ?? 0];
      answers.push({ startMs, endMs, ...tally, count: countOf(occupancy), isFinal: edge <= report.watermarkMs });
    }
    tally = newTally(occupancy);
    next += 1;
  });
  return answers;
}

/**
 * The topology has a reset before the log has delivered it to the space. An answer includes every reset that this
 * process knows.
 */
export function isLiveAt(report: SpaceReport, schedule: ResetSchedule, atMs: number): boolean {
  return report.isSettled && atMs >= report.watermarkMs && isSameReset(report.base, resetInForce(schedule, atMs));
}

interface Tally {
  readonly entrances: number;
  readonly exits: number;
  readonly min: number;
  readonly max: number;
}

function newTally(at: Occupancy): Tally {
  return { entrances: 0, exits: 0, min: countOf(at), max: countOf(at) };
}

export function answer(report: KnownReport, atMs: number, occupancy: Occupancy, lastReadingMs: number): CountAnswer {
  return {
    spaceId: report.spaceId,
    timestampMs: atMs,
    count: countOf(occupancy),
    net: occupancy.net,
    drift: driftOf(occupancy),
    lastReadingMs,
    watermarkMs: report.watermarkMs,
    isFinal: report.watermarkMs > BEGINNING_MS && atMs <= report.watermarkMs,
    isStale: report.isStale,
  };
}
