// Hours, for which segments are stored (docs/adr/0114), numbered since 1970, in UTC. As an interval of an answer does, an hour has its
// first instant and not that of the next one.

export const HOUR_MS = 3_600_000;

export function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS);
}

/** The instants in (afterMs, upToMs]. An instant is a millisecond. */
export interface EventRange {
  readonly afterMs: number;
  readonly upToMs: number;
}

/** The instants of hours. @param last is included */
export function rangeOfHours({ first, last }: HourSpan): EventRange {
  return { afterMs: first * HOUR_MS - 1, upToMs: (last + 1) * HOUR_MS - 1 };
}

/** Hours, the last one included. */
export interface HourSpan {
  readonly first: number;
  readonly last: number;
}

/** A span of time, of which some is summed up from stored hours and the rest from events. Together they are all of it, once. */
export interface HoursPlan {
  readonly hours: readonly HourSpan[];
  readonly events: readonly EventRange[];
}

/** Each range is a condition of a query. With more of them, everything between the first and the last is read as events. */
const RANGES_MAX = 500;

/**
 * @param edgesMs ascending; the span is (first, last], and what is summed up may not reach over any of them
 * @param changed the hours whose stored segments are not those that are asked for
 */
export function planHours(edgesMs: readonly number[], changed: Iterable<number>): HoursPlan {
  const [afterMs, upToMs] = [edgesMs[0] ?? 0, edgesMs.at(-1) ?? 0];
  if (afterMs >= upToMs) return { hours: [], events: [] };
  const divided = edgesMs.filter((edge) => (edge + 1) % HOUR_MS !== 0).map(hourOf);
  const [first, last] = [hourOf(afterMs + 1), hourOf(upToMs)];
  const asEvents = [...new Set([...divided, ...changed])].filter((hour) => hour >= first && hour <= last);
  const spans = limited(spansOf(asEvents.sort((a, b) => a - b)));
  const events = spans.map(rangeOfHours).map((range) => ({
    afterMs: Math.max(afterMs, range.afterMs),
    upToMs: Math.min(upToMs, range.upToMs),
  }));
  const starts = [first, ...spans.map((span) => span.last + 1)];
  const ends = [...spans.map((span) => span.first - 1), last];
  const hours = starts.map((start, n) => ({ first: start, last: ends[n] ?? last }));
  return { hours: hours.filter((span) => span.first <= span.last), events };
}

/** @param hours ascending, each once */
function spansOf(hours: readonly number[]): HourSpan[] {
  const spans: HourSpan[] = [];
  for (const hour of hours) {
    const before = spans.at(-1);
    if (before?.last === hour - 1) spans[spans.length - 1] = { first: before.first, last: hour };
    else spans.push({ first: hour, last: hour });
  }
  return spans;
}

function limited(spans: readonly HourSpan[]): readonly HourSpan[] {
  const [first, last] = [spans[0], spans.at(-1)];
  return first && last && spans.length > RANGES_MAX ? [{ first: first.first, last: last.last }] : spans;
}
