// How full a space usually is: for each hour of the week, how long each count lasted in a span, who entered and left, and
// the peak. All of it comes from one report and the history up to its block, as in counts.ts.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { AsOf } from '../domain/as-of.ts';
import type { SpaceId } from '../domain/ids.ts';
import { intervalBounds } from '../domain/interval.ts';
import type { ResetSchedule } from '../domain/reset-schedule.ts';
import { advance, countOf, countRange, occupancyAfterReset, type Segment } from '../domain/segment.ts';
import { TimeAtCounts, type Stretch } from '../domain/time-at-counts.ts';
import { DAY_MS, HOUR_MS, toLocalMs } from '../domain/zone.ts';
import type { History } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import { edgesOf } from './count-at.ts';
import { asOfAnswer, placeOf, type TopologyOfCounts } from './known-space.ts';
import { splitRunsBetween } from './runs.ts';
import { scheduleOf } from './schedule-of.ts';

const HOUR = { kind: 'clock', lengthMs: HOUR_MS } as const;
const HOURS_OF_DAY = 24;
/** 1970-01-01 was a Thursday, the fourth day of its week. */
const THURSDAY = 3;

/** What happened in some hours: one hour of the week, or all of the span. */
export interface HoursPassed {
  readonly entrances: number;
  readonly exits: number;
  /** The largest count, including the one just before each hour, or that of a reset at its start. */
  readonly peak: number;
  /** Milliseconds by count. */
  readonly times: ReadonlyMap<number, number>;
}

export interface HourOfWeek extends HoursPassed {
  /** 1 is Monday, 7 Sunday. */
  readonly weekday: number;
  /** 0 to 23. */
  readonly hour: number;
}

export interface Profile extends HoursPassed {
  readonly spaceId: SpaceId;
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
  /** The start of the first hour in which the count was at its peak. */
  readonly peakHourMs: number;
  /** Ascending; hours of the week that are not in the span are left out. */
  readonly hours: readonly HourOfWeek[];
  readonly watermarkMs: number;
  readonly isFinal: boolean;
  readonly asOf: AsOf;
}

export class Profiles {
  readonly #topology: TopologyOfCounts;
  readonly #reports: SpaceReports;
  readonly #history: Pick<History, 'segments' | 'events' | 'timeAtCounts'>;

  constructor(
    topology: TopologyOfCounts,
    reports: SpaceReports,
    history: Pick<History, 'segments' | 'events' | 'timeAtCounts'>,
  ) {
    this.#topology = topology;
    this.#reports = reports;
    this.#history = history;
  }

  /** @param endMs exclusive; after `startMs` */
  async between(spaceId: SpaceId, startMs: number, endMs: number): Promise<Profile> {
    const [schedule, place] = [scheduleOf(this.#topology, spaceId), placeOf(this.#topology)];
    const bounds = intervalBounds(startMs, endMs, HOUR, schedule.timeZone);
    const hours = hoursOf([startMs, ...bounds.filter((bound) => bound > startMs && bound < endMs), endMs], schedule);
    const report = await this.#reports.report(spaceId, endMs - 1);
    const { passed, times, peakHourMs } = await this.#follow(report, schedule, hours);
    const cells = [...passed].sort(([a], [b]) => a - b);
    return {
      spaceId,
      startMs,
      endMs,
      entrances: cells.reduce((sum, [, { entrances }]) => sum + entrances, 0),
      exits: cells.reduce((sum, [, { exits }]) => sum + exits, 0),
      peak: cells.reduce((most, [, { peak }]) => Math.max(most, peak), 0),
      peakHourMs,
      times: times.total(),
      hours: cells.map(([cell, totals]) => ({
        weekday: Math.floor(cell / HOURS_OF_DAY) + 1,
        hour: cell % HOURS_OF_DAY,
        ...totals,
        times: times.of(cell),
      })),
      watermarkMs: report.watermarkMs,
      isFinal: endMs - 1 <= report.watermarkMs,
      asOf: asOfAnswer(report, place, endMs),
    };
  }

  async #follow(report: KnownReport, schedule: ResetSchedule, hours: readonly Hour[]): Promise<Followed> {
    // An instant is a millisecond: `[a, b)` is `(a - 1, b - 1]`.
    const firstMs = (hours[0]?.startMs ?? 0) - 1;
    const { base, resets, edges } = edgesOf(schedule, [firstMs, ...hours.map(({ endMs }) => endMs - 1)]);
    const { edgesMs, runs, tailAfterMs, tail } = await splitRunsBetween(report, edges, this.#history);

    const tally = new Tally();
    const stretches: Stretch[] = [];
    let [occupancy, at] = [occupancyAfterReset(base.count), 0];
    for (const [gap, run] of runs.entries()) {
      const [afterMs, upToMs] = [edgesMs[gap] ?? 0, edgesMs[gap + 1] ?? 0];
      const hour = afterMs < firstMs ? undefined : hours[at];
      if (hour) {
        const isAfterReset = resets.has(afterMs) && afterMs >= hour.startMs;
        const fromMs = isAfterReset ? afterMs : afterMs + 1;
        const toMs = resets.has(upToMs) ? upToMs : upToMs + 1;
        stretches.push({ afterMs, upToMs, fromMs, toMs, start: occupancy, cell: hour.cell });
        // An hour that starts with a reset starts with its count, not with the one before.
        const isReplaced = afterMs < hour.startMs && resets.has(hour.startMs);
        const { max } = countRange(occupancy, run);
        tally.add(hour, run, isReplaced ? max : Math.max(countOf(occupancy), max));
      }
      occupancy = advance(occupancy, run);
      const resetTo = resets.get(upToMs);
      if (resetTo !== undefined) occupancy = occupancyAfterReset(resetTo);
      if (!hour || upToMs < hour.endMs - 1) continue;
      // The last millisecond of an hour has the count of a reset in it, and the next hour begins after it.
      if (resetTo !== undefined) {
        tally.times.add({ cell: hour.cell, count: resetTo, ms: 1 });
        tally.add(hour, undefined, resetTo);
      }
      at += 1;
    }
    const stored = stretches.filter(({ upToMs }) => upToMs <= tailAfterMs);
    for (const one of await this.#storedTimes(report, stored)) tally.times.add(one);
    tally.times.follow(stretches.slice(stored.length), tail);
    return tally;
  }

  async #storedTimes({ spaceId, storedBlock: block }: KnownReport, stretches: readonly Stretch[]) {
    return stretches.length === 0 ? [] : this.#history.timeAtCounts({ spaceId, block, stretches });
  }
}

/** An hour of the clock, or the part of it that is in the span. */
interface Hour {
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
  /** The hour of the week, from 0. */
  readonly cell: number;
}

function hoursOf(bounds: readonly number[], { timeZone }: ResetSchedule): Hour[] {
  return bounds.slice(0, -1).map((startMs, n) => {
    const localMs = toLocalMs(startMs, timeZone);
    const day = Math.floor(localMs / DAY_MS);
    const hour = Math.floor((localMs - day * DAY_MS) / HOUR_MS);
    return { startMs, endMs: bounds[n + 1] ?? startMs, cell: ((((day + THURSDAY) % 7) + 7) % 7) * HOURS_OF_DAY + hour };
  });
}

interface Followed {
  readonly passed: ReadonlyMap<number, Omit<HoursPassed, 'times'>>;
  readonly times: TimeAtCounts;
  readonly peakHourMs: number;
}

class Tally implements Followed {
  readonly passed = new Map<number, Omit<HoursPassed, 'times'>>();
  readonly times = new TimeAtCounts();
  peakHourMs = 0;
  #peak = -1;

  add({ cell, startMs }: Hour, run: Segment | undefined, peak: number): void {
    const before = this.passed.get(cell);
    this.passed.set(cell, {
      entrances: (before?.entrances ?? 0) + (run?.entrances ?? 0),
      exits: (before?.exits ?? 0) + (run?.exits ?? 0),
      peak: Math.max(before?.peak ?? 0, peak),
    });
    if (peak <= this.#peak) return;
    [this.#peak, this.peakHourMs] = [peak, startMs];
  }
}
