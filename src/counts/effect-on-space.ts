// What a change would do to the counts of one space: now, and over the span in which they would differ. "After" is counted from
// the events as they would be, by the functions that answer every other question, because the floor at 0 makes counts nonlinear:
// adding differences would be wrong.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { Failure } from '../domain/failure.ts';
import type { SpaceId } from '../domain/ids.ts';
import { intervalBounds, parseInterval } from '../domain/interval.ts';
import type { LoggedEvent } from '../domain/log-entry.ts';
import { differingResets, nextResetAfter, resetInForce, type ResetSchedule } from '../domain/reset-schedule.ts';
import { greatest, least } from '../domain/lists.ts';
import type { Span } from '../domain/placement.ts';
import { DAY_MS } from '../domain/zone.ts';
import type { History } from '../ports/history.ts';
import { countAt, intervalsOf, type CountAnswer, type IntervalAnswer } from './count-at.ts';

/** A span of at most this length is shown by the hour, a longer one by the day. */
const BY_HOUR_MAX_MS = 7 * DAY_MS;
/** Ten years; only the newest are looked at. */
const DAYS_MAX = 3_660;
const LISTED_MAX = 1_000;
/** Each row takes about 200 bytes of memory while they are counted. */
const ROWS_MAX = 200_000;

export interface Compared<T> {
  readonly before: T;
  readonly after: T;
}

export interface ComparedInterval extends Compared<IntervalAnswer> {
  readonly startMs: number;
  readonly endMs: number;
  readonly isFinal: boolean;
}

export interface EffectOnSpace {
  readonly spaceId: SpaceId;
  readonly current: Compared<CountAnswer>;
  /** Counts may differ in `[fromMs, toMs)`, and nowhere else. Null: since the beginning. */
  readonly fromMs: number | null;
  readonly toMs: number;
  readonly interval: '1h' | '1d';
  /** Those that the change would alter, oldest first, the first 1,000. */
  readonly intervals: readonly ComparedInterval[];
  readonly intervalsLeftOut: number;
  readonly watermarkMs: number;
  /** True if the whole span is final. */
  readonly isFinal: boolean;
  readonly isStale: boolean;
}

export interface SupposedSpace {
  readonly report: KnownReport;
  readonly nowMs: number;
  readonly before: ResetSchedule;
  readonly after: ResetSchedule;
  /** Retractions and assertions. */
  readonly events: readonly LoggedEvent[];
}

/**
 * @returns undefined if the change does nothing to the space up to now
 * @throws Failure invalid if too much would have to be counted
 */
export async function effectOnSpace(space: SupposedSpace, history: History): Promise<EffectOnSpace | undefined> {
  const { report, nowMs, before, after, events } = space;
  const span = affectedSpan(space);
  if (!span) return undefined;
  const { spaceId, watermarkMs, isStale } = report;
  const interval = span.toMs - span.fromMs <= BY_HOUR_MAX_MS ? '1h' : '1d';
  const bounds = boundsOf(span, interval, after.timeZone);
  await checkRows(space, bounds, history);
  // As it will be when the routers have made the correction, and nothing of it is stored yet.
  const supposed: KnownReport = {
    ...report,
    unstored: [...report.unstored, ...events],
    isSettled: false,
    lastReadingMs: null,
  };
  const [now, supposedNow, were, would] = await Promise.all([
    countAt(report, before, nowMs, history),
    countAt(supposed, after, nowMs, history),
    intervalsOf(report, before, bounds, history),
    intervalsOf(supposed, after, bounds, history),
  ]);
  const altered = comparedOf(were, would);
  return {
    spaceId,
    current: { before: now, after: supposedNow },
    fromMs: span.fromMs <= 0 ? null : span.fromMs,
    toMs: span.toMs,
    interval,
    intervals: altered.slice(0, LISTED_MAX),
    intervalsLeftOut: Math.max(0, altered.length - LISTED_MAX),
    watermarkMs,
    isFinal: span.toMs - 1 <= watermarkMs,
    isStale,
  };
}

function comparedOf(were: readonly IntervalAnswer[], would: readonly IntervalAnswer[]): ComparedInterval[] {
  return were.flatMap((before, n) => {
    const after = would[n];
    const { startMs, endMs, isFinal } = before;
    return after && !isSame(before, after) ? [{ startMs, endMs, isFinal, before, after }] : [];
  });
}

function isSame(a: IntervalAnswer, b: IntervalAnswer): boolean {
  return (
    a.entrances === b.entrances && a.exits === b.exits && a.min === b.min && a.max === b.max && a.count === b.count
  );
}

/** A reset that the change leaves alone ends it, because counts go on from there as before. */
function affectedSpan({ nowMs, before, after, events }: SupposedSpace): Span | undefined {
  const resets = differingResets(before, after, nowMs);
  const times = events.map(({ timestampMs }) => timestampMs);
  const fromMs = least([...times, ...(resets ? [resets.firstMs] : [])]);
  if (fromMs === undefined) return undefined;
  // A reset applies to events after its instant, so one at the instant of the last event includes it.
  const lastMs = Math.max(resets?.lastMs ?? 0, (greatest(times) ?? 0) - 1);
  return { fromMs, toMs: Math.max(fromMs + 1, Math.min(nextResetAfter(after, lastMs), nowMs + 1)) };
}

function boundsOf({ fromMs, toMs }: Span, text: '1h' | '1d', timeZone: string): number[] {
  const interval = parseInterval(text);
  const startMs = Math.max(0, fromMs, toMs - DAYS_MAX * DAY_MS);
  return interval ? intervalBounds(startMs, toMs, interval, timeZone) : [];
}

/** Only the events since the first corrected one have to be read, and no further back than the reset before what is shown. */
async function checkRows(
  { report, nowMs, before, after, events }: SupposedSpace,
  bounds: readonly number[],
  history: Pick<History, 'rowCount'>,
): Promise<void> {
  const firstMs = least(events.map(({ timestampMs }) => timestampMs));
  if (firstMs === undefined) return;
  const shownMs = (bounds[0] ?? nowMs) - 1;
  const baseMs = Math.min(resetInForce(before, shownMs).timestampMs, resetInForce(after, shownMs).timestampMs);
  const query = {
    spaceId: report.spaceId,
    block: report.storedBlock,
    afterMs: Math.max(0, baseMs, firstMs - 1),
    upToMs: Math.max(nowMs, bounds.at(-1) ?? nowMs),
  };
  if ((await history.rowCount(query)) <= ROWS_MAX) return;
  throw new Failure(
    'invalid',
    `space ${report.spaceId} has more than ${ROWS_MAX.toLocaleString('en')} events since the first one that would be corrected, and a dry run counts no more`,
    { field: 'dry_run' },
  );
}
