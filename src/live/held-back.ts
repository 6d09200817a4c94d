// The spaces of a feed whose change waits for history, because the count may be an estimate until it has answered. After an
// outage these are most of a building, so nothing here looks at all of them.
import type { SpaceId } from '../domain/ids.ts';

export class HeldBack {
  readonly #maxMs: number;
  /** Since when, the first one first. */
  readonly #sinceMs = new Map<SpaceId, number>();
  /** Spaces that have waited for as long as they may, until history has answered. */
  readonly #released = new Set<SpaceId>();

  /** @param maxMs for how long a change may wait */
  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  has(spaceId: SpaceId): boolean {
    return this.#sinceMs.has(spaceId);
  }

  /** @returns true if the change of a space has to wait for an answer of history; false once it has waited long enough */
  hold(spaceId: SpaceId, nowMs: number): boolean {
    if (this.#released.has(spaceId)) return false;
    const sinceMs = this.#sinceMs.get(spaceId) ?? nowMs;
    this.#sinceMs.set(spaceId, sinceMs);
    if (nowMs - sinceMs < this.#maxMs) return true;
    this.#sinceMs.delete(spaceId);
    this.#released.add(spaceId);
    return false;
  }

  /** History has answered, or need not be asked. */
  settled(spaceId: SpaceId): void {
    this.#sinceMs.delete(spaceId);
    this.#released.delete(spaceId);
  }

  /** The spaces that have waited long enough, and have not been asked about since. */
  overdue(nowMs: number): SpaceId[] {
    const overdue: SpaceId[] = [];
    for (const [spaceId, sinceMs] of this.#sinceMs) {
      if (nowMs - sinceMs < this.#maxMs) break;
      overdue.push(spaceId);
    }
    return overdue;
  }

  clear(): void {
    this.#sinceMs.clear();
    this.#released.clear();
  }
}
