// The live occupancy of a space: that at the watermark, and the buffered events after it.
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { nextResetAfter, type ResetPoint, type ResetSchedule } from '../../src/domain/reset-schedule.ts';
import type { Occupancy } from '../../src/domain/segment.ts';
import { compareEvents, deltaOf } from '../../src/domain/space-event.ts';
import { forEachChange, type ReorderBuffer } from './reorder-buffer.ts';

/** What is final. */
interface FinalState {
  readonly watermarkMs: number;
  /** At the watermark. */
  readonly occupancy: Occupancy;
  readonly nextResetMs: number;
  readonly schedule: ResetSchedule;
  /** The reset in force at an instant at or after the watermark. */
  baseAt(atMs: number): ResetPoint;
}

/** The occupancy after some of the buffered events, and the next reset after that. */
interface Provisional {
  net: number;
  lowestNet: number;
  nextResetMs: number;
}

/** The provisional occupancy after one of the buffered events. */
interface RecentStart {
  readonly last: LoggedEvent;
  readonly provisional: Readonly<Provisional>;
}

/**
 * Readings overtake each other by a few, so recomputing starts this many events before the end. Otherwise a busy space
 * would walk thousands of events for each reading that was overtaken.
 */
const RECENT_EVENTS = 8;

export class ProvisionalOccupancy {
  readonly #final: FinalState;
  readonly #buffer: ReorderBuffer;
  /**
   * After all buffered events. Updated incrementally while events come in order, because every change reads the live
   * count; undefined when it has to be recomputed.
   */
  #afterAll: Provisional | undefined;
  /** Where recomputing starts; undefined for the first buffered event. */
  #recent: RecentStart | undefined;

  constructor(final: FinalState, buffer: ReorderBuffer) {
    [this.#final, this.#buffer] = [final, buffer];
  }

  /** The occupancy at an instant at or after the watermark. */
  at(atMs: number): Occupancy {
    if (atMs < this.#buffer.lastMs) return this.#passed(this.#after(atMs), atMs);
    this.#afterAll ??= this.#after(Infinity);
    return this.#passed({ ...this.#afterAll }, atMs);
  }

  /** @param isNext what the buffer returned when the event was added */
  added(event: LoggedEvent, isNext: boolean): void {
    // An assertion after all other events is a separate change; anything else may belong to a reading in the buffer.
    if (this.#afterAll && isNext && event.sign > 0) this.#advance(this.#afterAll, event.timestampMs, deltaOf(event));
    else this.#afterAll = undefined;
    if (this.#recent && compareEvents(event, this.#recent.last) <= 0) this.#recent = undefined;
  }

  /** Forgets everything, because what is final has changed otherwise than by buffered events. */
  reset(): void {
    this.#afterAll = this.#recent = undefined;
  }

  /** After the buffered events up to an instant. */
  #after(atMs: number): Provisional {
    const start = this.#recentStartBefore(atMs);
    const { occupancy, nextResetMs } = this.#final;
    const provisional = start ? { ...start.provisional } : { ...occupancy, nextResetMs };
    const events = this.#buffer.items(start?.last);
    let keepAt = atMs === Infinity && events.length > 2 * RECENT_EVENTS ? events.length - RECENT_EVENTS : Infinity;
    forEachChange(events, (timestampMs, change, end) => {
      if (timestampMs > atMs) return;
      this.#advance(provisional, timestampMs, change);
      if (end < keepAt) return;
      keepAt = Infinity;
      this.#recent = { last: events[end - 1] as LoggedEvent, provisional: { ...provisional } };
    });
    return provisional;
  }

  #recentStartBefore(atMs: number): RecentStart | undefined {
    const lastMs = this.#recent?.last.timestampMs ?? Infinity;
    // Once its events are final, the occupancy is further on.
    return lastMs > this.#final.watermarkMs && lastMs <= atMs ? this.#recent : undefined;
  }

  #advance(provisional: Provisional, timestampMs: number, change: number): void {
    this.#passed(provisional, timestampMs - 1);
    provisional.net += change;
    provisional.lowestNet = Math.min(provisional.lowestNet, provisional.net);
  }

  /** Applies resets up to an instant. */
  #passed(provisional: Provisional, untilMs: number): Occupancy {
    if (provisional.nextResetMs <= untilMs) {
      provisional.net = provisional.lowestNet = this.#final.baseAt(untilMs).count;
      provisional.nextResetMs = nextResetAfter(this.#final.schedule, untilMs);
    }
    return { net: provisional.net, lowestNet: provisional.lowestNet };
  }
}
