// When a space is reset: by a person, at an instant, to a count; or every day at a local time, to 0.
// A reset at T holds for events with T < timestamp. Of two at one instant the later recorded wins,
// and a person's word stands above the daily rule's.
import { BEGINNING_MS, END_MS } from './instant.ts';
import { DAY_MS, fromLocalMs, MINUTE_MS, startOfLocalDay, toLocalMs } from './zone.ts';

export interface ResetPoint {
  readonly timestampMs: number;
  readonly count: number;
}

export interface ResetSchedule {
  /** In the order they were recorded. */
  readonly manual: readonly ResetPoint[];
  /** Local time of day `HH:MM`, or null. */
  readonly dailyReset: string | null;
  readonly timeZone: string;
}

/** A space that was never reset starts at 0 at the beginning of time. */
export const NEVER_RESET: ResetPoint = { timestampMs: BEGINNING_MS, count: 0 };

export const isSameReset = (a: ResetPoint, b: ResetPoint): boolean =>
  a.timestampMs === b.timestampMs && a.count === b.count;

/** The latest reset at or before an instant. */
export function resetInForce(schedule: ResetSchedule, atMs: number): ResetPoint {
  const daily = dailyAtOrBefore(schedule, atMs);
  let found = daily === undefined || daily <= BEGINNING_MS ? NEVER_RESET : { timestampMs: daily, count: 0 };
  for (const reset of schedule.manual) {
    if (reset.timestampMs <= atMs && reset.timestampMs >= found.timestampMs) found = reset;
  }
  return { timestampMs: found.timestampMs, count: found.count };
}

/** The first instant after `afterMs` at which a reset is due; END_MS when there is none. */
export function nextResetAfter(schedule: ResetSchedule, afterMs: number): number {
  const manual = schedule.manual.reduce(
    (least, { timestampMs }) => (timestampMs > afterMs && timestampMs < least ? timestampMs : least),
    END_MS,
  );
  return Math.min(manual, dailyAfter(schedule, afterMs));
}

/** All resets with `after < T <= upTo`, ascending, one for each instant. */
export function resetsBetween(schedule: ResetSchedule, afterMs: number, upToMs: number): ResetPoint[] {
  const found: ResetPoint[] = [];
  for (let at = nextResetAfter(schedule, afterMs); at <= upToMs && at < END_MS; at = nextResetAfter(schedule, at)) {
    found.push(resetInForce(schedule, at));
  }
  return found;
}

/** From the first to the last reset, at or before an instant, that one schedule has and the other has not; undefined when there is none. */
export function differingResets(
  before: ResetSchedule,
  after: ResetSchedule,
  upToMs: number,
): { firstMs: number; lastMs: number } | undefined {
  if (upToMs <= BEGINNING_MS) return undefined;
  const isOtherRule =
    before.dailyReset !== after.dailyReset || (after.dailyReset !== null && before.timeZone !== after.timeZone);
  if (isOtherRule) return { firstMs: BEGINNING_MS + 1, lastMs: upToMs };
  // Resets are recorded, and never taken back.
  const instants = after.manual
    .slice(before.manual.length)
    .map(({ timestampMs }) => timestampMs)
    .filter((at) => at <= upToMs);
  if (instants.length === 0) return undefined;
  return { firstMs: Math.min(...instants), lastMs: Math.max(...instants) };
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
