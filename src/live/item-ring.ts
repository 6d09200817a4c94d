// The last items of a feed, numbered without gaps, bounded in number and age.
import type { FeedItem } from './feed-message.ts';

export class ItemRing {
  readonly #itemsMax: number;
  #entries: { readonly item: FeedItem; readonly atMs: number }[] = [];
  /** Number of the last item. */
  #last = 0;

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  get last(): number {
    return this.#last;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Replaces all items: `items` are the last ones up to number `last`. */
  reset(last: number, items: readonly FeedItem[], atMs: number): void {
    this.#last = last;
    this.#entries = items.map((item) => ({ item, atMs }));
  }

  push(item: FeedItem, atMs: number): void {
    this.#last += 1;
    this.#entries.push({ item, atMs });
    if (this.#entries.length >= 2 * this.#itemsMax) this.#entries = this.#entries.slice(-this.#itemsMax);
  }

  dropBefore(atMs: number): void {
    const kept = this.#entries.findIndex((entry) => entry.atMs >= atMs);
    this.#entries = kept < 0 ? [] : this.#entries.slice(kept);
  }

  /** The last items, at most so many. */
  newest(count: number): FeedItem[] {
    return count <= 0 ? [] : this.#entries.slice(-count).map(({ item }) => item);
  }

  /** The items after number `n`; undefined if some of them were dropped. */
  after(n: number): FeedItem[] | undefined {
    const missing = this.#last - n;
    if (missing < 0 || missing > this.#entries.length) return undefined;
    return this.newest(missing);
  }
}
