// What has changed in a span since an earlier moment, by how much, and because of what.
import { z } from 'zod';
import type { AsKnown, KnownAt } from '../../counts/as-known.ts';
import type { Revised } from '../../counts/revisions.ts';
import { Failure } from '../../domain/failure.ts';
import type { SpaceId } from '../../domain/ids.ts';
import { formatInstant, LATEST_STORABLE_MS } from '../../domain/instant.ts';
import { history, IF_NONE_MATCH } from '../middleware/caching.ts';
import { invalid } from '../problem.ts';
import { REVISIONS_EXAMPLE, revisionsJson } from '../revisions-json.ts';
import { instantInQuery, spaceIdInPath } from '../schemas/fields.ts';
import { sinceInQuery } from '../schemas/known-at.ts';
import { revisions } from '../schemas/revisions.ts';
import { defineRoute, type Route } from './route.ts';

const DESCRIPTION =
  'A report of last month said 1,204, and today it says 1,187: why? `before` is the answer of the earlier moment (`known_at=<since>`), `after` the one of now, and the revisions say what came between: each has a cause, and they add up exactly. `before + revisions = after` for entrances, exits and `net`, and `count` is `net + drift`. A reading that arrived since is late if its time was final in the answer of that moment, and new otherwise. Readings that were imported, or replayed from dead letters, are told apart in no other way. At most 200 revisions are listed, those of the most people; `others` has the sum of the rest.';

const query = z.strictObject({
  from: instantInQuery('start of the span, inclusive'),
  to: instantInQuery('end of the span, exclusive; default: now').optional(),
  since: sinceInQuery(),
});

interface RevisionsDeps {
  readonly asKnown: AsKnown;
  readonly now: () => number;
}

export function revisionsRoutes({ asKnown, now }: RevisionsDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/counts/{space_id}/revisions',
      operationId: 'listRevisions',
      tag: 'counts',
      summary: 'What has changed in a span since an earlier answer, and why',
      description: DESCRIPTION,
      scope: 'read',
      params: z.strictObject({ space_id: spaceIdInPath }),
      query,
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'both answers, and the revisions between them',
        schema: revisions,
        example: REVISIONS_EXAMPLE,
      },
      handle: async ({ params: { space_id: spaceId }, query: { from: fromMs, to, since } }, ctx) => {
        const toMs = to ?? now();
        for (const [name, ms] of Object.entries({ from: fromMs, to: toMs }))
          if (ms > LATEST_STORABLE_MS)
            throw invalid(name, `must not be after ${formatInstant(LATEST_STORABLE_MS)}, the last instant of history`);
        if (fromMs >= toMs) throw invalid('from', to === undefined ? 'must be before now' : 'must be before to');
        const found = await revisionsSince(asKnown, spaceId, fromMs, toMs, since);
        const body = revisionsJson(found);
        // The etag leaves out what advances while everything else stays the same.
        const unchanging = { ...body, watermark: undefined, as_of: undefined };
        return history(ctx, found.after.isFinal && !found.isStale, body, unchanging);
      },
    }),
  ];
}

/** The moment is refused as `since`. */
async function revisionsSince(
  asKnown: AsKnown,
  spaceId: SpaceId,
  fromMs: number,
  toMs: number,
  since: KnownAt,
): Promise<Revised> {
  try {
    return await asKnown.revised(spaceId, fromMs, toMs, since);
  } catch (error) {
    if (!(error instanceof Failure) || error.field !== 'known_at') throw error;
    throw new Failure(error.kind, error.message, { field: 'since', cause: error });
  }
}
