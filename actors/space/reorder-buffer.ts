// Holds events until the watermark passes them, and returns them in event order. A sorted array with a moving head,
// not a heap: readings arrive nearly in order, so almost every insertion is a push, and the live count has to walk
// the buffer in order, which a heap cannot do.
//
// A retraction does not remove its assertion from the buffer; both go into history. A reading is recognised as a
// duplicate by its rows in history. If a move removed unstored events here, no row would be left in the first space,
// and a duplicate would count again.
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { invariant } from '../../src/domain/failure.ts';
import { compareEvents, deltaOf } from '../../src/domain/space-event.ts';

/** Below this number of events that have left, copying the others costs more than the memory is worth. */
const COMPACT_AT = 32;

export class ReorderBuffer {
  #events: LoggedEvent[] = [];
  #head = 0;

  get size(): number {
    return this.#events.length - this.#head;
  }

  /** All events in event order, or only those after the reading that `after` belongs to. */
  items(after?: LoggedEvent): LoggedEvent[] {
    return this.#events.slice(after ? Math.max(this.#head, this.#position(after)) : this.#head);
  }

  /** Timestamp of the first event; Infinity if it is empty. */
  get firstMs(): number {
    return this.#events[this.#head]?.timestampMs ?? Infinity;
  }

  /** Timestamp of the last event; -Infinity if it is empty. */
  get lastMs(): number {
    return this.size === 0 ? -Infinity : (this.#events[this.#events.length - 1]?.timestampMs ?? -Infinity);
  }

  /**
   * @returns true if the event comes after all others, and none of them belongs to the same reading
   */
  add(event: LoggedEvent): boolean {
    const position = this.#position(event);
    const last = this.#events[this.#events.length - 1];
    const isNext =
      position === this.#events.length && (this.size === 0 || last === undefined || compareEvents(last, event) < 0);
    if (position === this.#events.length) this.#events.push(event);
    else this.#events.splice(position, 0, event);
    return isNext;
  }

  /** The last instant up to `upToMs` at which a reading in the buffer stands. */
  lastStanding(upToMs: number): number | undefined {
    return lastStanding(this.#events, upToMs, this.#head);
  }

  /** Removes and returns, in order, every event with timestamp <= upToMs. */
  take(upToMs: number): LoggedEvent[] {
    const start = this.#head;
    let end = start;
    while ((this.#events[end]?.timestampMs ?? Infinity) <= upToMs) end++;
    const taken = this.#events.slice(start, end);
    this.#head = end;
    if (this.#head >= Math.max(COMPACT_AT, this.size) || this.#head === this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }

  /** The index at which to insert an event: after all events that are before it or equal to it. */
  #position(event: LoggedEvent): number {
    const last = this.#events[this.#events.length - 1];
    if (last === undefined || this.size === 0 || compareEvents(last, event) <= 0) return this.#events.length;
    let low = this.#head;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#events[middle];
      if (at !== undefined && compareEvents(at, event) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The last instant up to `upToMs` at which a reading stands, among events in event order; undefined if there is none.
 */
export function lastStanding(events: readonly LoggedEvent[], upToMs = Infinity, head = 0): number | undefined {
  for (let at = events.length - 1; at >= head;) {
    const timestampMs = events[at]?.timestampMs ?? Infinity;
    let signs = 0;
    for (; at >= head && events[at]?.timestampMs === timestampMs; at--) signs += events[at]?.sign ?? 0;
    if (signs > 0 && timestampMs <= upToMs) return timestampMs;
  }
  return undefined;
}

/**
 * Visits events in event order, one reading at a time. All assertions and retractions of a reading in a space are one
 * change of -1, 0 or 1; the states in between have no effect. `end` is the index after the reading's last event.
 */
export function forEachChange(
  events: readonly LoggedEvent[],
  visit: (timestampMs: number, change: number, end: number) => void,
): void {
  for (let at = 0; at < events.length;) {
    const first = events[at] as LoggedEvent;
    let [change, signs, next] = [deltaOf(first) * first.sign, first.sign as number, at + 1];
    for (let other = events[next]; other && compareEvents(first, other) === 0; other = events[++next]) {
      change += deltaOf(other) * other.sign;
      signs += other.sign;
    }
    invariant(
      signs === 0 || signs === 1,
      () => `space ${first.spaceId}: a reading at ${first.timestampMs} is asserted ${signs} times`,
    );
    visit(first.timestampMs, change, next);
    at = next;
  }
}
