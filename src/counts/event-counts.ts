// The count after each event of a space: what is stored and what is only in memory, joined at the actor's block number, so
// that no event is missing and none is there twice. A page begins after a place, so that a deep one costs what the first does.
import type { SpaceReport } from '../../actors/shard/space-report.ts';
import { Failure } from '../domain/failure.ts';
import type { TimeRange } from '../domain/filter.ts';
import type { SpaceId } from '../domain/ids.ts';
import { nextResetAfter, resetInForce, type ResetSchedule } from '../domain/reset-schedule.ts';
import { advance, countOf, occupancyAfterReset, segmentOf, type Occupancy } from '../domain/segment.ts';
import { existing, type TopologyHistory } from '../domain/topology-history.ts';
import type { Direction } from '../domain/reading.ts';
import type { EventPages, EventPlace, History, HistoryEvent } from '../ports.ts';
import type { SpaceReports } from './counts.ts';
import { mergeEvents, runsBetween } from './runs.ts';

export interface CountAfterEvent extends EventPlace {
  readonly spaceId: SpaceId;
  readonly delta: Direction;
  readonly count: number;
  readonly net: number;
  readonly isFinal: boolean;
}

export interface CountsPageQuery {
  readonly range: TimeRange;
  readonly after: EventPlace | null;
  readonly desc: boolean;
  readonly limit: number;
}

/** Questions to history at once, for a list over many spaces. */
const CONCURRENCY = 8;
/** Late events of a space that may be on their way to history. */
const UNSTORED_MAX = 10_000;

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
    const schedule = this.#scheduleOf(spaceId);
    const report = await this.#reports.report(spaceId, query.range.toMs);
    const events = await this.#events(report, query);
    if (query.desc) events.reverse();
    const counted = await this.#counted(report, schedule, events);
    return query.desc ? counted.reverse() : counted;
  }

  async total(spaceId: SpaceId, range: TimeRange): Promise<number> {
    this.#scheduleOf(spaceId);
    const report = await this.#reports.report(spaceId, range.toMs);
    const stored = await this.#pages.countEvents(spaceId, range, report.storedBlock);
    // Signs of one event sum up to 0 or 1, here and there together.
    return inRange(report, range).reduce((total, { sign }) => total + sign, stored);
  }

  /** Over all spaces, what is stored: a page, in the order of time, then of spaces. */
  async pageOfAll({ range, after, desc, limit }: CountsPageQuery): Promise<CountAfterEvent[]> {
    const found: CountAfterEvent[] = [];
    for (let place = after; found.length < limit;) {
      const rows = await this.#pages.spacesByTime({ range, after: place, desc, limit: limit * 2 });
      const [first, last] = [rows[0], rows.at(-1)];
      if (!first || !last) break;
      const isAll = rows.length < limit * 2;
      // Whole milliseconds, since a reading has events in two spaces; the last one may go on beyond what was read.
      const edgeMs = isAll || first.timestampMs === last.timestampMs ? last.timestampMs : last.timestampMs + (desc ? 1 : -1);
      const spaces = [...new Set(rows.map(({ spaceId }) => spaceId))].filter((id) => this.#topology.latest().space(id));
      const narrowed = { fromMs: Math.max(range.fromMs, Math.min(first.timestampMs, edgeMs)), toMs: Math.min(range.toMs, Math.max(first.timestampMs, edgeMs)) };
      const here: CountAfterEvent[] = [];
      for (let at = 0; at < spaces.length; at += CONCURRENCY) {
        const pages = spaces.slice(at, at + CONCURRENCY).map((id) => this.page(id, { range: narrowed, after: place, desc, limit: rows.length + UNSTORED_MAX }));
        for (const page of await Promise.all(pages)) here.push(...page);
      }
      found.push(...here.sort((a, b) => (desc ? -1 : 1) * (comparePlaces(a, b) || a.spaceId - b.spaceId)));
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
    const isAfter = (event: EventPlace, place: EventPlace | null): boolean => !place || sign * comparePlaces(event, place) > 0;
    const pending = inRange(report, range).filter((event) => isAfter(event, after));
    const found: HistoryEvent[] = [];
    for (let place = after; found.length < limit;) {
      const { events, end } = await this.#pages.eventPage({ spaceId: report.spaceId, block: report.storedBlock, range, after: place, desc, limit: limit + pending.length });
      const here = pending.filter((event) => isAfter(event, place) && (!end || !isAfter(event, end)));
      const merged = mergeEvents([...events, ...here]);
      found.push(...(desc ? merged.reverse() : merged));
      if (!end) break;
      place = end;
    }
    return found.slice(0, limit);
  }

  /** @param events successive ones, in event order */
  async #counted(report: SpaceReport, schedule: ResetSchedule, events: readonly HistoryEvent[]): Promise<CountAfterEvent[]> {
    const [first] = events;
    if (!first) return [];
    let occupancy = await this.#occupancyBefore(report, schedule, first);
    let nextResetMs = nextResetAfter(schedule, first.timestampMs - 1);
    return events.map(({ timestampMs, readingId, delta }) => {
      // A reset at T holds for events after T.
      if (nextResetMs < timestampMs) {
        occupancy = occupancyAfterReset(resetInForce(schedule, timestampMs - 1).count);
        nextResetMs = nextResetAfter(schedule, timestampMs - 1);
      }
      occupancy = advance(occupancy, segmentOf(delta));
      return { spaceId: report.spaceId, timestampMs, readingId, delta, count: countOf(occupancy), net: occupancy.net, isFinal: timestampMs <= report.watermarkMs };
    });
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
    const sameInstant = mergeEvents([...stored, ...inRange(report, { fromMs: first.timestampMs, toMs: first.timestampMs })]);
    return sameInstant.filter((event) => comparePlaces(event, first) < 0).reduce((at, { delta }) => advance(at, segmentOf(delta)), occupancy);
  }

  #scheduleOf(spaceId: SpaceId): ResetSchedule {
    const view = this.#topology.latest();
    const { timeZone, dailyReset } = existing(view.space(spaceId), `space ${spaceId}`);
    return { timeZone, dailyReset, manual: view.resets(spaceId) };
  }
}

export function comparePlaces(a: EventPlace, b: EventPlace): number {
  return a.timestampMs - b.timestampMs || (a.readingId < b.readingId ? -1 : a.readingId > b.readingId ? 1 : 0);
}

function inRange(report: SpaceReport, { fromMs, toMs }: TimeRange): HistoryEvent[] {
  return report.unstored.filter(({ timestampMs }) => timestampMs >= fromMs && timestampMs <= toMs)
    .map(({ timestampMs, readingId, delta, sign }) => ({ timestampMs, readingId, delta, sign }));
}

/** @throws Failure invalid when a list has to be searched that is too long for it */
export function refuseScan(scanned: number, max: number): void {
  if (scanned > max) throw new Failure('invalid', `this filter or order has to look at every event, and there are more than ${max}: also say a range of timestamp`, { field: 'filter' });
}
