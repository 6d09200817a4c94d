// What is shown of a span: its intervals, those of the week before, resets, and moves of sensors.
import { api, bodyOf, jsonOf } from '../api/client.ts';
import type { Interval, Reset, Space } from '../api/types.ts';
import { DAY_MS, instantIn, localTimeIn } from '../i18n/zoned-time.ts';
import type { Span } from '../span.ts';
import { loadMoves, type MoveMark } from './moves.ts';
import { intervalFor, weekBefore } from './spans.ts';

export interface ResetMark {
  readonly atMs: number;
  readonly count: number;
  readonly kind: 'manual' | 'daily';
}

export interface History {
  readonly span: Span;
  /** Length of the intervals, as the API names it. */
  readonly interval: string;
  readonly intervals: readonly Interval[];
  /** The week before, with its times moved to this span; undefined if there is no comparison. */
  readonly before: readonly { readonly endMs: number; readonly count: number }[] | undefined;
  readonly resets: readonly ResetMark[];
  readonly moves: readonly MoveMark[];
}

/** Marks of daily resets in a longer span would hide the curve. */
const DAILY_MARKS_MAX = 8;

export async function loadHistory(space: Space, span: Span, isCompared: boolean): Promise<History> {
  const interval = intervalFor(span);
  const earlier = weekBefore(space.time_zone, span);
  const [intervals, before, resets, moves] = await Promise.all([
    loadIntervals(space.id, { ...span, toMs: Math.min(span.toMs, Date.now()) }, interval),
    isCompared ? loadIntervals(space.id, earlier, interval) : undefined,
    loadResets(space.id, span),
    loadMoves(space.id, span),
  ]);
  const shiftMs = span.fromMs - earlier.fromMs;
  return {
    span,
    interval,
    intervals,
    before: before?.map(({ end, count }) => ({ endMs: Date.parse(end) + shiftMs, count })),
    resets: [...resets, ...dailyResets(space, span)],
    moves,
  };
}

/** Path and query, also for CSV. */
export function intervalsPath(id: number, { fromMs, toMs }: Span, interval: string): string {
  const query = { start: new Date(fromMs).toISOString(), end: new Date(toMs).toISOString(), interval };
  return `/counts/${id}/intervals?${new URLSearchParams(query).toString()}`;
}

/** @returns nothing for a span in the future */
export async function loadIntervals(id: number, { fromMs, toMs }: Span, interval: string): Promise<Interval[]> {
  if (fromMs >= toMs) return [];
  const query = { start: new Date(fromMs).toISOString(), end: new Date(toMs).toISOString(), interval };
  return jsonOf(api.GET('/counts/{space_id}/intervals', { params: { path: { space_id: id }, query } }));
}

async function loadResets(id: number, { fromMs, toMs }: Span): Promise<ResetMark[]> {
  const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
  const query = { filter: `timestamp >= '${from}' and timestamp < '${to}'`, limit: 1_000 };
  const found: Reset[] = await bodyOf(api.GET('/spaces/{id}/resets', { params: { path: { id }, query } }));
  return found.map(({ timestamp, count }) => ({ atMs: Date.parse(timestamp), count, kind: 'manual' }));
}

function dailyResets({ daily_reset: at, time_zone: zone }: Space, { fromMs, toMs }: Span): ResetMark[] {
  if (at === null || toMs - fromMs > DAILY_MARKS_MAX * DAY_MS) return [];
  const marks: ResetMark[] = [];
  for (let dayMs = fromMs - DAY_MS; dayMs <= toMs + DAY_MS; dayMs += DAY_MS) {
    const atMs = instantIn(zone, `${localTimeIn(zone, dayMs).slice(0, 10)}T${at}`);
    const isShown = atMs >= fromMs && atMs < Math.min(toMs, Date.now());
    if (isShown && marks.at(-1)?.atMs !== atMs) marks.push({ atMs, count: 0, kind: 'daily' });
  }
  return marks;
}
