// The count after each event of a space. Stored events and events in memory are joined at the fold's block number, so
// that none is missing and none appears twice. A page starts after an event, so a deep page costs as much as the
// first.
import type { SpaceReport } from '../../actors/partition/space-report.ts';
import { Failure } from '../domain/failure.ts';
import type { TimeRange } from '../domain/filter.ts';
import type { SpaceId } from '../domain/ids.ts';
import { END_MS } from '../domain/instant.ts';
import { compareEvents, type EventPlace } from '../domain/space-event.ts';
import { nextResetAfter, resetInForce, type ResetSchedule } from '../domain/reset-schedule.ts';
import { advance, countOf, EMPTY_SEGMENT, occupancyAfterReset, segmentOf, type Occupancy } from '../domain/segment.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { EventPages, TimedSpace } from '../ports/event-pages.ts';
import type { History, HistoryEvent } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import { historyEventOf, mergeEvents, runsBetween, unstoredIn } from './runs.ts';
import { scheduleEver, scheduleOf } from './schedule-of.ts';

export interface CountAfterEvent extends EventPlace {
  readonly spaceId: SpaceId;
  /** People who entered the space. */
  readonly entrances: number;
  readonly exits: number;
  readonly count: number;
  readonly net: number;
  readonly isFinal: boolean;
  /** The basis of the count; null unless all of it is stored. */
  readonly basis: Basis | null;
}

/** A count stays valid while no later block has events before it, and while this reset is in force. */
export interface Basis {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly resetMs: number;
  readonly resetCount: number;
}

/** The place where a page ended, with the count there, so that the next page need not start from the last reset. */
export interface CountedPlace extends EventPlace {
  readonly counted?: (Basis & { readonly count: number; readonly net: number }) | undefined;
}

export interface CountsPageQuery {
  readonly range: TimeRange;
  readonly after: CountedPlace | null;
  readonly desc: boolean;
  readonly limit: number;
}

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

  /** The first `limit` events after a place. */
  async page(spaceId: SpaceId, query: CountsPageQuery): Promise<CountAfterEvent[]> {
    return this.#page(spaceId, scheduleOf(this.#topology, spaceId), query);
  }

  async #page(spaceId: SpaceId, schedule: ResetSchedule, query: CountsPageQuery): Promise<CountAfterEvent[]> {
    const report = await this.#reports.report(spaceId, query.range.toMs);
    const events = await this.#events(report, query);
    if (query.desc) events.reverse();
    const [first] = events;
    if (!first) return [];
    const before = (query.desc ? undefined : await this.#carried(report, schedule, query)) ?? {
      occupancy: await this.#occupancyBefore(report, schedule, first),
      atMs: first.timestampMs,
    };
    const counted = countedFrom(before, report, schedule, events);
    return query.desc ? counted.reverse() : counted;
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

  /** True when only late or moved readings can still change the events in a range. */
  async isFinal(spaceId: SpaceId, { toMs }: TimeRange): Promise<boolean> {
    scheduleOf(this.#topology, spaceId);
    return toMs < END_MS && (await this.#reports.report(spaceId, toMs)).watermarkMs >= toMs;
  }

  async total(spaceId: SpaceId, range: TimeRange): Promise<number> {
    scheduleOf(this.#topology, spaceId);
    const report = await this.#reports.report(spaceId, range.toMs);
    const stored = await this.#pages.countEvents(spaceId, range, report.storedBlock);
    // The signs of one event, stored and in memory together, add up to 0 or 1. An event in which nobody passed, such
    // as a first standing, is not listed, and not included in the stored number either.
    return inRange(report, range)
      .filter(({ entrances, exits }) => entrances + exits > 0)
      .reduce((total, { sign }) => total + sign, stored);
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

  async #events(report: SpaceReport, { range, after, desc, limit }: CountsPageQuery): Promise<HistoryEvent[]> {
    const sign = desc ? -1 : 1;
    const isAfter = (event: EventPlace, place: EventPlace | null): boolean =>
      !place || sign * compareEvents(event, place) > 0;
    const pending = inRange(report, range).filter((event) => isAfter(event, after));
    const found: HistoryEvent[] = [];
    for (let place = after; found.length < limit;) {
      const { events, end } = await this.#pages.eventPage({
        spaceId: report.spaceId,
        block: report.storedBlock,
        range,
        after: place,
        desc,
        limit: limit + pending.length,
      });
      const here = pending.filter((event) => isAfter(event, place) && (!end || !isAfter(event, end)));
      const merged = mergeEvents([...events, ...here]);
      found.push(...(desc ? merged.reverse() : merged));
      if (!end) break;
      place = end;
    }
    return found.slice(0, limit);
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
    for (const { spaceId, schedule, report } of spaces.filter((space) => !isStored(space))) {
      counted.push(
        ...(await this.#page(spaceId, schedule, {
          range,
          after: null,
          desc: false,
          limit: EVENTS_MAX + report.unstored.length,
        })),
      );
    }
    return counted;
  }

  /** The count at the place after which a page starts, if it is known and still valid. */
  async #carried(
    report: SpaceReport,
    schedule: ResetSchedule,
    { after, range }: CountsPageQuery,
  ): Promise<Before | undefined> {
    if (!after?.counted || range.fromMs > after.timestampMs) return undefined;
    const { spaceId, block, resetMs, resetCount, net, count } = after.counted;
    const base = resetInForce(schedule, after.timestampMs - 1);
    if (spaceId !== report.spaceId || base.timestampMs !== resetMs || base.count !== resetCount) return undefined;
    const since = { fromMs: resetMs + 1, toMs: after.timestampMs };
    if (inRange(report, since).length > 0 || (await this.#pages.newestBlock(spaceId, since)) > block) return undefined;
    // The lowest net has an effect only if it is below 0.
    return { occupancy: { net, lowestNet: net - count }, atMs: after.timestampMs };
  }

  async #occupancyBefore(report: SpaceReport, schedule: ResetSchedule, first: EventPlace): Promise<Occupancy> {
    const beforeMs = first.timestampMs - 1;
    const base = resetInForce(schedule, beforeMs);
    let occupancy = occupancyAfterReset(base.count);
    if (base.timestampMs < beforeMs) {
      const [run] = await runsBetween(report, [base.timestampMs, beforeMs], this.#history);
      if (run) occupancy = advance(occupancy, run);
    }
    const stored = await this.#history.events(report.spaceId, beforeMs, first.timestampMs, report.storedBlock);
    const sameInstant = mergeEvents([
      ...stored,
      ...inRange(report, { fromMs: first.timestampMs, toMs: first.timestampMs }),
    ]);
    return sameInstant
      .filter((event) => compareEvents(event, first) < 0)
      .reduce((at, event) => advance(at, segmentOf(event)), occupancy);
  }
}

/** The occupancy of a space before the first event at or after an instant. */
interface Before {
  readonly occupancy: Occupancy;
  readonly atMs: number;
}

/**
 * @param events consecutive events, in event order
 */
function countedFrom(
  before: Before,
  report: SpaceReport,
  schedule: ResetSchedule,
  events: readonly HistoryEvent[],
): CountAfterEvent[] {
  const { spaceId, storedBlock: block, watermarkMs } = report;
  const storedBeforeMs = report.unstored.reduce((least, { timestampMs }) => Math.min(least, timestampMs), Infinity);
  const basisAt = (ms: number): Basis => {
    const { timestampMs: resetMs, count: resetCount } = resetInForce(schedule, ms);
    return { spaceId, block, resetMs, resetCount };
  };
  let { occupancy } = before;
  let nextResetMs = nextResetAfter(schedule, before.atMs - 1);
  let basis = basisAt(before.atMs - 1);
  return events.map(({ timestampMs, readingId, entrances, exits }) => {
    // A reset at T applies to events after T.
    if (nextResetMs < timestampMs) {
      basis = basisAt(timestampMs - 1);
      occupancy = occupancyAfterReset(basis.resetCount);
      nextResetMs = nextResetAfter(schedule, timestampMs - 1);
    }
    occupancy = advance(occupancy, segmentOf({ entrances, exits }));
    return {
      spaceId,
      timestampMs,
      readingId,
      entrances,
      exits,
      count: countOf(occupancy),
      net: occupancy.net,
      isFinal: timestampMs <= watermarkMs,
      basis: timestampMs < storedBeforeMs ? basis : null,
    };
  });
}

function inRange(report: SpaceReport, { fromMs, toMs }: TimeRange): HistoryEvent[] {
  return unstoredIn(report, fromMs - 1, toMs).map(historyEventOf);
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
