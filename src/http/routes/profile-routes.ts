// How full a space usually is, by hour of the week.
import { z } from 'zod';
import type { AsKnown } from '../../counts/as-known.ts';
import type { Profiles } from '../../counts/profiles.ts';
import { formatAsOf } from '../../domain/as-of.ts';
import { formatInstant, LATEST_STORABLE_MS } from '../../domain/instant.ts';
import type { TopologyHistory } from '../../domain/topology-history.ts';
import { DAY_MS } from '../../domain/zone.ts';
import { answerCsv, csvExample } from '../csv-answer.ts';
import { history, IF_NONE_MATCH } from '../middleware/caching.ts';
import { invalid } from '../problem.ts';
import { HOUR_EXAMPLE, hourJson, PROFILE_EXAMPLE, profileJson } from '../profile-json.ts';
import { instantInQuery, spaceIdInPath, wholeNumberInQuery } from '../schemas/fields.ts';
import { AS_OF_HEADER, knownAtInQuery } from '../schemas/known-at.ts';
import { profile } from '../schemas/profile.ts';
import { timeZoneOrSpace, writtenIn } from '../zoned-times.ts';
import { defineRoute, type Route } from './route.ts';

const DEFAULT_DAYS = 28;
/** A leap year. The limit bounds the work, which grows with the number of hours. */
const DAYS_MAX = 366;
const COUNT_MAX = 1_000_000_000;
const CSV_COLUMNS = ['weekday', 'hour', 'seconds', 'mean', 'median', 'p90', 'peak', 'entrances', 'exits'] as const;

const DESCRIPTION = `For each hour of the week by the clock of the space's time zone: the mean of the count over time, the counts that were not exceeded for half of the time (\`median\`) and for nine tenths of it (\`p90\`), the peak, and who entered and left. The same for the whole span. With \`above\`, \`seconds_above\` says how long there were more people than that. A span ends at the latest now, and has at most ${DAYS_MAX} days. Accept text/csv to get the hours as CSV.`;

const query = z.strictObject({
  start: instantInQuery(`start of the span, inclusive; default: ${DEFAULT_DAYS} days before \`end\``).optional(),
  end: instantInQuery('end of the span, exclusive; default: now, or the instant of `known_at`').optional(),
  known_at: knownAtInQuery().optional(),
  above: wholeNumberInQuery({
    minimum: 0,
    maximum: COUNT_MAX,
    description: 'adds how long there were more people than this',
  }).optional(),
  ...timeZoneOrSpace,
});

interface ProfileDeps {
  readonly profiles: Profiles;
  readonly asKnown: AsKnown;
  readonly topology: TopologyHistory;
  readonly now: () => number;
}

export function profileRoutes({ profiles, asKnown, topology, now }: ProfileDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/counts/{space_id}/profile',
      operationId: 'profileSpace',
      tag: 'counts',
      summary: 'How full a space usually is, by hour of the week',
      description: DESCRIPTION,
      scope: 'read',
      params: z.strictObject({ space_id: spaceIdInPath }),
      query,
      problems: [404, 406],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'the profile; hours of the week that are not in the span are left out',
        schema: profile,
        example: PROFILE_EXAMPLE,
        alternatives: { 'text/csv': csvExample(CSV_COLUMNS, HOUR_EXAMPLE) },
        headers: AS_OF_HEADER,
      },
      handle: async ({ params: { space_id: spaceId }, query: { start, end, above, known_at: knownAt, tz } }, ctx) => {
        const known = knownAt && (await asKnown.space(spaceId, knownAt));
        const nowMs = known?.asOf.atMs ?? now();
        const { startMs, endMs } = spanOf(start, end, nowMs);
        const found = await (known?.profiles ?? profiles).between(spaceId, startMs, endMs);
        const place = { ...found.asOf, atMs: nowMs };
        ctx.set('as-of', formatAsOf(place));
        const columns = above === undefined ? CSV_COLUMNS : ([...CSV_COLUMNS, 'seconds_above'] as const);
        const rows = found.hours.map((hour) => hourJson(hour, above));
        const answer = answerCsv(ctx, columns, rows);
        const isFinal = end !== undefined && end <= nowMs && found.isFinal;
        const written = writtenIn(tz, topology.latest().space(spaceId)?.timeZone);
        return history(ctx, isFinal, answer === rows ? profileJson({ ...found, asOf: place }, above, written) : answer);
      },
    }),
  ];
}

/** @throws HttpProblem 422 for a span that is empty, in the future, or too long */
function spanOf(start: number | undefined, end: number | undefined, nowMs: number): { startMs: number; endMs: number } {
  const endMs = Math.min(end ?? nowMs, nowMs, LATEST_STORABLE_MS);
  const startMs = start ?? endMs - DEFAULT_DAYS * DAY_MS;
  if (end !== undefined && startMs >= end) throw invalid('start', 'must be before end');
  if (startMs >= endMs) throw invalid('start', `must be before now, ${formatInstant(nowMs)}`);
  if (endMs - startMs > DAYS_MAX * DAY_MS) throw invalid('start', `must be at most ${DAYS_MAX} days before end`);
  return { startMs, endMs };
}
