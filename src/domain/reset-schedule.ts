// When a space is reset: manually, at an instant, to a given count; or daily, at a local time, to another count. A reset at T
// applies to events with timestamp > T. Of two manual resets at the same instant, the one recorded or changed later wins,
// and a manual reset overrides the daily one (T3 to T6).
import { BEGINNING_MS, END_MS, MINUTE_MS } from './instant.ts';
import { DAY_MS, fromLocalMs, startOfLocalDay, toLocalMs } from './zone.ts';

export interface ResetPoint {
  readonly timestampMs: number;
  readonly count: number;
}

export interface ResetSchedule {
  /** In the order in which they were recorded or last changed. */
  readonly manual: readonly ResetPoint[];
  /** Local time of day `HH:MM`, or null. */
  readonly dailyReset: string | null;
  /** The count at each daily reset. */
  readonly dailyResetCount: number;
  readonly timeZone: string;
}

/** A space that was never reset starts with 0 at the beginning of time. */
export const NEVER_RESET: ResetPoint = { timestampMs: BEGINNING_MS, count: 0 };

export const isSameReset = (a: ResetPoint, b: ResetPoint): boolean =>
  a.timestampMs === b.timestampMs && a.count === b.count;

/** The latest reset at or before an instant. */
export function resetInForce(schedule: ResetSchedule, atMs: number): ResetPoint {
  const daily = dailyAtOrBefore(schedule, atMs);
  let found =
    daily === undefined || daily <= BEGINNING_MS
      ? NEVER_RESET
      : { timestampMs: daily, count: schedule.dailyResetCount };
  for (const reset of schedule.manual) {
    if (reset.timestampMs <= atMs && reset.timestampMs >= found.timestampMs) found = reset;
  }
  return { timestampMs: found.timestampMs, count: found.count };
}

/** The first instant after `afterMs` at which there is a reset; END_MS if there is none. */
export function nextResetAfter(schedule: ResetSchedule, afterMs: number): number {
  const manual = schedule.manual.reduce(
    (least, { timestampMs }) => (timestampMs > afterMs && timestampMs < least ? timestampMs : least),
    END_MS,
  );
  return Math.min(manual, dailyAfter(schedule, afterMs));
}

/** The first `limit` resets in force with `afterMs < T <= upToMs`, ascending, one per instant. */
export function resetsBetween(
  schedule: ResetSchedule,
  afterMs: number,
  upToMs: number,
  limit = Infinity,
): ResetPoint[] {
  const found: ResetPoint[] = [];
  for (let at = nextResetAfter(schedule, afterMs); at <= upToMs && at < END_MS; at = nextResetAfter(schedule, at)) {
    if (found.length === limit) break;
    found.push(resetInForce(schedule, at));
  }
  return found;
}

/**
 * The span from the first to the last reset, up to an instant, that only one of two schedules contains; undefined if
 * there is none.
 */
export function differingResets(
  before: ResetSchedule,
  after: ResetSchedule,
  upToMs: number,
): { firstMs: number; lastMs: number } | undefined {
  if (upToMs <= BEGINNING_MS) return undefined;
  const isDailyChanged =
    before.dailyReset !== after.dailyReset ||
    (after.dailyReset !== null &&
      (before.timeZone !== after.timeZone || before.dailyResetCount !== after.dailyResetCount));
  if (isDailyChanged) return { firstMs: BEGINNING_MS + 1, lastMs: upToMs };
  const [was, is] = [countsByInstant(before), countsByInstant(after)];
  const instants = [...new Set([...was.keys(), ...is.keys()])].filter(
    (at) => at <= upToMs && was.get(at) !== is.get(at),
  );
  if (instants.length === 0) return undefined;
  return { firstMs: Math.min(...instants), lastMs: Math.max(...instants) };
}

/** The count of the manual reset that wins at each instant. */
function countsByInstant({ manual }: ResetSchedule): Map<number, number> {
  return new Map(manual.map(({ timestampMs, count }) => [timestampMs, count]));
}

function timeOfDayMs(dailyReset: string): number {
  return (Number(dailyReset.slice(0, 2)) * 60 + Number(dailyReset.slice(3, 5))) * MINUTE_MS;
}

function dailyAtOrBefore({ dailyReset, timeZone }: ResetSchedule, atMs: number): number | undefined {
  if (dailyReset === null) return undefined;
  const today = startOfLocalDay(toLocalMs(atMs, timeZone)) + timeOfDayMs(dailyReset);
  for (const local of [today + DAY_MS, today, today - DAY_MS, today - 2 * DAY_MS]) {
    const instant = fromLocalMs(local, timeZone);
    if (instant <= atMs) return instant;
  }
  return undefined;
}

function dailyAfter({ dailyReset, timeZone }: ResetSchedule, afterMs: number): number {
  if (dailyReset === null) return END_MS;
  const today = startOfLocalDay(toLocalMs(afterMs, timeZone)) + timeOfDayMs(dailyReset);
  for (const local of [today - DAY_MS, today, today + DAY_MS, today + 2 * DAY_MS]) {
    const instant = fromLocalMs(local, timeZone);
    if (instant > afterMs) return instant;
  }
  return END_MS;
}
