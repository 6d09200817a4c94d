// Answers how many people are in a space: now, at an instant, per interval. Every answer says up to when it is final.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { Failure } from '../domain/failure.ts';
import type { SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { ResetSchedule } from '../domain/reset-schedule.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { History } from '../ports/history.ts';
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
import { LastKnown } from './last-known.ts';
import { reportNow } from './report-now.ts';
import { scheduleOf } from './schedule-of.ts';

/** An entry takes about 200 bytes. */
const LAST_KNOWN_MAX = 100_000;

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
      return await countAt(report, schedule, nowMs, this.#history);
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
    return countAt(await this.#reports.report(spaceId, atMs, allowsStale), schedule, atMs, this.#history);
  }

  /** @param boundsMs ascending; interval i is `[bounds[i], bounds[i + 1])` */
  async intervals(spaceId: SpaceId, boundsMs: readonly number[]): Promise<IntervalAnswer[]> {
    const schedule = scheduleOf(this.#topology, spaceId);
    return intervalsOf(await this.#reports.report(spaceId, lastInstantOf(boundsMs)), schedule, boundsMs, this.#history);
  }
}
