// How old the state of a fold may be: up to which moment it includes everything that NATS has acknowledged. Stalled
// consumers, a router that cannot commit and a stream without a leader all have the same effect here, and are
// detected within seconds. Only sequences in the logs and durations in this process are compared, never the clocks of
// different machines.
//
// - A fold includes SPACE_EVENTS up to a sequence and, by the clocks of its routers, everything that arrived in
//   READINGS up to an instant.
// - A fold is fresh for a space while it includes everything that was in these logs a moment ago. After an idle
//   period that is unknown, so an answer waits until the ends of the logs are known and the fold has reached them.
import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';
import { FoldFreshness } from './fold-freshness.ts';
import {
  ageMs,
  ANSWER_POLL_MS,
  ANSWER_WAIT_MAX_MS,
  LogEnds,
  missingMs,
  STALE_AFTER_MS,
  type LogEndsDeps,
} from './log-ends.ts';

export interface Lag {
  readonly eventsMs: number;
  readonly readingsMs: number;
}

export class Freshness {
  readonly #ends: LogEnds;
  readonly #timing: Timing;

  constructor(deps: LogEndsDeps) {
    this.#timing = deps.timing;
    this.#ends = new LogEnds(deps);
  }

  /** Called after logs that went back were repaired. */
  forgetEnds(): void {
    this.#ends.forget();
  }

  /** For a caller that checks the same fold repeatedly. */
  of(fold: PartitionFold): FoldFreshness {
    return new FoldFreshness(fold, this.#ends, this.#timing);
  }

  /** False if a fold's report about a space may lack readings from some seconds ago. */
  async isFresh(fold: PartitionFold, spaceId: SpaceId): Promise<boolean> {
    const routers = fold.routersOf(spaceId);
    for (;;) {
      // Each time, because the ends may be forgotten meanwhile.
      this.#ends.ask(routers);
      const [places, nowMs] = [this.#ends.places(fold, routers), this.#timing.now()];
      if (places.every((place) => ageMs(place, nowMs) <= STALE_AFTER_MS)) return true;
      // Entries have been missing for longer than an answer may wait.
      if ((missingMs(places, nowMs) ?? 0) >= ANSWER_WAIT_MAX_MS) return false;
      await this.#timing.pause(ANSWER_POLL_MS, NEVER);
    }
  }

  /**
   * For how long the fold has lacked entries of SPACE_EVENTS, and entries of READINGS by way of the routers; 0 when
   * nothing is missing. A lag shows only from the second call on.
   */
  async lag(fold: PartitionFold, routers: readonly Partition[]): Promise<Lag> {
    this.#ends.ask(routers);
    for (;;) {
      const [events, ...readings] = this.#ends.places(fold, routers);
      const nowMs = this.#timing.now();
      const [eventsMs, readingsMs] = [missingMs(events ? [events] : [], nowMs), missingMs(readings, nowMs)];
      const isKnown = eventsMs === undefined && readingsMs === undefined;
      if (isKnown || Math.max(eventsMs ?? 0, readingsMs ?? 0) >= ANSWER_WAIT_MAX_MS)
        return { eventsMs: eventsMs ?? 0, readingsMs: readingsMs ?? 0 };
      await this.#timing.pause(ANSWER_POLL_MS, NEVER);
    }
  }
}
