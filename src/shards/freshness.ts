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
import { BEGINNING_MS } from '../domain/instant.ts';
import { allPartitions } from '../domain/partition.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';
import { LogEnd } from './log-end.ts';

/**
 * An answer is stale if it may lack readings that were acknowledged this long ago. The ends of the logs are read once
 * a second, and routing takes some time.
 */
export const STALE_AFTER_MS = 3_000;
/** How long an answer waits for the ends of the logs, and for the fold to reach them. */
const ANSWER_WAIT_MAX_MS = 500;
const POLL_MS = 2;

export interface FreshnessDeps {
  readonly partitions: number;
  readonly events: Pick<SpaceEventsLog, 'end'>;
  readonly readings: Pick<ReadingsLog, 'newestMs'>;
  readonly timing: Timing;
}

export interface Lag {
  readonly eventsMs: number;
  readonly readingsMs: number;
}

type Place = readonly [end: LogEnd, place: number];

export class Freshness {
  readonly #events: LogEnd;
  /** By router. */
  readonly #readings: readonly LogEnd[];
  readonly #timing: Timing;

  constructor({ partitions, events, readings, timing }: FreshnessDeps) {
    this.#timing = timing;
    this.#events = new LogEnd(() => events.end(), timing);
    this.#readings = allPartitions(partitions).map((router) => new LogEnd(() => readings.newestMs(router), timing));
  }

  /** Called after logs that went back were repaired. */
  forgetEnds(): void {
    for (const end of [this.#events, ...this.#readings]) end.forget();
  }

  /** False if a fold's report about a space may lack readings from some seconds ago. */
  async isFresh(fold: PartitionFold, spaceId: SpaceId): Promise<boolean> {
    const routers = fold.routersOf(spaceId);
    this.#ask(routers);
    while (this.#ageMs(fold, routers) > STALE_AFTER_MS) {
      // Entries have been missing for longer than an answer may wait.
      if ((this.#missingMs(this.#places(fold, routers)) ?? 0) >= ANSWER_WAIT_MAX_MS) return false;
      await this.#timing.pause(POLL_MS, NEVER);
    }
    return true;
  }

  /** Like `isFresh`, but for several spaces (null: all) and without waiting: for callers that check repeatedly. */
  isBehind(fold: PartitionFold, spaceIds: Iterable<SpaceId> | null): boolean {
    const routers =
      spaceIds === null
        ? allPartitions(this.#readings.length)
        : [...new Set([...spaceIds].flatMap((spaceId) => fold.routersOf(spaceId)))];
    this.#ask(routers);
    return (this.#missingMs(this.#places(fold, routers)) ?? 0) >= STALE_AFTER_MS;
  }

  /**
   * For how long the fold has lacked entries of SPACE_EVENTS, and entries of READINGS by way of the routers; 0 when
   * nothing is missing. A lag shows only from the second call on.
   */
  async lag(fold: PartitionFold, routers: readonly Partition[]): Promise<Lag> {
    this.#ask(routers);
    for (;;) {
      const [events, ...readings] = this.#places(fold, routers);
      const [eventsMs, readingsMs] = [this.#missingMs(events ? [events] : []), this.#missingMs(readings)];
      const isKnown = eventsMs === undefined && readingsMs === undefined;
      if (isKnown || Math.max(eventsMs ?? 0, readingsMs ?? 0) >= ANSWER_WAIT_MAX_MS)
        return { eventsMs: eventsMs ?? 0, readingsMs: readingsMs ?? 0 };
      await this.#timing.pause(POLL_MS, NEVER);
    }
  }

  #ask(routers: readonly Partition[]): void {
    this.#events.ask();
    for (const router of routers) this.#readings[router]?.ask();
  }

  #ageMs(fold: PartitionFold, routers: readonly Partition[]): number {
    return this.#timing.now() - Math.min(...this.#places(fold, routers).map(([end, place]) => end.completeAt(place)));
  }

  /** For how long entries have been missing, or may have been missing; undefined when the fold is complete. */
  #missingMs(places: readonly Place[]): number | undefined {
    const since = places.flatMap(([end, place]) => end.missingSince(place) ?? []);
    return since.length === 0 ? undefined : this.#timing.now() - Math.min(...since);
  }

  #places(fold: PartitionFold, routers: readonly Partition[]): Place[] {
    return [
      [this.#events, fold.seq],
      ...routers.flatMap((router): Place[] => {
        const end = this.#readings[router];
        return end ? [[end, fold.clocks[router] ?? BEGINNING_MS]] : [];
      }),
    ];
  }
}
