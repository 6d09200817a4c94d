// The texts of live events. Many subscribers get the same ones: those who are sent an event at the same moment, those who connect or
// reconnect at about the same time, and those who read slowly. So a text is kept until nobody has asked for it for a second or two.
// Keeping it as long as the feed keeps its item would give major garbage collections five more strings to mark for each item.
import { liveEventJson } from './live-event-json.ts';
import type { LiveEvent } from '../live/subscriber.ts';

const KEPT_MS = 1_000;

export class EventTexts {
  #asked = new Map<object, string>();
  /** Asked for in the previous period, and not since. */
  #old = new Map<object, string>();
  #timer: NodeJS.Timeout | undefined;

  of(event: LiveEvent): string {
    if (!('item' in event)) return textOf(event);
    const { item } = event;
    const known = this.#asked.get(item);
    if (known !== undefined) return known;
    const text = this.#old.get(item) ?? textOf(event);
    this.#asked.set(item, text);
    this.#timer ??= setTimeout(() => this.#age(), KEPT_MS).unref();
    return text;
  }

  #age(): void {
    this.#timer = this.#asked.size > 0 ? setTimeout(() => this.#age(), KEPT_MS).unref() : undefined;
    this.#old = this.#asked;
    this.#asked = new Map();
  }
}

const textOf = (event: LiveEvent): string => JSON.stringify(liveEventJson(event));
