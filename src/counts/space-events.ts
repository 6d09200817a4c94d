// The count after each event of a space, all from one report. Stored events and events in memory are joined at the report's block
// number, so that none is missing and none appears twice. A page starts after an event, so a deep page costs as much as the
// first.
import type { KnownReport, SpaceReport } from '../../actors/partition/space-report.ts';
import type { AsOf } from '../domain/as-of.ts';
import type { TimeRange } from '../domain/filter.ts';
import type { SpaceId } from '../domain/ids.ts';
import { END_MS } from '../domain/instant.ts';
import type { LogPlace } from '../domain/log-place.ts';
import { nextResetAfter, resetInForce, type ResetSchedule } from '../domain/reset-schedule.ts';
import { advance, countOf, occupancyAfterReset, segmentOf, type Occupancy } from '../domain/segment.ts';
import { compareEvents, type EventPlace } from '../domain/space-event.ts';
import type { TopologyPlace } from '../domain/topology-place.ts';
import type { EventPages } from '../ports/event-pages.ts';
import type { History, HistoryEvent } from '../ports/history.ts';
import { asOfAnswer } from './known-space.ts';
import { historyEventOf, mergeEvents, runsBetween, unstoredIn } from './runs.ts';

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
  /** Present if later commits are left out, although blocks up to this one may have some of them. */
  readonly upTo?: LogPlace | undefined;
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

/** The part of the pages that are about one space. */
export type PagesOfSpace = Pick<EventPages, 'eventPage' | 'countEvents' | 'newestBlock'>;

interface SpaceEventsDeps {
  readonly report: KnownReport;
  readonly schedule: ResetSchedule;
  /** That of the schedule. */
  readonly place: TopologyPlace;
  readonly history: Pick<History, 'segments' | 'events'>;
  readonly pages: PagesOfSpace;
}

export class SpaceEvents {
  readonly #report: KnownReport;
  readonly #schedule: ResetSchedule;
  readonly #place: TopologyPlace;
  readonly #history: SpaceEventsDeps['history'];
  readonly #pages: PagesOfSpace;

  constructor({ report, schedule, place, history, pages }: SpaceEventsDeps) {
    this.#report = report;
    this.#schedule = schedule;
    this.#place = place;
    this.#history = history;
    this.#pages = pages;
  }

  /** The place of everything that this answers. @param atMs the instant of the question */
  asOf(atMs: number): AsOf {
    return asOfAnswer(this.#report, this.#place, atMs);
  }

  /** True when only late or moved readings can still change the events in a range. */
  isFinal({ toMs }: TimeRange): boolean {
    return toMs < END_MS && this.#report.watermarkMs >= toMs;
  }

  async total(range: TimeRange): Promise<number> {
    const { spaceId, storedBlock: block, upTo, watermarkMs } = this.#report;
    const stored = await this.#pages.countEvents({ spaceId, range, block, upTo, watermarkMs });
    // The signs of one event, stored and in memory together, add up to 0 or 1. An event in which nobody passed, such
    // as a first standing, is not listed, and not included in the stored number either.
    return inRange(this.#report, range)
      .filter(({ entrances, exits }) => entrances + exits > 0)
      .reduce((total, { sign }) => total + sign, stored);
  }

  /** The first `limit` events after a place. */
  async page(query: CountsPageQuery): Promise<CountAfterEvent[]> {
    const events = await this.#events(query);
    if (query.desc) events.reverse();
    const [first] = events;
    if (!first) return [];
    const before = (query.desc ? undefined : await this.#carried(query)) ?? {
      occupancy: await this.#occupancyBefore(first),
      atMs: first.timestampMs,
    };
    const counted = countedFrom(before, this.#report, this.#schedule, events);
    return query.desc ? counted.reverse() : counted;
  }

  async #events({ range, after, desc, limit }: CountsPageQuery): Promise<HistoryEvent[]> {
    const { spaceId, storedBlock: block, upTo } = this.#report;
    const sign = desc ? -1 : 1;
    const isAfter = (event: EventPlace, place: EventPlace | null): boolean =>
      !place || sign * compareEvents(event, place) > 0;
    const pending = inRange(this.#report, range).filter((event) => isAfter(event, after));
    const found: HistoryEvent[] = [];
    for (let place = after; found.length < limit;) {
      const wanted = limit + pending.length;
      const { events, end } = await this.#pages.eventPage({
        ...{ spaceId, block, upTo, range },
        ...{ after: place, desc, limit: wanted },
      });
      const here = pending.filter((event) => isAfter(event, place) && (!end || !isAfter(event, end)));
      const merged = mergeEvents([...events, ...here]);
      found.push(...(desc ? merged.reverse() : merged));
      if (!end) break;
      place = end;
    }
    return found.slice(0, limit);
  }

  /** The count at the place after which a page starts, if it is known and still valid. */
  async #carried({ after, range }: CountsPageQuery): Promise<Before | undefined> {
    if (!after?.counted || range.fromMs > after.timestampMs) return undefined;
    const { counted } = after;
    const { resetMs, resetCount, net, count } = counted;
    const { spaceId, upTo } = this.#report;
    const base = resetInForce(this.#schedule, after.timestampMs - 1);
    if (counted.spaceId !== spaceId || base.timestampMs !== resetMs || base.count !== resetCount) return undefined;
    // The same blocks do not mean the same commits.
    if (counted.upTo?.epoch !== upTo?.epoch || counted.upTo?.seq !== upTo?.seq) return undefined;
    const since = { fromMs: resetMs + 1, toMs: after.timestampMs };
    if (inRange(this.#report, since).length > 0) return undefined;
    // What was known at a place does not change any more.
    if (!upTo && (await this.#pages.newestBlock(spaceId, since)) > counted.block) return undefined;
    // The lowest net has an effect only if it is below 0.
    return { occupancy: { net, lowestNet: net - count }, atMs: after.timestampMs };
  }

  async #occupancyBefore(first: EventPlace): Promise<Occupancy> {
    const beforeMs = first.timestampMs - 1;
    const base = resetInForce(this.#schedule, beforeMs);
    let occupancy = occupancyAfterReset(base.count);
    if (base.timestampMs < beforeMs) {
      const [run] = await runsBetween(this.#report, [base.timestampMs, beforeMs], this.#history);
      if (run) occupancy = advance(occupancy, run);
    }
    const { spaceId, storedBlock } = this.#report;
    const stored = await this.#history.events(spaceId, beforeMs, first.timestampMs, storedBlock);
    const sameInstant = mergeEvents([
      ...stored,
      ...inRange(this.#report, { fromMs: first.timestampMs, toMs: first.timestampMs }),
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
export function countedFrom(
  before: Before,
  report: Pick<KnownReport, 'spaceId' | 'storedBlock' | 'watermarkMs' | 'upTo'> & {
    readonly unstored: readonly EventPlace[];
  },
  schedule: ResetSchedule,
  events: readonly HistoryEvent[],
): CountAfterEvent[] {
  const { spaceId, storedBlock: block, watermarkMs, upTo } = report;
  const storedBeforeMs = report.unstored.reduce((least, { timestampMs }) => Math.min(least, timestampMs), Infinity);
  const basisAt = (ms: number): Basis => {
    const { timestampMs: resetMs, count: resetCount } = resetInForce(schedule, ms);
    return { spaceId, block, resetMs, resetCount, upTo };
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

export function inRange(report: SpaceReport, { fromMs, toMs }: TimeRange): HistoryEvent[] {
  return unstoredIn(report, fromMs - 1, toMs).map(historyEventOf);
}
