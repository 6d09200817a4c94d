// How old the state of a fold may be: up to which moment it includes everything that NATS had acknowledged. Silent
// consumers, a router that cannot commit and a stream without a leader all look the same here, and show within seconds.
// Positions in the logs and durations of this process are compared, never the clocks of machines.
//
//  - A fold includes SPACE_EVENTS up to a sequence and, by the clocks of its routers, everything that arrived in READINGS
//    up to an instant.
//  - A fold is fresh about a space while it includes everything that was in these logs a moment ago. After an idle time
//    that is unknown: then an answer waits until the logs' ends are known and the fold has reached them.
import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { allPartitions } from '../domain/partition.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';
import { LogEnd } from './log-end.ts';

/**
 * An answer is stale if it may lack readings acknowledged this long ago. Log ends are read once a second, and routing
 * takes some time.
 */
export const STALE_AFTER_MS = 3_000;
/** An answer waits no longer than this for the logs' ends, and for the fold to reach them. */
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

  /** The logs have gone back, and were repaired. */
  forgetEnds(): void {
    for (const end of [this.#events, ...this.#readings]) end.forget();
  }

  /** False if a fold's report of a space may lack readings from some seconds ago. */
  async isFresh(fold: PartitionFold, spaceId: SpaceId): Promise<boolean> {
    const routers = fold.routersOf(spaceId);
    this.#ask(routers);
    while (this.#ageMs(fold, routers) > STALE_AFTER_MS) {
      // Something has been missing for longer than an answer may wait.
      if ((this.#missingMs(this.#places(fold, routers)) ?? 0) >= ANSWER_WAIT_MAX_MS) return false;
      await this.#timing.pause(POLL_MS, NEVER);
    }
    return true;
  }

  /** Like `isFresh` for several spaces (null: all), but without waiting: for callers that ask again and again. */
  isBehind(fold: PartitionFold, spaceIds: Iterable<SpaceId> | null): boolean {
    const routers =
      spaceIds === null
        ? allPartitions(this.#readings.length)
        : [...new Set([...spaceIds].flatMap((spaceId) => fold.routersOf(spaceId)))];
    this.#ask(routers);
    return (this.#missingMs(this.#places(fold, routers)) ?? 0) >= STALE_AFTER_MS;
  }

  /**
   * For how long a fold has lacked something of SPACE_EVENTS, and of what the routers read from READINGS; 0 when it lacks
   * nothing. A lag shows only at the second call, some time after the first.
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

  /** For how long something has been missing, or may have been; undefined when nothing is. */
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
