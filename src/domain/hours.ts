// Hours, for which segments are stored (docs/adr/0114). Events are in (start, end], as they are in the ranges of a question: an event
// at the end of an hour belongs to it. Hours are those of UTC, numbered by their end.

export const HOUR_MS = 3_600_000;

/** The hour of an instant in whole milliseconds: hour h is ((h - 1) * HOUR_MS, h * HOUR_MS]. */
export function hourOf(ms: number): number {
  return Math.floor((ms + HOUR_MS - 1) / HOUR_MS);
}

/** The instants in (afterMs, upToMs]. */
export interface EventRange {
  readonly afterMs: number;
  readonly upToMs: number;
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
  const divided = edgesMs.filter((edge) => edge % HOUR_MS !== 0).map(hourOf);
  const [first, last] = [hourOf(afterMs + 1), hourOf(upToMs)];
  const asEvents = [...new Set([...divided, ...changed])].filter((hour) => hour >= first && hour <= last);
  const spans = limited(spansOf(asEvents.sort((a, b) => a - b)));
  const events = spans.map((span) => ({
    afterMs: Math.max(afterMs, (span.first - 1) * HOUR_MS),
    upToMs: Math.min(upToMs, span.last * HOUR_MS),
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
