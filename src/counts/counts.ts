// Answers how many people are in a space: now, at an instant, per interval. Every answer says up to when it is final.
import type { KnownReport, SpaceReport } from '../../actors/partition/space-report.ts';
import { Failure } from '../domain/failure.ts';
import type { SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { isSameReset, resetInForce, resetsBetween, type ResetSchedule } from '../domain/reset-schedule.ts';
import { advance, countOf, countRange, driftOf, occupancyAfterReset, type Occupancy } from '../domain/segment.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { History } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import { LastKnown } from './last-known.ts';
import { newestReadingAt } from './newest-reading.ts';
import { reportNow } from './report-now.ts';
import { runsBetween } from './runs.ts';
import { scheduleOf } from './schedule-of.ts';

/** An entry takes about 200 bytes. */
const LAST_KNOWN_MAX = 100_000;

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

export class Counts {
  readonly #topology: TopologyHistory;
  readonly #reports: SpaceReports;
  readonly #history: History;
  readonly #lastKnown = new LastKnown<SpaceId, CountAnswer>(LAST_KNOWN_MAX);

  constructor(topology: TopologyHistory, reports: SpaceReports, history: History) {
    this.#topology = topology;
    this.#reports = reports;
    this.#history = history;
  }

  /**
   * The live count. It needs only the report, unless a correction is due, or events after now are already final
   * because a reorder buffer was full.
   * @param nowMs by this machine's clock; the log's clock replaces it if that is later
   * @param allowsStale return the last known count rather than fail
   */
  async now(spaceId: SpaceId, nowMs: number, allowsStale = false): Promise<CountAnswer> {
    const schedule = scheduleOf(this.#topology, spaceId);
    try {
      const { report, instantMs } = await reportNow(this.#reports, spaceId, nowMs, allowsStale);
      const found = await this.#now(report, schedule, instantMs);
      this.#lastKnown.set(spaceId, found);
      return found;
    } catch (error) {
      const known = allowsStale || this.#reports.isCutOff ? this.#lastKnown.get(spaceId) : undefined;
      if (!known || !(error instanceof Failure) || error.kind !== 'unavailable') throw error;
      return { ...known, isStale: true };
    }
  }

  async #now(report: KnownReport, schedule: ResetSchedule, nowMs: number): Promise<CountAnswer> {
    try {
      return await this.#answerAt(report, schedule, nowMs);
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error;
      const liveMs = Math.max(nowMs, report.watermarkMs);
      const { live, lastReadingMs } = report;
      const known = answer(report, liveMs, live, lastReadingMs ?? BEGINNING_MS);
      const isSure = isLiveAt(report, schedule, liveMs) && lastReadingMs !== null;
      return isSure ? known : { ...known, isFinal: false };
    }
  }

  async at(spaceId: SpaceId, atMs: number, allowsStale = false): Promise<CountAnswer> {
    const schedule = scheduleOf(this.#topology, spaceId);
    return this.#answerAt(await this.#reports.report(spaceId, atMs, allowsStale), schedule, atMs);
  }

  /** @param boundsMs ascending; interval i is `[bounds[i], bounds[i + 1])` */
  async intervals(spaceId: SpaceId, boundsMs: readonly number[]): Promise<IntervalAnswer[]> {
    const schedule = scheduleOf(this.#topology, spaceId);
    // An instant is a millisecond: `[a, b)` is `(a - 1, b - 1]`.
    const ends = boundsMs.map((bound) => bound - 1);
    const [firstMs, lastMs] = [ends[0] ?? 0, ends.at(-1) ?? 0];
    const report = await this.#reports.report(spaceId, lastMs);
    const base = resetInForce(schedule, firstMs);
    const resets = new Map(
      resetsBetween(schedule, firstMs, lastMs).map(({ timestampMs, count }) => [timestampMs, count]),
    );
    const edges = [...new Set([base.timestampMs, ...ends, ...resets.keys()])].sort((a, b) => a - b);
    const runs = await runsBetween(report, edges, this.#history);

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

  async #answerAt(report: KnownReport, schedule: ResetSchedule, atMs: number): Promise<CountAnswer> {
    const isLive = isLiveAt(report, schedule, atMs);
    const [occupancy, lastReadingMs] = await Promise.all([
      isLive ? report.live : this.#occupancyAt(report, schedule, atMs),
      newestReadingAt(report, atMs, this.#history),
    ]);
    return answer(report, atMs, occupancy, lastReadingMs);
  }

  async #occupancyAt(report: SpaceReport, schedule: ResetSchedule, atMs: number): Promise<Occupancy> {
    const base = resetInForce(schedule, atMs);
    const start = occupancyAfterReset(base.count);
    if (base.timestampMs >= atMs) return start;
    const [run] = await runsBetween(report, [base.timestampMs, atMs], this.#history);
    return run ? advance(start, run) : start;
  }
}

/**
 * The topology has a reset before the log has delivered it to the space. An answer includes every reset that this
 * process knows.
 */
function isLiveAt(report: SpaceReport, schedule: ResetSchedule, atMs: number): boolean {
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

function answer(report: KnownReport, atMs: number, occupancy: Occupancy, lastReadingMs: number): CountAnswer {
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
