// The newest final reading of a space: the last instant at which a reading stands after retractions. A space
// remembers only this instant, so when its reading is retracted, the one before has to come from history. Until then
// `ms` is the newest instant that is certain (T17).
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { lastStanding } from './reorder-buffer.ts';

export interface NewestReadingSnapshot {
  /** BEGINNING_MS if there is none. */
  readonly ms: number;
  /** History has to be read up to this block, because it may hold a newer reading; null if `ms` is the newest. */
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

  /** The block up to which history has to be read; undefined if the newest reading is known. */
  get blockDue(): number | undefined {
    return this.#block ?? undefined;
  }

  snapshot(): NewestReadingSnapshot {
    return { ms: this.#ms, block: this.#block };
  }

  /** Events become final in event order, so these come after all earlier final events. */
  finalised(events: readonly LoggedEvent[]): void {
    const newestMs = lastStanding(events);
    if (newestMs === undefined) return;
    this.#ms = newestMs;
    this.#block = null;
  }

  /** The late events of one commit, in log order, which go into the open block. */
  cameLate(events: readonly LoggedEvent[], openBlock: number): void {
    const signs = new Map<number, number>();
    for (const { timestampMs, sign } of events) signs.set(timestampMs, (signs.get(timestampMs) ?? 0) + sign);
    for (const [timestampMs, sum] of signs) {
      if (sum > 0) this.#ms = Math.max(this.#ms, timestampMs);
      else if (sum < 0 && timestampMs >= this.#ms) {
        // Another reading may stand at the same instant; only history knows.
        if (timestampMs === this.#ms) this.#ms = BEGINNING_MS;
        this.#block = openBlock;
      }
    }
  }

  /** Takes the result of reading history up to `blockDue`. */
  wasRead(block: number, storedMs: number): void {
    if (this.#block !== block) return;
    this.#ms = Math.max(this.#ms, storedMs);
    this.#block = null;
  }
}
