// The slots of time for which segments are stored (docs/adr/0114): hours of UTC, of which the first instant is a slot of its own. So
// slots end where intervals of whole hours do, just before an hour begins, and where a reset on the hour comes, just after.
import { HOUR_MS } from './zone.ts';

/** Slot 2h is the first instant of hour h since 1970, and slot 2h + 1 the rest of it. */
export function slotOf(ms: number): number {
  return 2 * Math.floor(ms / HOUR_MS) + (ms % HOUR_MS === 0 ? 0 : 1);
}

/** True if no slot has instants on both sides. @param edgeMs the last instant of what is before it */
function isBetweenSlots(edgeMs: number): boolean {
  return (edgeMs + 1) % HOUR_MS === 0 || edgeMs % HOUR_MS === 0;
}

/** The last instant before a slot. */
function endBefore(slot: number): number {
  return Math.floor(slot / 2) * HOUR_MS - 1 + (slot % 2);
}

/** The instants in (afterMs, upToMs]. An instant is a millisecond. */
export interface EventRange {
  readonly afterMs: number;
  readonly upToMs: number;
}

/** Slots, the last one included. */
export interface SlotSpan {
  readonly first: number;
  readonly last: number;
}

export function rangeOfSlots({ first, last }: SlotSpan): EventRange {
  return { afterMs: endBefore(first), upToMs: endBefore(last + 1) };
}

/** A span of time, of which some is summed up from stored slots and the rest from events. Together they are all of it, once. */
export interface SlotsPlan {
  readonly slots: readonly SlotSpan[];
  readonly events: readonly EventRange[];
}

/** Each range is a part of the text of a query. With more of them, everything between the first and the last is read as events. */
const RANGES_MAX = 500;

/**
 * @param edgesMs ascending; the span is (first, last], and what is summed up may not reach over any of them
 * @param changed the slots whose stored segments are not those that are asked for
 */
export function planSlots(edgesMs: readonly number[], changed: Iterable<number>): SlotsPlan {
  const [afterMs, upToMs] = [edgesMs[0] ?? 0, edgesMs.at(-1) ?? 0];
  if (afterMs >= upToMs) return { slots: [], events: [] };
  const divided = edgesMs.filter((edge) => !isBetweenSlots(edge)).map(slotOf);
  const [first, last] = [slotOf(afterMs + 1), slotOf(upToMs)];
  const asEvents = [...new Set([...divided, ...changed])].filter((slot) => slot >= first && slot <= last);
  const spans = limited(spansOf(asEvents.sort((a, b) => a - b)));
  const events = spans.map(rangeOfSlots).map((range) => ({
    afterMs: Math.max(afterMs, range.afterMs),
    upToMs: Math.min(upToMs, range.upToMs),
  }));
  const starts = [first, ...spans.map((span) => span.last + 1)];
  const ends = [...spans.map((span) => span.first - 1), last];
  const slots = starts.map((start, n) => ({ first: start, last: ends[n] ?? last }));
  return { slots: slots.filter((span) => span.first <= span.last), events };
}

/** @param slots ascending, each once */
function spansOf(slots: readonly number[]): SlotSpan[] {
  const spans: SlotSpan[] = [];
  for (const slot of slots) {
    const before = spans.at(-1);
    // A first instant between two hours is nearly always empty. Without it they are one range.
    if (before && slot - before.last <= (slot % 2) + 1) spans[spans.length - 1] = { first: before.first, last: slot };
    else spans.push({ first: slot, last: slot });
  }
  return spans;
}

function limited(spans: readonly SlotSpan[]): readonly SlotSpan[] {
  const [first, last] = [spans[0], spans.at(-1)];
  return first && last && spans.length > RANGES_MAX ? [{ first: first.first, last: last.last }] : spans;
}
