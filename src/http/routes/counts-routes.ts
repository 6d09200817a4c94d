// How many people: now, and at an instant.
import { z } from 'zod';
import type { AsKnown } from '../../counts/as-known.ts';
import type { Counts } from '../../counts/counts.ts';
import type { SpaceId } from '../../domain/ids.ts';
import type { Space } from '../../domain/topology.ts';
import { existing, type TopologyHistory } from '../../domain/topology-history.ts';
import { history, IF_NONE_MATCH } from '../middleware/caching.ts';
import { COUNT_EXAMPLE, countJson } from '../counts-json.ts';
import { defineRoute, type Route } from './route.ts';
import { instantInQuery, spaceIdInPath, staleInQuery } from '../schemas/fields.ts';
import { knownAtInQuery } from '../schemas/known-at.ts';
import * as resources from '../schemas/resources.ts';
import { timeZoneOrSpace, writtenIn } from '../zoned-times.ts';

interface CountsDeps {
  readonly counts: Counts;
  readonly asKnown: AsKnown;
  readonly topology: TopologyHistory;
  readonly now: () => number;
}

export function countsRoutes({ counts, asKnown, topology, now }: CountsDeps): Route[] {
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
        at: instantInQuery('the instant; default: now, or that of `known_at`').optional(),
        known_at: knownAtInQuery().optional(),
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
      handle: async ({ params: { space_id: spaceId }, query: { at, stale, tz, known_at: knownAt } }, ctx) => {
        const answer = knownAt
          ? await asKnown.count(spaceId, at, knownAt)
          : at === undefined
            ? await counts.now(spaceId, now(), stale)
            : await counts.at(spaceId, at, stale);
        const { capacity, timeZone } = spaceAt(topology, spaceId, answer.asOf?.topologySeq);
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

/** As of the same place as the rest of the answer. */
function spaceAt(topology: TopologyHistory, spaceId: SpaceId, seq = topology.seq): Space {
  return existing(topology.at(seq).space(spaceId), `space ${spaceId}`);
}
