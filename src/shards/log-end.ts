// The ends of a log as they were read over time, so that a reader of the log knows how old its state may be. The log
// is asked at most once a second, and only while somebody needs its end.
import type { Timing } from '../runtime/timing.ts';

const ASK_INTERVAL_MS = 1_000;
/** Ten minutes, for a reader that does not catch up; then the oldest are dropped. */
const ENDS_MAX = 600;

interface End {
  readonly place: number;
  /** All replies between these two times gave this end. */
  readonly fromMs: number;
  readonly untilMs: number;
}

export class LogEnd {
  readonly #read: () => Promise<number>;
  readonly #timing: Pick<Timing, 'now'>;
  /** Ascending. */
  readonly #ends: End[] = [];
  #askedAtMs = -Infinity;
  /** When the first unanswered request was sent; undefined if the last request was answered. */
  #unansweredSinceMs: number | undefined;
  /** How often the log went back. */
  #epoch = 0;

  /**
   * @param read asks the leader of the log for its end, for example a sequence; the end decreases only after `forget`
   */
  constructor(read: () => Promise<number>, timing: Pick<Timing, 'now'>) {
    this.#read = read;
    this.#timing = timing;
  }

  /** Asks for the end of the log, at most once a second. */
  ask(): void {
    const atMs = this.#timing.now();
    if (atMs - this.#askedAtMs < ASK_INTERVAL_MS) return;
    this.#askedAtMs = atMs;
    this.#unansweredSinceMs ??= atMs;
    const epoch = this.#epoch;
    // After a failure the last known end is kept, and grows old.
    this.#read().then(
      (place) => {
        if (epoch === this.#epoch) this.#answered(atMs, place);
      },
      () => undefined,
    );
  }

  /** Drops the known ends, because the log went back. */
  forget(): void {
    this.#epoch += 1;
    this.#ends.length = 0;
    this.#askedAtMs = -Infinity;
    this.#unansweredSinceMs = undefined;
  }

  /** When a reader that has read up to a place last had everything that was stored; -Infinity if unknown. */
  completeAt(place: number): number {
    for (let index = this.#ends.length - 1; index >= 0; index--) {
      const end = this.#ends[index];
      if (end && end.place <= place) return end.untilMs;
    }
    return -Infinity;
  }

  /**
   * Since when a reader that has read up to a place has lacked entries, or may have lacked entries; undefined if it
   * is complete.
   */
  missingSince(place: number): number | undefined {
    // Searches from the newest, because readers are usually at the end.
    const complete = this.#ends.findLastIndex((end) => end.place <= place);
    return this.#ends[complete + 1]?.fromMs ?? this.#unansweredSinceMs;
  }

  #answered(atMs: number, place: number): void {
    const last = this.#ends.at(-1);
    // The reply to a later request arrived first.
    if (last && atMs < last.untilMs) return;
    this.#unansweredSinceMs = atMs < this.#askedAtMs ? this.#askedAtMs : undefined;
    if (last && place <= last.place) this.#ends[this.#ends.length - 1] = { ...last, untilMs: atMs };
    else this.#ends.push({ place, fromMs: atMs, untilMs: atMs });
    if (this.#ends.length > ENDS_MAX) this.#ends.shift();
  }
}
