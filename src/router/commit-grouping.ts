// When a router that has consumed everything reads on after a commit. A commit costs as much as routing ten readings, so
// readings that arrive shortly after one wait for those that follow: longer if the commit had several, because then
// waiting saves several commits (docs/adr/0062).
const [MIN_MS, MS_PER_READING, MAX_MS] = [10, 3, 30];

export class CommitGrouping {
  #committedAt = -Infinity;
  #readings = 0;

  /** @param readings that the next commit consumes */
  routed(readings: number): void {
    this.#readings = readings;
  }

  /** @param at when the commit was sent, on the monotonic clock */
  committed(at: number): void {
    this.#committedAt = at;
  }

  /** How much longer to wait, in ms; 0 or less if the wait is over. */
  leftMs(now: number): number {
    return this.#committedAt + Math.min(MAX_MS, Math.max(MIN_MS, MS_PER_READING * this.#readings)) - now;
  }
}
