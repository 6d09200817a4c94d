// Holds events until the watermark passes them, and hands them out in event order. A sorted array with
// a moving head, not a heap: readings come nearly in order, so almost every insertion is a push, and
// the live count needs to walk the buffer in order, which a heap cannot do.
import { compareEvents } from '../../src/domain/space-event.ts';
import type { LoggedEvent } from './logged-event.ts';

const COMPACT_AT = 1024;

export class ReorderBuffer {
  #events: LoggedEvent[] = [];
  #head = 0;

  get size(): number {
    return this.#events.length - this.#head;
  }

  /** In event order. */
  items(): LoggedEvent[] {
    return this.#events.slice(this.#head);
  }

  oldest(): LoggedEvent | undefined {
    return this.#events[this.#head];
  }

  add(event: LoggedEvent): void {
    this.#events.splice(this.#position(event), 0, event);
  }

  /** Takes out the assertion that `retraction` takes back. @returns false when it is not here */
  remove(retraction: LoggedEvent): boolean {
    const position = this.#position(retraction) - 1;
    const found = this.#events[position];
    if (position < this.#head || found === undefined || compareEvents(found, retraction) !== 0) return false;
    this.#events.splice(position, 1);
    return true;
  }

  /** Takes out, in order, every event with timestamp <= upToMs. */
  take(upToMs: number): LoggedEvent[] {
    const start = this.#head;
    let end = start;
    while ((this.#events[end]?.timestampMs ?? Infinity) <= upToMs) end++;
    const taken = this.#events.slice(start, end);
    this.#head = end;
    if (this.#head >= COMPACT_AT || this.#head === this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }

  /** Where an event goes: after all that are before or equal to it. */
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
