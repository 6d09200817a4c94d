// The last items of a feed, numbered without gaps, bounded in number and age.
import type { FeedItem } from './feed-message.ts';

/** The ring grows by an eighth before it is trimmed, because trimming copies all items. */
const TRIM_AT = 1.125;

export class ItemRing {
  readonly #itemsMax: number;
  #items: FeedItem[] = [];
  /** When each item was added. A separate array of numbers, so that garbage collections have no objects to mark for the times. */
  #times: number[] = [];
  /** Number of the last item. */
  #last = 0;

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  get last(): number {
    return this.#last;
  }

  get length(): number {
    return this.#items.length;
  }

  /** Replaces all items: `items` are the last ones up to number `last`. */
  reset(last: number, items: readonly FeedItem[], atMs: number): void {
    this.#last = last;
    this.#items = [...items];
    this.#times = items.map(() => atMs);
  }

  push(item: FeedItem, atMs: number): void {
    this.#last += 1;
    this.#items.push(item);
    this.#times.push(atMs);
    if (this.#items.length >= TRIM_AT * this.#itemsMax) this.#keepFrom(this.#items.length - this.#itemsMax);
  }

  dropBefore(atMs: number): void {
    const kept = this.#times.findIndex((addedMs) => addedMs >= atMs);
    this.#keepFrom(kept < 0 ? this.#items.length : kept);
  }

  /** The last items, at most so many. */
  newest(count: number): FeedItem[] {
    return count <= 0 ? [] : this.#items.slice(-count);
  }

  /** The items after number `n`; undefined if some of them were dropped. */
  after(n: number): FeedItem[] | undefined {
    const missing = this.#last - n;
    if (missing < 0 || missing > this.#items.length) return undefined;
    return this.newest(missing);
  }

  #keepFrom(position: number): void {
    if (position === 0) return;
    this.#items = this.#items.slice(position);
    this.#times = this.#times.slice(position);
  }
}
