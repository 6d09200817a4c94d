// The sequences in SPACE_EVENTS of all buffered events of a partition, so that the lowest is known without asking every
// space.

export class BufferedSeqs {
  /** How many events have each sequence; ascending, unless `#isSorted` is false. */
  #counts = new Map<number, number>();
  #isSorted = true;
  #last = -Infinity;
  #size = 0;

  /** The number of events. */
  get size(): number {
    return this.#size;
  }

  /** The lowest sequence; Infinity if there is none. */
  get least(): number {
    if (!this.#isSorted) this.#counts = new Map([...this.#counts].sort(([a], [b]) => a - b));
    this.#isSorted = true;
    for (const seq of this.#counts.keys()) return seq;
    return Infinity;
  }

  add(seq: number): void {
    this.#counts.set(seq, (this.#counts.get(seq) ?? 0) + 1);
    this.#size += 1;
    // Only a fold that is restored adds events out of order.
    if (seq < this.#last) this.#isSorted = false;
    this.#last = Math.max(this.#last, seq);
  }

  remove(seq: number): void {
    const count = this.#counts.get(seq) ?? 0;
    if (count > 1) this.#counts.set(seq, count - 1);
    else this.#counts.delete(seq);
    this.#size -= 1;
  }
}
