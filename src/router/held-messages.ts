// The messages that wait although later ones of the log are consumed, in log order. A commit names them as ranges of
// sequences, so a router that restarts holds the same messages, whatever rule made them wait.
import type { WaitingRange } from '../domain/commit.ts';
import type { Message, Slice } from './message.ts';

/** Consumed slots at the beginning are removed when there are this many of them, and no fewer than the others. */
const UNUSED_MAX = 1_024;

export class HeldMessages {
  readonly #rangesMax: number;
  /** From the oldest held message on, one for each message of the log; undefined for those that do not wait. */
  #slots: (Message | undefined)[] = [];
  /** The slot of the oldest held message. */
  #oldest = 0;
  /** The number of slots that were removed at the beginning. */
  #removed = 0;
  readonly #places = new Map<Message, number>();
  #ranges = 0;

  /** @param rangesMax bounds the size of a commit */
  constructor(rangesMax: number) {
    this.#rangesMax = rangesMax;
  }

  get size(): number {
    return this.#places.size;
  }

  get oldest(): Message | undefined {
    return this.#slots[this.#oldest];
  }

  /** True when there are as many ranges as a commit may name. */
  get isCrowded(): boolean {
    return this.#ranges >= this.#rangesMax;
  }

  /** True if a message that is held next begins a range. One that is consumed in part always does. */
  get nextBegins(): boolean {
    return this.#slots.at(-1) === undefined;
  }

  get ranges(): WaitingRange[] {
    const ranges: { -readonly [Name in keyof WaitingRange]: WaitingRange[Name] }[] = [];
    for (let slot = this.#oldest; slot < this.#slots.length; slot++) {
      const message = this.#slots[slot];
      if (!message) continue;
      const { seq } = message.entry;
      const range = this.#begins(slot) ? undefined : ranges.at(-1);
      if (range) range.toSeq = seq;
      else ranges.push({ subject: null, fromSeq: seq, toSeq: seq, index: message.consumed });
    }
    return ranges;
  }

  /** Call this for each message of the log that does not wait, in log order. */
  pass(): void {
    // Before the oldest held message nothing has to be known.
    if (this.size > 0) this.#slots.push(undefined);
  }

  /** Call this for each message that has to wait, in log order. */
  hold(message: Message): void {
    const slot = this.#slots.length;
    this.#places.set(message, slot + this.#removed);
    this.#slots.push(message);
    if (this.#begins(slot)) this.#ranges += 1;
  }

  /** Consumes the next items of a held message, which is no longer held when all are consumed. */
  take(message: Message, itemsMax: number): Slice {
    const slot = (this.#places.get(message) ?? NaN) - this.#removed;
    const begun = this.#begun(slot);
    const slice = message.take(itemsMax);
    if (message.work === 0) {
      this.#slots[slot] = undefined;
      this.#places.delete(message);
    }
    this.#ranges += this.#begun(slot) - begun;
    this.#removeConsumed();
    return slice;
  }

  /** The ranges that begin at a slot or at the one after it. */
  #begun(slot: number): number {
    return Number(this.#begins(slot)) + Number(this.#begins(slot + 1));
  }

  /** A range has an index only for its first message, so a message that is consumed in part begins one. */
  #begins(slot: number): boolean {
    const message = this.#slots[slot];
    return message !== undefined && (message.consumed > 0 || this.#slots[slot - 1] === undefined);
  }

  #removeConsumed(): void {
    if (this.size === 0) this.#oldest = this.#slots.length;
    while (this.#oldest < this.#slots.length && this.#slots[this.#oldest] === undefined) this.#oldest += 1;
    if (this.#oldest < this.#slots.length && this.#oldest < Math.max(UNUSED_MAX, this.#slots.length / 2)) return;
    this.#slots.splice(0, this.#oldest);
    this.#removed += this.#oldest;
    this.#oldest = 0;
  }
}
