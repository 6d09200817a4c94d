// The spaces of a partition that have listeners, and the item of the feed since which each has had one without
// interruption. An interest that is not renewed expires, so that a dead process is soon forgotten.
import type { SpaceId } from '../domain/ids.ts';

interface Wish {
  readonly since: number;
  untilMs: number;
}

export class Interest {
  readonly #lastsMs: number;
  readonly #spaces = new Map<SpaceId, Wish>();
  #all: Wish | undefined;

  constructor(lastsMs: number) {
    this.#lastsMs = lastsMs;
  }

  get isEmpty(): boolean {
    return this.#all === undefined && this.#spaces.size === 0;
  }

  get isAll(): boolean {
    return this.#all !== undefined;
  }

  spaces(): Iterable<SpaceId> {
    return this.#spaces.keys();
  }

  has(spaceId: SpaceId): boolean {
    return this.#all !== undefined || this.#spaces.has(spaceId);
  }

  /** The item since which every change of a space was published; undefined if it has no listener. */
  sinceOf(spaceId: SpaceId): number | undefined {
    const own = this.#spaces.get(spaceId)?.since;
    return own === undefined ? this.#all?.since : Math.min(own, this.#all?.since ?? own);
  }

  /** @param n the feed's last item */
  renew(all: boolean, spaceIds: readonly SpaceId[], n: number, nowMs: number): void {
    const untilMs = nowMs + this.#lastsMs;
    for (const spaceId of spaceIds) {
      const interest = this.#spaces.get(spaceId);
      if (interest) interest.untilMs = untilMs;
      // If all spaces were already published, this one was too.
      else this.#spaces.set(spaceId, { since: this.#all?.since ?? n, untilMs });
    }
    if (!all) return;
    if (this.#all) this.#all.untilMs = untilMs;
    else this.#all = { since: n, untilMs };
  }

  expire(nowMs: number): void {
    if (this.#all && this.#all.untilMs <= nowMs) this.#all = undefined;
    for (const [spaceId, { untilMs }] of this.#spaces) if (untilMs <= nowMs) this.#spaces.delete(spaceId);
  }
}
