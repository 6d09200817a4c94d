// The count after each event, of one space and of all.
import { z } from 'zod';
import { refuseScan, type CountAfterEvent, type CountedPlace, type EventCounts } from '../../counts/event-counts.ts';
import { matches, timeRangeOf, type Expression, type TimeRange, type Value } from '../../domain/filter.ts';
import type { SpaceId } from '../../domain/ids.ts';
import { END_MS, formatInstant } from '../../domain/instant.ts';
import { compareEvents } from '../../domain/space-event.ts';
import { history, IF_NONE_MATCH, revalidatedPage } from '../middleware/caching.ts';
import { cursor, setCursorHeaders, type Cursor } from '../cursor.ts';
import { compareValues, LIST_HEADERS } from '../list.ts';
import { invalid } from '../problem.ts';
import { defineRoute, type Route } from './route.ts';
import { spaceIdInPath } from '../schemas/fields.ts';
import { listQuery, type ListQuery } from '../schemas/list.ts';
import * as resources from '../schemas/resources.ts';

const FIELDS = { timestamp: 'instant', count: 'number', net: 'number', delta: 'number', reading_id: 'text' } as const;
const READERS: Readonly<Record<string, (event: CountAfterEvent) => Value>> = {
  timestamp: ({ timestampMs }) => timestampMs,
  count: ({ count }) => count,
  net: ({ net }) => net,
  delta: ({ delta }) => delta,
  reading_id: ({ readingId }) => readingId,
  space_id: ({ spaceId }) => spaceId,
};
const ALL_TIME: TimeRange = { fromMs: 0, toMs: END_MS };
/** Events looked at for an offset, or for a filter over more than time. Beyond: follow the cursor, say a range. */
const SCAN_MAX = 100_000;

const EXAMPLE = {
  space_id: 1,
  timestamp: '2018-02-24T08:45:21.893Z',
  count: 3,
  net: 3,
  delta: 1,
  reading_id: '423~1519461921893~+',
  final: true,
};
const FILTER_NOTE = `A filter over more than \`timestamp\`, and another order, look at every event of the range: at most ${SCAN_MAX.toLocaleString('en')}.`;

interface Source {
  page(query: { range: TimeRange; after: Cursor | null; desc: boolean; limit: number }): Promise<CountAfterEvent[]>;
  total(range: TimeRange): Promise<number>;
}

type Query = ListQuery & { readonly cursor?: Cursor | undefined };

export function eventCountsRoutes(counts: EventCounts): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/counts/{space_id}',
      operationId: 'listCounts',
      tag: 'counts',
      summary: 'The count after each event of a space',
      scope: 'read',
      description: FILTER_NOTE,
      params: z.strictObject({ space_id: spaceIdInPath }),
      query: z.strictObject({ ...listQuery(FIELDS, 'timestamp'), cursor }),
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of counts',
        schema: z.array(resources.countAfterEvent),
        example: [EXAMPLE],
        headers: LIST_HEADERS,
      },
      handle: async ({ params: { space_id: id }, query }, ctx) => {
        // Asked before the page is: what is final now is whole in it.
        const isFinal = await counts.isFinal(id, timeRangeOf(query.filter, 'timestamp', ALL_TIME).range);
        const { items, ...page } = await pageOf(
          { page: (asked) => counts.page(id, asked), total: (range) => counts.total(id, range) },
          query,
        );
        setCursorHeaders(ctx, { ...page, last: page.last && placeOf(page.last) });
        const body = items.map(eventJson);
        return isFinal ? history(ctx, isFinal, body) : revalidatedPage(ctx, page.total, body);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/counts',
      operationId: 'listCountsOfAll',
      tag: 'counts',
      summary: 'The count after each event, over all spaces',
      scope: 'read',
      description: `What history holds, of deleted spaces, too: the newest events, which are still provisional, are with their space. In the order of time; a reading between two spaces has an event in each, and both are on one page. ${FILTER_NOTE}`,
      query: z.strictObject({ ...listQuery({ space_id: 'number', ...FIELDS }, 'timestamp'), cursor }),
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of counts',
        schema: z.array(resources.countAfterEvent),
        example: [EXAMPLE],
        headers: LIST_HEADERS,
      },
      handle: async ({ query }, ctx) => {
        const { items, ...page } = await pageOf(
          { page: (asked) => counts.pageOfAll(asked), total: (range) => counts.totalOfAll(range) },
          query,
        );
        setCursorHeaders(ctx, page);
        // No one watermark says that nothing can come between any more.
        return revalidatedPage(ctx, page.total, items.map(eventJson));
      },
    }),
  ];
}

interface Page {
  readonly items: readonly CountAfterEvent[];
  readonly total: number;
  readonly offset: number;
  readonly limit: number;
  readonly last: CountAfterEvent | undefined;
  readonly nextOffset?: number;
}

async function pageOf(source: Source, { limit, offset, sort, desc, filter, cursor: after }: Query): Promise<Page> {
  if (after && offset > 0) throw invalid('offset', 'a cursor says where a page begins; leave the offset out');
  const { range, isAll } = timeRangeOf(filter, 'timestamp', ALL_TIME);
  if (sort === 'timestamp' && isAll) {
    if (offset > SCAN_MAX)
      throw invalid(
        'offset',
        `at most ${SCAN_MAX}: beyond, follow the cursor in the link header, or say a range of timestamp`,
      );
    const total = after ? after.total : await source.total(range);
    const found = await source.page({ range, after: after ?? null, desc, limit: offset + limit + 2 });
    const end = endOfReading(found, offset + limit);
    const items = found.slice(offset, end);
    return { items, total, offset, limit, last: found.length > end ? items.at(-1) : undefined };
  }
  if (after && sort !== 'timestamp') throw invalid('cursor', 'goes with the order of timestamp only');
  return search(source, range, filter, { limit, offset, sort, desc, after });
}

/** Looks at every event of a range. */
async function search(
  source: Source,
  range: TimeRange,
  filter: Expression | undefined,
  {
    limit,
    offset,
    sort,
    desc,
    after,
  }: { limit: number; offset: number; sort: string; desc: boolean; after: Cursor | undefined },
): Promise<Page> {
  refuseScan(await source.total(range), SCAN_MAX);
  const read = (event: CountAfterEvent, name: string): Value => READERS[name]?.(event) ?? null;
  const events = await source.page({ range, after: null, desc, limit: SCAN_MAX });
  const found = filter ? events.filter((event) => matches(filter, (name) => read(event, name))) : events;
  if (sort !== 'timestamp') found.sort((a, b) => (desc ? -1 : 1) * compareValues(read(a, sort), read(b, sort)));
  const start = after ? found.findIndex((event) => isBeyond(event, after, desc)) : offset;
  const end = endOfReading(found, start + limit);
  const items = start < 0 ? [] : found.slice(start, end);
  const more =
    start < 0 || end >= found.length ? {} : sort === 'timestamp' ? { last: items.at(-1) } : { nextOffset: end };
  return { items, total: found.length, offset, limit, last: undefined, ...more };
}

/** A reading's two events stay on one page, since the place a page ends at is a reading. */
function endOfReading(events: readonly CountAfterEvent[], end: number): number {
  return events[end] && events[end]?.readingId === events[end - 1]?.readingId ? end + 1 : end;
}

function isBeyond(event: CountAfterEvent, place: Cursor, desc: boolean): boolean {
  const order = compareEvents(event, place);
  return desc ? order < 0 : order > 0;
}

function placeOf({ timestampMs, readingId, basis, count, net }: CountAfterEvent): CountedPlace {
  return { timestampMs, readingId, counted: basis ? { ...basis, count, net } : undefined };
}

function eventJson({
  spaceId,
  timestampMs,
  count,
  net,
  delta,
  readingId,
  isFinal,
}: CountAfterEvent & { readonly spaceId: SpaceId }): object {
  return {
    space_id: spaceId,
    timestamp: formatInstant(timestampMs),
    count,
    net,
    delta,
    reading_id: readingId,
    final: isFinal,
  };
}
