// The count after each event, for one space and for all.
import { z } from 'zod';
import type { AsKnown } from '../../counts/as-known.ts';
import { CountsOfAll } from '../../counts/counts-of-all.ts';
import { refuseScan, type EventCounts } from '../../counts/event-counts.ts';
import type { StoredPlaces } from '../../counts/stored-places.ts';
import type { CountAfterEvent, CountedPlace } from '../../counts/space-events.ts';
import { formatAsOf } from '../../domain/as-of.ts';
import { matches, timeRangeOf, type TimeRange, type Value } from '../../domain/filter.ts';
import type { SpaceId } from '../../domain/ids.ts';
import { deltaOf } from '../../domain/space-event.ts';
import { END_MS } from '../../domain/instant.ts';
import { compareEvents } from '../../domain/space-event.ts';
import type { EventPages } from '../../ports/event-pages.ts';
import type { TopologyHistory } from '../../domain/topology-history.ts';
import { history, IF_NONE_MATCH, revalidatedPage } from '../middleware/caching.ts';
import { cursor, encodeCursor, type Cursor } from '../cursor.ts';
import { compareValues } from '../list.ts';
import { checkCursor, CURSOR_SORT, LIST_HEADERS, setPageHeaders, type Page } from '../paging.ts';
import { invalid } from '../problem.ts';
import { readLists } from '../stored-lists.ts';
import { defineRoute, type Route } from './route.ts';
import { spaceIdInPath } from '../schemas/fields.ts';
import { AS_OF_HEADER, knownAtInQuery, STORED_AS_OF_HEADER, storedKnownAt } from '../schemas/known-at.ts';
import { listQuery, type ListQuery } from '../schemas/list.ts';
import * as resources from '../schemas/resources.ts';
import { timeZone, timeZoneOrSpace, writtenIn, type Written } from '../zoned-times.ts';

const FIELDS = {
  timestamp: 'instant',
  count: 'number',
  net: 'number',
  delta: 'number',
  entrances: 'number',
  exits: 'number',
  reading_id: 'text',
} as const;
const READERS: Readonly<Record<string, (event: CountAfterEvent) => Value>> = {
  timestamp: ({ timestampMs }) => timestampMs,
  count: ({ count }) => count,
  net: ({ net }) => net,
  delta: (event) => deltaOf(event),
  entrances: ({ entrances }) => entrances,
  exits: ({ exits }) => exits,
  reading_id: ({ readingId }) => readingId,
  space_id: ({ spaceId }) => spaceId,
};
const ALL_TIME: TimeRange = { fromMs: 0, toMs: END_MS };
/**
 * Maximum number of events that are read to apply an offset, a sort, or a filter over fields other than the
 * timestamp.
 */
const SCAN_MAX = 100_000;

export const EVENT_EXAMPLE = {
  space_id: 1,
  timestamp: '2018-02-24T08:45:21.893Z',
  count: 3,
  net: 3,
  delta: 1,
  entrances: 1,
  exits: 0,
  reading_id: '423~1519461921893~+',
  final: true,
};
const FILTER_NOTE = `A filter over fields other than \`timestamp\`, or a sort by another field, reads every event of the range, which may have at most ${SCAN_MAX.toLocaleString('en')}.`;

interface Source {
  page(query: { range: TimeRange; after: Cursor | null; desc: boolean; limit: number }): Promise<CountAfterEvent[]>;
  total(range: TimeRange): Promise<number>;
}

type Query = ListQuery & { readonly cursor?: Cursor | undefined };

interface EventCountsDeps {
  readonly eventCounts: EventCounts;
  readonly asKnown: AsKnown;
  readonly pages: EventPages;
  readonly places: StoredPlaces;
  readonly topology: TopologyHistory;
  readonly now: () => number;
}

export function eventCountsRoutes(deps: EventCountsDeps): Route[] {
  return [countsOfSpace(deps), countsOfAll(deps)];
}

function countsOfSpace({ eventCounts, asKnown, topology, now }: EventCountsDeps): Route {
  return defineRoute({
    method: 'GET',
    path: '/counts/{space_id}',
    operationId: 'listCounts',
    tag: 'counts',
    summary: 'The count after each event of a space',
    scope: 'read',
    description: FILTER_NOTE,
    params: z.strictObject({ space_id: spaceIdInPath }),
    query: z.strictObject({
      ...listQuery(FIELDS, CURSOR_SORT),
      cursor,
      known_at: knownAtInQuery().optional(),
      ...timeZoneOrSpace,
    }),
    problems: [404],
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of counts',
      schema: z.array(resources.countAfterEvent),
      example: [EVENT_EXAMPLE],
      headers: { ...LIST_HEADERS, ...AS_OF_HEADER },
    },
    handle: async ({ params: { space_id: id }, query }, ctx) => {
      const { range } = timeRangeOf(query.filter, 'timestamp', ALL_TIME);
      const known = query.known_at && (await asKnown.space(id, query.known_at));
      const events = known?.events() ?? (await eventCounts.ofSpace(id, range.toMs));
      const isFinal = events.isFinal(range);
      const page = await pageOf(events, query);
      ctx.set('as-of', formatAsOf(known?.asOf ?? events.asOf(Math.min(range.toMs, now()))));
      setPageHeaders(ctx, { ...query, total: page.total, next: nextOf(page, countedPlaceOf) });
      const written = writtenIn(query.tz, (known?.topology ?? topology).latest().space(id)?.timeZone);
      const body = page.items.map((event) => eventJson(event, written));
      return isFinal ? history(ctx, isFinal, body) : revalidatedPage(ctx, page.total, body);
    },
  });
}

function countsOfAll({ pages, places }: EventCountsDeps): Route {
  return defineRoute({
    method: 'GET',
    path: '/counts',
    operationId: 'listCountsOfAll',
    tag: 'counts',
    summary: 'The count after each event, of all spaces',
    scope: 'read',
    description: `Events stored in ClickHouse, including those of deleted spaces; events that are not stored yet are only in the list of their own space. A reading between two spaces has an event in each, and both are on the same page. ${FILTER_NOTE}`,
    query: z.strictObject({
      ...listQuery({ space_id: 'number', ...FIELDS }, CURSOR_SORT),
      cursor,
      ...storedKnownAt,
      ...timeZone,
    }),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of counts',
      schema: z.array(resources.countAfterEvent),
      example: [EVENT_EXAMPLE],
      headers: { ...LIST_HEADERS, ...STORED_AS_OF_HEADER },
    },
    handle: async ({ query }, ctx) => {
      const { blocks, view } = await readLists(ctx, places, query);
      const page = await pageOf(new CountsOfAll({ pages, view, blocks }), query);
      setPageHeaders(ctx, { ...query, total: page.total, next: nextOf(page, (event) => event) });
      // Never cached as final, because the spaces have no common watermark.
      const written = writtenIn(query.tz);
      return revalidatedPage(
        ctx,
        page.total,
        page.items.map((event) => eventJson(event, written)),
      );
    },
  });
}

/** A page of events. `last` is set if the next page starts after an event, `nextOffset` if it starts at an offset. */
interface EventPage {
  readonly items: readonly CountAfterEvent[];
  readonly total: number;
  readonly last?: CountAfterEvent | undefined;
  readonly nextOffset?: number;
}

/**
 * @throws HttpProblem 422 for an offset beyond the events that may be scanned
 */
async function pageOf(source: Source, query: Query): Promise<EventPage> {
  const { limit, offset, sort, desc, filter, cursor: after } = query;
  checkCursor({ cursor: after, offset, sort });
  const { range, isAll } = timeRangeOf(filter, 'timestamp', ALL_TIME);
  if (sort !== CURSOR_SORT || !isAll) return search(source, range, query);
  if (offset > SCAN_MAX)
    throw invalid(
      'offset',
      `must be at most ${SCAN_MAX}: to go further, follow the cursor in the link header, or filter by timestamp`,
    );
  const total = after ? after.total : await source.total(range);
  const found = await source.page({ range, after: after ?? null, desc, limit: offset + limit + 2 });
  const end = endOfReading(found, offset + limit);
  const items = found.slice(offset, end);
  return { items, total, last: found.length > end ? items.at(-1) : undefined };
}

/** Reads every event of a range. */
async function search(source: Source, range: TimeRange, query: Query): Promise<EventPage> {
  const { limit, offset, sort, desc, filter, cursor: after } = query;
  refuseScan(await source.total(range), SCAN_MAX);
  const read = (event: CountAfterEvent, name: string): Value => READERS[name]?.(event) ?? null;
  const events = await source.page({ range, after: null, desc, limit: SCAN_MAX });
  const found = filter ? events.filter((event) => matches(filter, (name) => read(event, name))) : events;
  if (sort !== CURSOR_SORT) found.sort((a, b) => (desc ? -1 : 1) * compareValues(read(a, sort), read(b, sort)));
  const start = after ? found.findIndex((event) => isBeyond(event, after, desc)) : offset;
  if (start < 0) return { items: [], total: found.length };
  const end = endOfReading(found, start + limit);
  const items = found.slice(start, end);
  const next = end >= found.length ? {} : sort === CURSOR_SORT ? { last: items.at(-1) } : { nextOffset: end };
  return { items, total: found.length, ...next };
}

/** @param placeOf the place of an event, for the cursor */
function nextOf(
  { total, last, nextOffset }: EventPage,
  placeOf: (event: CountAfterEvent) => CountedPlace,
): Page['next'] {
  if (last) return { cursor: encodeCursor(placeOf(last), total) };
  return nextOffset === undefined ? undefined : { offset: nextOffset };
}

/** Keeps the two events of a reading on one page, because a cursor points after a reading. */
function endOfReading(events: readonly CountAfterEvent[], end: number): number {
  return events[end] && events[end]?.readingId === events[end - 1]?.readingId ? end + 1 : end;
}

function isBeyond(event: CountAfterEvent, place: Cursor, desc: boolean): boolean {
  const order = compareEvents(event, place);
  return desc ? order < 0 : order > 0;
}

/** The place with its count, so that the next page need not count from the last reset. */
export function countedPlaceOf({ timestampMs, readingId, basis, count, net }: CountAfterEvent): CountedPlace {
  return { timestampMs, readingId, counted: basis ? { ...basis, count, net } : undefined };
}

export function eventJson(event: CountAfterEvent & { readonly spaceId: SpaceId }, written: Written): object {
  const { spaceId, timestampMs, count, net, entrances, exits, readingId, isFinal } = event;
  return {
    space_id: spaceId,
    timestamp: written(timestampMs),
    count,
    net,
    delta: deltaOf(event),
    entrances,
    exits,
    reading_id: readingId,
    final: isFinal,
  };
}
