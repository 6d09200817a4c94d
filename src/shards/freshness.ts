// How old what a fold says may be: everything that NATS had acknowledged up to some moment is counted in. That the
// consumers are silent, that a router cannot commit, that a stream has no leader: here it is all the same, and it shows in
// seconds. Clocks of machines are not compared: places in the logs are, and this process's own durations.
//
//  - A fold has folded SPACE_EVENTS up to a sequence, and of READINGS, by the clocks of its routers, everything that
//    arrived up to an instant.
//  - Asked for a space, a fold is fresh while all that was in these logs a moment ago is folded. After an idle time nobody
//    knows: then an answer waits until the logs' ends are known, and the fold is there.
import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { allPartitions } from '../domain/partition.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';
import { LogEnd } from './log-end.ts';

/** An answer that may miss what was acknowledged so long ago is stale. The ends are asked for once a second, and readings take their time. */
export const STALE_AFTER_MS = 3_000;
/** An answer waits no longer for the logs' ends, and for the fold to get there. */
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

  /** The logs have gone back, and are repaired. */
  forgetEnds(): void {
    for (const end of [this.#events, ...this.#readings]) end.forget();
  }

  /** False when what a fold says of a space may miss readings of some seconds ago. */
  async isFresh(fold: PartitionFold, spaceId: SpaceId): Promise<boolean> {
    const routers = fold.routersOf(spaceId);
    this.#ask(routers);
    while (this.#ageMs(fold, routers) > STALE_AFTER_MS) {
      // What is missing has been missing for longer than an answer may wait.
      if ((this.#missingMs(this.#places(fold, routers)) ?? 0) >= ANSWER_WAIT_MAX_MS) return false;
      await this.#timing.pause(POLL_MS, NEVER);
    }
    return true;
  }

  /** As `isFresh` of several spaces (null: all), without waiting: for who asks again and again. */
  isBehind(fold: PartitionFold, spaceIds: Iterable<SpaceId> | null): boolean {
    const routers =
      spaceIds === null
        ? allPartitions(this.#readings.length)
        : [...new Set([...spaceIds].flatMap((spaceId) => fold.routersOf(spaceId)))];
    this.#ask(routers);
    return (this.#missingMs(this.#places(fold, routers)) ?? 0) >= STALE_AFTER_MS;
  }

  /**
   * For how long a fold is known to miss something of SPACE_EVENTS, and of what the routers take from READINGS; 0 when it is
   * not. By what was asked for before: it takes two looks, some time apart, to see a lag.
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

  /** For how long something has been missing, or not known not to be; undefined when nothing is. */
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
