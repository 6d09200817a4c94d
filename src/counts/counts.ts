// Answers how many people are in a space: now, at an instant, per interval. Every answer says up to when it is final.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { AsOf } from '../domain/as-of.ts';
import { Failure } from '../domain/failure.ts';
import type { SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { ResetSchedule } from '../domain/reset-schedule.ts';
import type { TopologyPlace } from '../domain/topology-place.ts';
import type { SpaceReports } from '../ports/reports.ts';
import {
  answer,
  countAt,
  intervalsOf,
  isLiveAt,
  lastInstantOf,
  type CountAnswer,
  type IntervalAnswer,
} from './count-at.ts';
import { asOfAnswer, placeOf, type HistoryOfCounts, type TopologyOfCounts } from './known-space.ts';
import { LastKnown } from '../runtime/last-known.ts';
import { reportNow } from './report-now.ts';
import { scheduleOf } from './schedule-of.ts';

/** An entry takes about 200 bytes. */
const LAST_KNOWN_MAX = 100_000;

/** With the place from which it can be given again; null for an estimate. */
export interface GivenCount extends CountAnswer {
  readonly asOf: AsOf | null;
}

export interface GivenIntervals {
  readonly intervals: readonly IntervalAnswer[];
  readonly asOf: AsOf;
}

export class Counts {
  readonly #topology: TopologyOfCounts;
  readonly #reports: SpaceReports;
  readonly #history: HistoryOfCounts;
  readonly #lastKnown = new LastKnown<SpaceId, GivenCount>(LAST_KNOWN_MAX);

  constructor(topology: TopologyOfCounts, reports: SpaceReports, history: HistoryOfCounts) {
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
  async now(spaceId: SpaceId, nowMs: number, allowsStale = false): Promise<GivenCount> {
    const [schedule, place] = [scheduleOf(this.#topology, spaceId), placeOf(this.#topology)];
    try {
      const { report, instantMs } = await reportNow(this.#reports, spaceId, nowMs, allowsStale);
      const found = await this.#now(report, schedule, place, instantMs);
      this.#lastKnown.set(spaceId, found);
      return found;
    } catch (error) {
      const known = allowsStale || this.#reports.isCutOff ? this.#lastKnown.get(spaceId) : undefined;
      if (!known || !(error instanceof Failure) || error.kind !== 'unavailable') throw error;
      return { ...known, isStale: true, asOf: known.asOf && { ...known.asOf, isStale: true } };
    }
  }

  async #now(report: KnownReport, schedule: ResetSchedule, place: TopologyPlace, nowMs: number): Promise<GivenCount> {
    try {
      return { ...(await countAt(report, schedule, nowMs, this.#history)), asOf: asOfAnswer(report, place, nowMs) };
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error;
      const liveMs = Math.max(nowMs, report.watermarkMs);
      const { live, lastReadingMs } = report;
      const known = answer(report, liveMs, live, lastReadingMs ?? BEGINNING_MS);
      const isSure = isLiveAt(report, schedule, liveMs) && lastReadingMs !== null;
      return isSure ? { ...known, asOf: asOfAnswer(report, place, liveMs) } : { ...known, isFinal: false, asOf: null };
    }
  }

  async at(spaceId: SpaceId, atMs: number, allowsStale = false): Promise<GivenCount> {
    const [schedule, place] = [scheduleOf(this.#topology, spaceId), placeOf(this.#topology)];
    const report = await this.#reports.report(spaceId, atMs, allowsStale);
    return { ...(await countAt(report, schedule, atMs, this.#history)), asOf: asOfAnswer(report, place, atMs) };
  }

  /** @param boundsMs ascending; interval i is `[bounds[i], bounds[i + 1])` */
  async intervals(spaceId: SpaceId, boundsMs: readonly number[]): Promise<GivenIntervals> {
    const [schedule, place] = [scheduleOf(this.#topology, spaceId), placeOf(this.#topology)];
    const lastMs = lastInstantOf(boundsMs);
    const report = await this.#reports.report(spaceId, lastMs);
    return {
      intervals: await intervalsOf(report, schedule, boundsMs, this.#history),
      asOf: asOfAnswer(report, place, lastMs),
    };
  }
}
