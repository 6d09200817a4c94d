// The spaces of a feed whose change waits for history, because the count may be an estimate until it has answered. After an
// outage these are most of a building, so nothing here looks at all of them.
import type { SpaceId } from '../domain/ids.ts';

export class HeldBack {
  readonly #maxMs: number;
  /** When each began to wait, the earliest first. */
  readonly #sinceMs = new Map<SpaceId, number>();
  /** Those of them that time alone may settle, because they have readings from the near future. */
  readonly #ahead = new Set<SpaceId>();
  /** Spaces that have waited for as long as they may, until history has answered. */
  readonly #released = new Set<SpaceId>();

  /** @param maxMs for how long a change may wait */
  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  has(spaceId: SpaceId): boolean {
    return this.#sinceMs.has(spaceId);
  }

  /**
   * @param isAhead true if the space has readings from the near future
   * @returns true if its change has to wait for an answer of history; false once it has waited long enough
   */
  hold(spaceId: SpaceId, nowMs: number, isAhead = false): boolean {
    if (this.#released.has(spaceId)) return false;
    const sinceMs = this.#sinceMs.get(spaceId);
    // If the clock was set back, it begins to wait again, as the last one.
    if (sinceMs === undefined || sinceMs > nowMs) {
      this.#sinceMs.delete(spaceId);
      this.#sinceMs.set(spaceId, nowMs);
    } else if (nowMs - sinceMs >= this.#maxMs) {
      this.settled(spaceId);
      this.#released.add(spaceId);
      return false;
    }
    if (isAhead) this.#ahead.add(spaceId);
    else this.#ahead.delete(spaceId);
    return true;
  }

  /** History has answered, or need not be asked. */
  settled(spaceId: SpaceId): void {
    this.#sinceMs.delete(spaceId);
    this.#ahead.delete(spaceId);
    this.#released.delete(spaceId);
  }

  /** The spaces to look at again: time may have settled them, or they have waited long enough. */
  due(nowMs: number): SpaceId[] {
    const due = [...this.#ahead];
    for (const [spaceId, sinceMs] of this.#sinceMs) {
      // One that is ahead of the clock has waited since before the clock was set back.
      if (sinceMs <= nowMs && nowMs - sinceMs < this.#maxMs) break;
      due.push(spaceId);
    }
    return due;
  }

  clear(): void {
    this.#sinceMs.clear();
    this.#ahead.clear();
    this.#released.clear();
  }
}
