// Readings as stored in ClickHouse.
import { z } from 'zod';
import type { StoredPlaces } from '../../counts/stored-places.ts';
import type { EventPages, StoredReading } from '../../ports/event-pages.ts';
import { Failure } from '../../domain/failure.ts';
import { revisionIn, standingIn, startOf } from '../../domain/measure.ts';
import { dpuOfReadingId, readingOfIdentity } from '../../domain/reading.ts';
import { formatInstant } from '../../domain/instant.ts';
import { IF_NONE_MATCH, revalidated, revalidatedPage } from '../middleware/caching.ts';
import { cursor, encodeCursor } from '../cursor.ts';
import { checkCursor, CURSOR_SORT, LIST_HEADERS, setPageHeaders } from '../paging.ts';
import { readLists } from '../stored-lists.ts';
import { defineRoute, type Route } from './route.ts';
import { field } from '../schemas/fields.ts';
import { STORED_AS_OF_HEADER, storedKnownAt } from '../schemas/known-at.ts';
import { listQuery } from '../schemas/list.ts';
import * as resources from '../schemas/resources.ts';
import { timeZone, writtenIn, type Written } from '../zoned-times.ts';

export const READING_FIELDS = {
  id: 'text',
  timestamp: 'instant',
  dpu_id: 'text',
  direction: 'number',
  entrances: 'number',
  exits: 'number',
  doorway_id: 'number',
} as const;
export const READING_EXAMPLE = {
  id: '423~1519461921893~+',
  dpu_id: '423',
  timestamp: '2018-02-24T08:45:21.893Z',
  entrances: 1,
  exits: 0,
  direction: 1,
  doorway_id: 1,
  excluded: false,
  deleted: false,
};
const STORED_NOTE =
  'A reading appears here once it is final and stored in ClickHouse, some seconds after it was sent. Live counts include it at once.';

/** The DPU id, whose token may be three times as long as its 128 characters; then an instant, a measure, and an id. */
const ID_LENGTH_MAX = 800;

export const readingId = field(
  { type: 'string', description: 'the id from the answer to sending it', examples: [READING_EXAMPLE.id] },
  'must be the id of a reading',
  (value) => (typeof value === 'string' && value.length <= ID_LENGTH_MAX ? value : undefined),
);

interface StoredReadingsDeps {
  readonly pages: EventPages;
  readonly places: StoredPlaces;
}

export function storedReadingsRoutes({ pages, places }: StoredReadingsDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/readings',
      operationId: 'listReadings',
      tag: 'readings',
      summary: 'List readings',
      scope: 'read',
      description: STORED_NOTE,
      query: z.strictObject({ ...listQuery(READING_FIELDS, CURSOR_SORT), cursor, ...storedKnownAt, ...timeZone }),
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of readings',
        schema: z.array(resources.reading),
        example: [READING_EXAMPLE],
        headers: { ...LIST_HEADERS, ...STORED_AS_OF_HEADER },
      },
      handle: async ({ query }, ctx) => {
        const { limit, offset, sort, desc, filter, cursor: after, tz } = query;
        checkCursor({ cursor: after, offset, sort });
        const { blocks } = await readLists(ctx, places, query);
        const total = after ? after.total : await pages.countReadings(filter, blocks);
        const order = { filter, sort, desc, offset, after: after ?? null };
        const found = await pages.readings({ ...order, blocks, limit: limit + 1 });
        const items = found.slice(0, limit);
        const last = found.length > limit ? items.at(-1) : undefined;
        const next =
          last && (sort === CURSOR_SORT ? { cursor: encodeCursor(last, total) } : { offset: offset + limit });
        setPageHeaders(ctx, { total, offset, limit, next });
        const written = writtenIn(tz);
        return revalidatedPage(
          ctx,
          total,
          items.map((reading) => readingJson(reading, written)),
        );
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/readings/{id}',
      operationId: 'getReading',
      tag: 'readings',
      summary: 'Get a reading',
      scope: 'read',
      description: STORED_NOTE,
      params: z.strictObject({ id: readingId }),
      query: z.strictObject(storedKnownAt),
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'the reading',
        schema: resources.reading,
        example: READING_EXAMPLE,
        headers: STORED_AS_OF_HEADER,
      },
      handle: async ({ params: { id }, query }, ctx) => {
        const dpuId = dpuOfReadingId(id);
        const { blocks } = await readLists(ctx, places, query);
        const found = dpuId === undefined ? undefined : await pages.reading(dpuId, id, blocks);
        if (!found) throw new Failure('not_found', `there is no stored reading ${id}`);
        return revalidated(ctx, readingJson(found));
      },
    }),
  ];
}

export function readingJson(reading: StoredReading, written: Written = formatInstant): object {
  const { readingId: id, dpuId, timestampMs, entrances, exits, doorwayId, isExcluded, isDeleted } = reading;
  return {
    id,
    dpu_id: dpuId,
    timestamp: written(timestampMs),
    entrances,
    exits,
    ...reportedBy(reading, written),
    doorway_id: doorwayId,
    excluded: isExcluded,
    deleted: isDeleted,
  };
}

/** The other fields that the device reported. */
function reportedBy({ readingId: id, direction }: StoredReading, written: Written): object {
  if (direction !== 0) return { direction };
  const measure = readingOfIdentity(id)?.measure;
  const [startMs, standing] = measure ? [startOf(measure), standingIn(measure)] : [null, undefined];
  const revision = measure && revisionIn(measure)?.revision;
  if (startMs !== null) return { start: written(startMs), ...(revision === undefined ? {} : { revision }) };
  if (!standing) return {};
  const { totalEntrances, totalExits, counterEpoch } = standing;
  const totals = { total_entrances: totalEntrances, total_exits: totalExits };
  return counterEpoch === null ? totals : { ...totals, counter_epoch: counterEpoch };
}
