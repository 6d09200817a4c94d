// How many people: now, and at an instant.
import { z } from 'zod';
import type { Counts } from '../../counts/counts.ts';
import { existing, type TopologyHistory } from '../../domain/topology-history.ts';
import { history, IF_NONE_MATCH } from '../middleware/caching.ts';
import { COUNT_EXAMPLE, countJson } from '../counts-json.ts';
import { defineRoute, type Route } from './route.ts';
import { instantInQuery, spaceIdInPath, staleInQuery } from '../schemas/fields.ts';
import * as resources from '../schemas/resources.ts';
import { timeZoneOrSpace, writtenIn } from '../zoned-times.ts';

export function countsRoutes(counts: Counts, topology: TopologyHistory, now: () => number): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/counts/{space_id}/current',
      operationId: 'getCurrentCount',
      tag: 'counts',
      summary: 'The count of a space, now or at an instant',
      scope: 'read',
      params: z.strictObject({ space_id: spaceIdInPath }),
      query: z.strictObject({
        at: instantInQuery('the instant; default: now').optional(),
        stale: staleInQuery,
        ...timeZoneOrSpace,
      }),
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'the count, and whether it is final',
        schema: resources.currentCount,
        example: COUNT_EXAMPLE,
      },
      handle: async ({ params: { space_id: spaceId }, query: { at, stale, tz } }, ctx) => {
        const { capacity, timeZone } = existing(topology.latest().space(spaceId), `space ${spaceId}`);
        const answer = at === undefined ? await counts.now(spaceId, now(), stale) : await counts.at(spaceId, at, stale);
        // The etag excludes values that advance while the count stays the same: the watermark, and for "now" the
        // newest reading.
        const { count, net, lastReadingMs, isFinal, isStale } = answer;
        return history(
          ctx,
          at !== undefined && isFinal && !isStale,
          countJson(answer, capacity, writtenIn(tz, timeZone)),
          {
            spaceId,
            at,
            tz: tz && [tz, timeZone],
            count,
            net,
            capacity,
            lastReadingMs: at === undefined ? undefined : lastReadingMs,
          },
        );
      },
    }),
  ];
}
