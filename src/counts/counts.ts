// Answers "how many": now, at an instant, per interval. Every answer says up to where it is final.
import type { SpaceReport } from '../../actors/shard/space-report.ts';
import { Failure } from '../domain/failure.ts';
import type { SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { resetInForce, resetsBetween, type ResetSchedule } from '../domain/reset-schedule.ts';
import { advance, countOf, countRange, driftOf, occupancyAfterReset, type Occupancy } from '../domain/segment.ts';
import { existing, type TopologyHistory } from '../domain/topology-history.ts';
import type { History } from '../ports.ts';
import { runsBetween } from './runs.ts';

/** Whoever owns a space's partition. @throws Failure unavailable while nobody does */
export interface SpaceReports {
  report(spaceId: SpaceId, atMs: number): Promise<SpaceReport>;
}

export interface CountAnswer {
  readonly spaceId: SpaceId;
  readonly timestampMs: number;
  readonly count: number;
  readonly net: number;
  readonly drift: number;
  /** BEGINNING_MS when there was none. */
  readonly lastReadingMs: number;
  readonly watermarkMs: number;
  readonly isFinal: boolean;
}

export interface IntervalAnswer {
  readonly startMs: number;
  /** Exclusive. `count` is that of the last millisecond before it. */
  readonly endMs: number;
  readonly entrances: number;
  readonly exits: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly isFinal: boolean;
}

export class Counts {
  readonly #topology: TopologyHistory;
  readonly #reports: SpaceReports;
  readonly #history: History;

  constructor(topology: TopologyHistory, reports: SpaceReports, history: History) {
    this.#topology = topology;
    this.#reports = reports;
    this.#history = history;
  }

  /**
   * The live count, from the actor alone unless a correction is under way, or events after now are final
   * already (a full reorder buffer made them so, or this machine's clock is behind the log's).
   */
  async now(spaceId: SpaceId, nowMs: number): Promise<CountAnswer> {
    const schedule = this.#scheduleOf(spaceId);
    const report = await this.#reports.report(spaceId, nowMs);
    if (report.isSettled && nowMs >= report.watermarkMs) return answer(report, nowMs, report.live);
    try {
      return answer(report, nowMs, await this.#occupancyAt(report, schedule, nowMs));
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'unavailable') throw error;
      const known = answer(report, Math.max(nowMs, report.watermarkMs), report.live);
      return report.isSettled ? known : { ...known, isFinal: false };
    }
  }

  async at(spaceId: SpaceId, atMs: number): Promise<CountAnswer> {
    const schedule = this.#scheduleOf(spaceId);
    const report = await this.#reports.report(spaceId, atMs);
    const isLive = report.isSettled && atMs >= report.watermarkMs;
    return answer(report, atMs, isLive ? report.live : await this.#occupancyAt(report, schedule, atMs));
  }

  /** @param boundsMs ascending; interval i is `[bounds[i], bounds[i + 1])` */
  async intervals(spaceId: SpaceId, boundsMs: readonly number[]): Promise<IntervalAnswer[]> {
    const schedule = this.#scheduleOf(spaceId);
    // An instant is a millisecond: `[a, b)` is `(a - 1, b - 1]`.
    const ends = boundsMs.map((bound) => bound - 1);
    const [firstMs, lastMs] = [ends[0] ?? 0, ends.at(-1) ?? 0];
    const report = await this.#reports.report(spaceId, lastMs);
    const base = resetInForce(schedule, firstMs);
    const resets = new Map(resetsBetween(schedule, firstMs, lastMs).map(({ timestampMs, count }) => [timestampMs, count]));
    const edges = [...new Set([base.timestampMs, ...ends, ...resets.keys()])].sort((a, b) => a - b);
    const runs = await runsBetween(report, edges, this.#history);

    const answers: IntervalAnswer[] = [];
    let occupancy = occupancyAfterReset(base.count);
    let tally = newTally(occupancy);
    let next = 0;
    edges.forEach((edge, index) => {
      const run = index === 0 ? undefined : runs[index - 1];
      if (run) {
        const { min, max } = countRange(occupancy, run);
        tally = { entrances: tally.entrances + run.entrances, exits: tally.exits + run.exits, min: Math.min(tally.min, min), max: Math.max(tally.max, max) };
        occupancy = advance(occupancy, run);
      }
      const reset = resets.get(edge);
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

  #scheduleOf(spaceId: SpaceId): ResetSchedule {
    const view = this.#topology.latest();
    const { timeZone, dailyReset } = existing(view.space(spaceId), `space ${spaceId}`);
    return { timeZone, dailyReset, manual: view.resets(spaceId) };
  }

  async #occupancyAt(report: SpaceReport, schedule: ResetSchedule, atMs: number): Promise<Occupancy> {
    const base = resetInForce(schedule, atMs);
    const start = occupancyAfterReset(base.count);
    if (base.timestampMs >= atMs) return start;
    const [run] = await runsBetween(report, [base.timestampMs, atMs], this.#history);
    return run ? advance(start, run) : start;
  }
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

function answer(report: SpaceReport, atMs: number, occupancy: Occupancy): CountAnswer {
  return {
    spaceId: report.spaceId,
    timestampMs: atMs,
    count: countOf(occupancy),
    net: occupancy.net,
    drift: driftOf(occupancy),
    lastReadingMs: report.lastReadingMs,
    watermarkMs: report.watermarkMs,
    isFinal: report.watermarkMs > BEGINNING_MS && atMs <= report.watermarkMs,
  };
}
