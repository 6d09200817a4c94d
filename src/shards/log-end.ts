// The end of a log each time it was read, so that a reader of the log knows how old its state may be. The
// log is asked at most once a second, and only while something needs it.
import type { Timing } from '../runtime/timing.ts';

const ASK_INTERVAL_MS = 1_000;
/** Ten minutes for a reader that does not catch up; then the oldest are forgotten. */
const ENDS_MAX = 600;

interface End {
  readonly place: number;
  /** The log ended there whenever it was asked from this time to the other. */
  readonly fromMs: number;
  readonly untilMs: number;
}

export class LogEnd {
  readonly #read: () => Promise<number>;
  readonly #timing: Pick<Timing, 'now'>;
  /** Ascending. */
  readonly #ends: End[] = [];
  #askedAtMs = -Infinity;
  /** Since then no question has been answered; undefined when the last one was. */
  #unansweredSinceMs: number | undefined;

  /** @param read asks the log's leader for its end, such as a sequence; the end goes back only if `forget` is called */
  constructor(read: () => Promise<number>, timing: Pick<Timing, 'now'>) {
    this.#read = read;
    this.#timing = timing;
  }

  /** Asks for the end of the log, unless it was asked within the last second. */
  ask(): void {
    const atMs = this.#timing.now();
    if (atMs - this.#askedAtMs < ASK_INTERVAL_MS) return;
    this.#askedAtMs = atMs;
    this.#unansweredSinceMs ??= atMs;
    // After a failure the last known end stays, with its age.
    this.#read().then(
      (place) => this.#answered(atMs, place),
      () => undefined,
    );
  }

  /** The log has gone back: its earlier ends mean nothing any more. */
  forget(): void {
    this.#ends.length = 0;
    this.#askedAtMs = -Infinity;
    this.#unansweredSinceMs = undefined;
  }

  /** When a reader that has read up to a place last had everything that was stored; -Infinity when that is not known. */
  completeAt(place: number): number {
    for (let index = this.#ends.length - 1; index >= 0; index--) {
      const end = this.#ends[index];
      if (end && end.place <= place) return end.untilMs;
    }
    return -Infinity;
  }

  /** Since when a reader that has read up to a place lacks something, or may lack something; undefined when it is complete. */
  missingSince(place: number): number | undefined {
    return this.#ends.find((end) => end.place > place)?.fromMs ?? this.#unansweredSinceMs;
  }

  #answered(atMs: number, place: number): void {
    const last = this.#ends.at(-1);
    // The answer to a later question came first.
    if (last && atMs < last.untilMs) return;
    this.#unansweredSinceMs = atMs < this.#askedAtMs ? this.#askedAtMs : undefined;
    if (last && place <= last.place) this.#ends[this.#ends.length - 1] = { ...last, untilMs: atMs };
    else this.#ends.push({ place, fromMs: atMs, untilMs: atMs });
    if (this.#ends.length > ENDS_MAX) this.#ends.shift();
  }
}
