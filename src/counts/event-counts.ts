// The count after each event of a space, and its events as a file.
import { Failure } from '../domain/failure.ts';
import type { TimeRange } from '../domain/filter.ts';
import type { SpaceId } from '../domain/ids.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { EventPages } from '../ports/event-pages.ts';
import type { History } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import { placeOf } from './known-space.ts';
import { scheduleOf } from './schedule-of.ts';
import { inRange, SpaceEvents } from './space-events.ts';

/** Limits the events in memory that an export sends to history as parameters. */
const UNSTORED_MAX = 2_000;

export class EventCounts {
  readonly #topology: TopologyHistory;
  readonly #reports: SpaceReports;
  readonly #history: History;
  readonly #pages: EventPages;

  constructor(topology: TopologyHistory, reports: SpaceReports, history: History, pages: EventPages) {
    this.#topology = topology;
    this.#reports = reports;
    this.#history = history;
    this.#pages = pages;
  }

  /** The events of a space as of one report. @param toMs later events do not concern the question */
  async ofSpace(spaceId: SpaceId, toMs: number): Promise<SpaceEvents> {
    const [schedule, place] = [scheduleOf(this.#topology, spaceId), placeOf(this.#topology)];
    const report = await this.#reports.report(spaceId, toMs);
    return new SpaceEvents({ report, schedule, place, history: this.#history, pages: this.#pages });
  }

  /** All events in a range as a Parquet file, those that are not stored yet included. @throws Failure unavailable */
  async *parquet(spaceId: SpaceId, range: TimeRange): AsyncGenerator<Uint8Array> {
    scheduleOf(this.#topology, spaceId);
    const report = await this.#reports.report(spaceId, range.toMs);
    const unstored = inRange(report, range);
    if (unstored.length > UNSTORED_MAX)
      throw new Failure('unavailable', 'too many events of the space are not stored yet', { retryAfterSeconds: 30 });
    yield* this.#pages.parquetOfEvents({ spaceId, block: report.storedBlock, range, unstored });
  }
}

/**
 * @throws Failure invalid if too many events would have to be scanned
 */
export function refuseScan(scanned: number, max: number): void {
  if (scanned > max)
    throw new Failure(
      'invalid',
      `this filter or order has to look at every event, and there are more than ${max}: also limit the range of timestamp`,
      { field: 'filter' },
    );
}
