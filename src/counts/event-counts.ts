// The count after each event, of a space and of all of them.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { Failure } from '../domain/failure.ts';
import type { TimeRange } from '../domain/filter.ts';
import type { SpaceId } from '../domain/ids.ts';
import { resetInForce, type ResetSchedule } from '../domain/reset-schedule.ts';
import { advance, EMPTY_SEGMENT, occupancyAfterReset } from '../domain/segment.ts';
import { compareEvents, type EventPlace } from '../domain/space-event.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { EventPages, TimedSpace } from '../ports/event-pages.ts';
import type { History } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import { placeOf } from './known-space.ts';
import { scheduleEver, scheduleOf } from './schedule-of.ts';
import { countedFrom, inRange, SpaceEvents, type CountAfterEvent, type CountsPageQuery } from './space-events.ts';

/** Limits the events of one space that one part of the list over all spaces may hold. */
const EVENTS_MAX = 10_000;
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
    return this.#eventsOf(await this.#reports.report(spaceId, toMs), schedule, place);
  }

  #eventsOf(report: KnownReport, schedule: ResetSchedule, place = placeOf(this.#topology)): SpaceEvents {
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

  /** A page over all spaces, including deleted ones: stored events, by time and then by space. */
  async pageOfAll({ range, after, desc, limit }: CountsPageQuery): Promise<CountAfterEvent[]> {
    const found: CountAfterEvent[] = [];
    for (let [place, rowsMax]: [EventPlace | null, number] = [after, limit * 2]; found.length < limit;) {
      const rows: TimedSpace[] = await this.#pages.spacesByTime({ range, after: place, desc, limit: rowsMax });
      const [first, last] = [rows[0], rows.at(-1)];
      if (!first || !last) break;
      const isAll = rows.length < rowsMax;
      // Only whole milliseconds, because a reading has events in two spaces. The next page may continue within the
      // last millisecond.
      if (!isAll && first.timestampMs === last.timestampMs) {
        rowsMax *= 4;
        continue;
      }
      const edgeMs = isAll ? last.timestampMs : last.timestampMs + (desc ? 1 : -1);
      const spaces = [...new Set(rows.map(({ spaceId }) => spaceId))].filter((id) => this.#topology.latest().space(id));
      const narrowed = {
        fromMs: Math.max(range.fromMs, Math.min(first.timestampMs, edgeMs)),
        toMs: Math.min(range.toMs, Math.max(first.timestampMs, edgeMs)),
      };
      const here = (await this.#countedOf(spaces, narrowed)).filter(
        (event) => !place || (desc ? -1 : 1) * compareEvents(event, place) > 0,
      );
      found.push(...here.sort((a, b) => (desc ? -1 : 1) * (compareEvents(a, b) || a.spaceId - b.spaceId)));
      if (isAll) break;
      place = { timestampMs: edgeMs, readingId: desc ? '' : '\uffff' };
    }
    return found.slice(0, limit);
  }

  async totalOfAll(range: TimeRange): Promise<number> {
    return this.#pages.countAllEvents(range);
  }

  /**
   * Every event of some spaces in a range, in event order for each space. One query covers all spaces whose events
   * are all stored.
   */
  async #countedOf(spaceIds: readonly SpaceId[], range: TimeRange): Promise<CountAfterEvent[]> {
    const spaces = await Promise.all(
      spaceIds.map(async (spaceId) => {
        const [schedule, report] = [
          scheduleEver(this.#topology, spaceId),
          await this.#reports.report(spaceId, range.toMs),
        ];
        return { spaceId, schedule, report, base: resetInForce(schedule, range.fromMs - 1) };
      }),
    );
    const isStored = ({ report, base }: (typeof spaces)[number]): boolean =>
      inRange(report, { fromMs: base.timestampMs, toMs: range.toMs }).length === 0;
    const stored = spaces.filter(isStored);
    const asked = stored.map(({ spaceId, report, base }) => ({
      spaceId,
      block: report.storedBlock,
      afterMs: base.timestampMs,
    }));
    const [runs, events] = await Promise.all([
      this.#pages.segmentsOf(asked, range.fromMs - 1),
      this.#pages.eventsOf(asked, range),
    ]);
    const counted = stored.flatMap(({ spaceId, schedule, report, base }) => {
      const occupancy = advance(occupancyAfterReset(base.count), runs.get(spaceId) ?? EMPTY_SEGMENT);
      return countedFrom({ occupancy, atMs: range.fromMs }, report, schedule, events.get(spaceId) ?? []);
    });
    for (const { schedule, report } of spaces.filter((space) => !isStored(space))) {
      counted.push(
        ...(await this.#eventsOf(report, schedule).page({
          range,
          after: null,
          desc: false,
          limit: EVENTS_MAX + report.unstored.length,
        })),
      );
    }
    return counted;
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
