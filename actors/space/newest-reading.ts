// The newest final reading of a space: the last instant at which one stands after retractions. A space remembers this one
// instant only, so when its reading is retracted, history has to be asked for the one before. Until then `ms` is the
// newest instant that is certain (T17).
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { lastStanding } from './reorder-buffer.ts';

export interface NewestReadingSnapshot {
  /** BEGINNING_MS when there is none. */
  readonly ms: number;
  /** History has to be read up to this block, because what it holds may be newer; null when `ms` is the newest. */
  readonly block: number | null;
}

export class NewestReading {
  #ms: number;
  #block: number | null;

  constructor({ ms, block }: NewestReadingSnapshot = { ms: BEGINNING_MS, block: null }) {
    this.#ms = ms;
    this.#block = block;
  }

  get ms(): number {
    return this.#ms;
  }

  /** The block up to which history has to be read; undefined when the newest reading is known. */
  get blockDue(): number | undefined {
    return this.#block ?? undefined;
  }

  snapshot(): NewestReadingSnapshot {
    return { ms: this.#ms, block: this.#block };
  }

  /** Events become final in event order. They come after all that were final before. */
  finalised(events: readonly LoggedEvent[]): void {
    const newestMs = lastStanding(events);
    if (newestMs === undefined) return;
    this.#ms = newestMs;
    this.#block = null;
  }

  /** Late events of one commit, in the order of the log; they go into the open block. */
  cameLate(events: readonly LoggedEvent[], openBlock: number): void {
    const signs = new Map<number, number>();
    for (const { timestampMs, sign } of events) signs.set(timestampMs, (signs.get(timestampMs) ?? 0) + sign);
    for (const [timestampMs, sum] of signs) {
      if (sum > 0) this.#ms = Math.max(this.#ms, timestampMs);
      else if (sum < 0 && timestampMs >= this.#ms) {
        // Another reading may stand at the same instant. That too is for history to say.
        if (timestampMs === this.#ms) this.#ms = BEGINNING_MS;
        this.#block = openBlock;
      }
    }
  }

  /** What history holds up to `blockDue`. */
  wasRead(block: number, storedMs: number): void {
    if (this.#block !== block) return;
    this.#ms = Math.max(this.#ms, storedMs);
    this.#block = null;
  }
}
