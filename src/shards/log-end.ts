// Where a log ended, at each of the moments at which it was asked for: so that whoever has read up to some place knows
// how old what it knows may be. Asked for at most once a second, and only while somebody wants to know.
import type { Timing } from '../runtime/timing.ts';

const ASK_INTERVAL_MS = 1_000;
/** Ten minutes of what one that does not catch up has missed; then the oldest are forgotten. */
const ENDS_MAX = 600;

interface End {
  readonly place: number;
  /** The log ended there when it was asked at this time, and at every time until the other. */
  readonly fromMs: number;
  readonly untilMs: number;
}

export class LogEnd {
  readonly #read: () => Promise<number>;
  readonly #timing: Pick<Timing, 'now'>;
  /** Ascending. */
  readonly #ends: End[] = [];
  #askedAtMs = -Infinity;
  /** The first question that was not answered, nor any after it. */
  #unansweredSinceMs: number | undefined;

  /** @param read gives a place that goes back only where `forget` is called, such as a sequence; it is the log's leader who has to say */
  constructor(read: () => Promise<number>, timing: Pick<Timing, 'now'>) {
    this.#read = read;
    this.#timing = timing;
  }

  /** Asks for the end of the log, unless that was done a moment ago. */
  ask(): void {
    const atMs = this.#timing.now();
    if (atMs - this.#askedAtMs < ASK_INTERVAL_MS) return;
    this.#askedAtMs = atMs;
    this.#unansweredSinceMs ??= atMs;
    // An answer that does not come is none: what is known stays as old as it is.
    this.#read().then(
      (place) => this.#answered(atMs, place),
      () => undefined,
    );
  }

  /** The log has gone back: what it ended at before says nothing any more. */
  forget(): void {
    this.#ends.length = 0;
    this.#askedAtMs = -Infinity;
    this.#unansweredSinceMs = undefined;
  }

  /** When whoever has read up to a place last had everything that was stored; -Infinity when that is not known. */
  completeAt(place: number): number {
    for (let index = this.#ends.length - 1; index >= 0; index--) {
      const end = this.#ends[index];
      if (end && end.place <= place) return end.untilMs;
    }
    return -Infinity;
  }

  /** Since when whoever has read up to a place is known to miss something, or not known to miss nothing; undefined when it misses nothing. */
  missingSince(place: number): number | undefined {
    return this.#ends.find((end) => end.place > place)?.fromMs ?? this.#unansweredSinceMs;
  }

  #answered(atMs: number, place: number): void {
    const last = this.#ends.at(-1);
    // Overtaken by the answer to a later question.
    if (last && atMs < last.untilMs) return;
    this.#unansweredSinceMs = atMs < this.#askedAtMs ? this.#askedAtMs : undefined;
    if (last && place <= last.place) this.#ends[this.#ends.length - 1] = { ...last, untilMs: atMs };
    else this.#ends.push({ place, fromMs: atMs, untilMs: atMs });
    if (this.#ends.length > ENDS_MAX) this.#ends.shift();
  }
}
