// The ends of SPACE_EVENTS and of each partition of READINGS, and how far a fold is behind them.
import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import type { Partition } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { allPartitions } from '../domain/partition.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import type { Timing } from '../runtime/timing.ts';
import { LogEnd } from './log-end.ts';

/**
 * An answer is stale if it may lack readings that were acknowledged this long ago. The ends of the logs are read once
 * a second, and routing takes some time.
 */
export const STALE_AFTER_MS = 3_000;
/** How long an answer waits for the ends of the logs, and for the fold to reach them. */
export const ANSWER_WAIT_MAX_MS = 500;
export const ANSWER_POLL_MS = 2;

export interface LogEndsDeps {
  readonly partitions: number;
  readonly events: Pick<SpaceEventsLog, 'end'>;
  readonly readings: Pick<ReadingsLog, 'newestMs'>;
  readonly timing: Timing;
}

/** The end of a log, and up to where a fold includes this log. */
export type Place = readonly [end: LogEnd, place: number];

export class LogEnds {
  readonly #events: LogEnd;
  /** By router. */
  readonly #readings: readonly LogEnd[];

  constructor({ partitions, events, readings, timing }: LogEndsDeps) {
    this.#events = new LogEnd(() => events.end(), timing);
    this.#readings = allPartitions(partitions).map((router) => new LogEnd(() => readings.newestMs(router), timing));
  }

  /** Called after logs that went back were repaired. */
  forget(): void {
    for (const end of [this.#events, ...this.#readings]) end.forget();
  }

  ask(routers: readonly Partition[]): void {
    this.#events.ask();
    for (const router of routers) this.#readings[router]?.ask();
  }

  /** The place in SPACE_EVENTS first, then by router. */
  places(fold: PartitionFold, routers: readonly Partition[]): Place[] {
    return [
      [this.#events, fold.seq],
      ...routers.flatMap((router): Place[] => {
        const end = this.#readings[router];
        return end ? [[end, fold.clocks[router] ?? BEGINNING_MS]] : [];
      }),
    ];
  }
}

/** How long ago everything that was in the log was included; Infinity if that is unknown. */
export function ageMs([end, place]: Place, nowMs: number): number {
  return nowMs - end.completeAt(place);
}

/** For how long entries have been missing, or may have been missing; undefined when nothing is missing. */
export function missingMs(places: readonly Place[], nowMs: number): number | undefined {
  const since = places.flatMap(([end, place]) => end.missingSince(place) ?? []);
  return since.length === 0 ? undefined : nowMs - Math.min(...since);
}
