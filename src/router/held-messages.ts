// The messages that wait although later ones of the log are consumed, in log order. A commit names them as ranges of
// sequences, so a router that restarts holds the same messages, whatever rule made them wait.
import type { WaitingRange } from '../domain/commit.ts';
import type { Message, Slice } from './message.ts';

/** Consumed slots at the beginning are removed when there are this many of them, and no fewer than the others. */
const UNUSED_MAX = 1_024;

/** Held messages in neighbouring slots. Only the first of them may be consumed in part. */
interface Span {
  first: number;
  last: number;
}

export class HeldMessages {
  readonly #rangesMax: number;
  /** From the oldest held message on, one for each message of the log; undefined for those that do not wait. */
  #slots: (Message | undefined)[] = [];
  /** The number of slots that were removed at the beginning. Slots are counted from before that. */
  #removed = 0;
  readonly #places = new Map<Message, number>();
  /** In log order. Kept instead of found, because each commit names them, and messages may be a thousand times as many. */
  readonly #spans: Span[] = [];

  /** @param rangesMax bounds the size of a commit */
  constructor(rangesMax: number) {
    this.#rangesMax = rangesMax;
  }

  get size(): number {
    return this.#places.size;
  }

  get oldest(): Message | undefined {
    return this.#spans[0] && this.#at(this.#spans[0].first);
  }

  /** True when there are as many ranges as a commit may name. */
  get isCrowded(): boolean {
    return this.#spans.length >= this.#rangesMax;
  }

  /** True if a message that is held next begins a range. One that is consumed in part always does. */
  get nextBegins(): boolean {
    return this.#slots.at(-1) === undefined;
  }

  get ranges(): WaitingRange[] {
    return this.#spans.map((span) => {
      const [first, last] = [this.#at(span.first), this.#at(span.last)];
      return { subject: null, fromSeq: first.entry.seq, toSeq: last.entry.seq, index: first.consumed };
    });
  }

  /** Call this for each message of the log that does not wait, in log order. */
  pass(): void {
    // Before the oldest held message nothing has to be known.
    if (this.size > 0) this.#slots.push(undefined);
  }

  /** Call this for each message that has to wait, in log order. */
  hold(message: Message): void {
    const slot = this.#removed + this.#slots.length;
    const begins = message.consumed > 0 || this.nextBegins;
    this.#places.set(message, slot);
    this.#slots.push(message);
    const span = this.#spans.at(-1);
    if (span && !begins) span.last = slot;
    else this.#spans.push({ first: slot, last: slot });
  }

  /** Consumes the next items of a held message, which is no longer held when all are consumed. */
  take(message: Message, itemsMax: number): Slice {
    const slot = this.#places.get(message) ?? NaN;
    const slice = message.take(itemsMax);
    const isConsumed = message.work === 0;
    if (isConsumed || message.consumed > 0) this.#divide(slot, isConsumed ? slot + 1 : slot);
    if (isConsumed) {
      this.#slots[slot - this.#removed] = undefined;
      this.#places.delete(message);
      this.#removeConsumed();
    }
    return slice;
  }

  #at(slot: number): Message {
    return this.#slots[slot - this.#removed] as Message;
  }

  /** Ends the span of a slot before it, and begins another at the next one that is left. */
  #divide(slot: number, nextFirst: number): void {
    const index = this.#spanOf(slot);
    const { first, last } = this.#spans[index] as Span;
    const parts = [
      { first, last: slot - 1 },
      { first: nextFirst, last },
    ];
    this.#spans.splice(index, 1, ...parts.filter((part) => part.first <= part.last));
  }

  /** The index of the span that contains a slot. */
  #spanOf(slot: number): number {
    let [low, high] = [0, this.#spans.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#spans[middle]?.first ?? Infinity) <= slot) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #removeConsumed(): void {
    const unused = this.#spans[0] ? this.#spans[0].first - this.#removed : this.#slots.length;
    if (unused < this.#slots.length && unused < Math.max(UNUSED_MAX, this.#slots.length / 2)) return;
    this.#slots.splice(0, unused);
    this.#removed += unused;
  }
}
