// Which spaces of a fold are stale, for a caller that checks repeatedly. A fold counts as behind in a log once it has lacked
// entries for some seconds, until it is known to have been complete a moment ago. So a fold with a steady lag does not
// become stale and fresh again and again.
import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { allPartitions } from '../domain/partition.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';
import {
  ageMs,
  ANSWER_POLL_MS,
  ANSWER_WAIT_MAX_MS,
  missingMs,
  STALE_AFTER_MS,
  type LogEnds,
  type Place,
} from './log-ends.ts';

/** Much longer than from one look to the next. */
const BUSY_MS = 1_500;

export class FoldFreshness {
  readonly #fold: PartitionFold;
  readonly #ends: LogEnds;
  readonly #timing: Timing;
  readonly #routers: readonly Partition[];
  /** By log: SPACE_EVENTS, and then READINGS by router. Empty until somebody looks. */
  #isBehind: readonly boolean[] = [];
  #lookedAtMs = -Infinity;
  #wasBusy = false;

  constructor(fold: PartitionFold, ends: LogEnds, timing: Timing) {
    [this.#fold, this.#ends, this.#timing] = [fold, ends, timing];
    this.#routers = allPartitions(fold.partitions);
  }

  /**
   * Looks for the first time. After an idle period the ends of the logs are unknown, so this waits for them, and for
   * the fold to reach them, for at most half a second.
   */
  async learn(): Promise<void> {
    while (this.#isBehind.length === 0) {
      const [places, nowMs] = [this.#places(), this.#timing.now()];
      const isKnown = (place: Place): boolean =>
        ageMs(place, nowMs) <= STALE_AFTER_MS || (missingMs([place], nowMs) ?? 0) >= ANSWER_WAIT_MAX_MS;
      if (places.every(isKnown)) this.look();
      else await this.#timing.pause(ANSWER_POLL_MS, NEVER);
    }
  }

  /** @returns true if some spaces may have become stale, or fresh again */
  look(): boolean {
    const [before, places, nowMs] = [this.#isBehind, this.#places(), this.#timing.now()];
    // While this process was busy, answers may have arrived that it has not read yet.
    this.#wasBusy = !this.#wasBusy && before.length > 0 && nowMs - this.#lookedAtMs > BUSY_MS;
    this.#lookedAtMs = nowMs;
    if (this.#wasBusy) return false;
    this.#isBehind = places.map((place, index) =>
      before[index] === false
        ? (missingMs([place], nowMs) ?? 0) >= STALE_AFTER_MS
        : ageMs(place, nowMs) > STALE_AFTER_MS,
    );
    return this.#isBehind.some((is, index) => is !== before[index]);
  }

  /** Nobody looks any more. */
  forget(): void {
    this.#isBehind = [];
  }

  /** True if the count of a space may lack readings that were acknowledged some seconds ago, or if nobody looks. */
  isStale(spaceId: SpaceId): boolean {
    // Asked for each change of a count, and usually nothing is behind.
    if (this.#isBehind.length > 0 && !this.#isBehind.includes(true)) return false;
    const [events = true, ...routers] = this.#isBehind;
    return events || this.#fold.routersOf(spaceId).some((router) => routers[router] ?? true);
  }

  #places(): Place[] {
    this.#ends.ask(this.#routers);
    return this.#ends.places(this.#fold, this.#routers);
  }
}
