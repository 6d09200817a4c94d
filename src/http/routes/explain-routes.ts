// What a count is made of: the reset in force, who passed each doorway, and what the floor at 0 left out.
import { z } from 'zod';
import type { AsKnown } from '../../counts/as-known.ts';
import type { Explanations } from '../../counts/explanations.ts';
import { LATEST_STORABLE_MS, formatInstant } from '../../domain/instant.ts';
import { history, IF_NONE_MATCH } from '../middleware/caching.ts';
import { EXPLANATION_EXAMPLE, explanationJson, intervalExplanationJson } from '../explain-json.ts';
import { invalid } from '../problem.ts';
import { staleInQuery, instantInQuery, spaceIdInPath } from '../schemas/fields.ts';
import { knownAtInQuery } from '../schemas/known-at.ts';
import { explanation, intervalExplanation } from '../schemas/explanations.ts';
import { defineRoute, type Route } from './route.ts';

const DESCRIPTION = `All terms belong to one state of the space, so they add up: \`net\` is the reset's count plus entrances minus exits, \`drift\` is \`exits_at_zero_count\`, and \`count\` is \`net + drift\`. With \`from\` and \`to\` the interval is explained instead: \`count_at_end\` is \`count_at_start\` plus entrances minus exits plus \`exits_at_zero_count\`, plus \`count - count_before\` of each reset. \`readings_url\` leads to the readings behind a term; those that are not stored yet are missing there.`;

const query = z.strictObject({
  at: instantInQuery('the instant; default: now, or that of `known_at`').optional(),
  from: instantInQuery('start of an interval, inclusive; needs `to`').optional(),
  to: instantInQuery('end of the interval, exclusive').optional(),
  known_at: knownAtInQuery(': `held_back_by` and `late_events` are null then').optional(),
  stale: staleInQuery,
});

interface ExplainDeps {
  readonly explanations: Explanations;
  readonly asKnown: AsKnown;
  readonly now: () => number;
}

export function explainRoutes({ explanations: current, asKnown, now }: ExplainDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/counts/{space_id}/explain',
      operationId: 'explainCount',
      tag: 'counts',
      summary: 'What a count is made of, now, at an instant or over an interval',
      description: DESCRIPTION,
      scope: 'read',
      params: z.strictObject({ space_id: spaceIdInPath }),
      query,
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'the terms, and whether they are final',
        schema: z.union([explanation, intervalExplanation]),
        example: EXPLANATION_EXAMPLE,
      },
      handle: async ({ params: { space_id: spaceId }, query: { at, from, to, stale, known_at: knownAt } }, ctx) => {
        const bounds = boundsOf(at, from, to);
        const known = knownAt && (await asKnown.space(spaceId, knownAt));
        const { explanations } = known ?? { explanations: current };
        if (bounds) {
          const found = await explanations.between(spaceId, bounds.fromMs, bounds.toMs, stale);
          return history(ctx, found.isFinal && !found.isStale, intervalExplanationJson(found), unchanging(found));
        }
        const atMs = at ?? known?.asOf.atMs;
        const found =
          atMs === undefined
            ? await explanations.now(spaceId, now(), stale)
            : await explanations.at(spaceId, atMs, stale);
        const isFinal = atMs !== undefined && found.isFinal && !found.isStale;
        return history(ctx, isFinal, explanationJson(found), unchanging(found));
      },
    }),
  ];
}

/** The etag leaves out what advances while everything else stays the same. */
function unchanging(found: object): object {
  return { ...found, watermarkMs: undefined, lateEvents: undefined, asOf: undefined };
}

/** @throws HttpProblem 422 for an instant that nothing can be stored at, half an interval, or an interval and an instant */
function boundsOf(
  at: number | undefined,
  from: number | undefined,
  to: number | undefined,
): { readonly fromMs: number; readonly toMs: number } | undefined {
  for (const [name, ms] of Object.entries({ at, from, to }))
    if (ms !== undefined && ms > LATEST_STORABLE_MS)
      throw invalid(name, `must not be after ${formatInstant(LATEST_STORABLE_MS)}, the last instant of history`);
  if (from === undefined && to === undefined) return undefined;
  if (from === undefined) throw invalid('from', 'is required with to');
  if (to === undefined) throw invalid('to', 'is required with from');
  if (at !== undefined) throw invalid('at', 'cannot be combined with from and to');
  if (from >= to) throw invalid('from', 'must be before to');
  return { fromMs: from, toMs: to };
}
