// Entrances, exits and counts per interval.
import { z } from 'zod';
import type { AsKnown, KnownAt } from '../../counts/as-known.ts';
import type { Counts } from '../../counts/counts.ts';
import { formatAsOf, type AsOf } from '../../domain/as-of.ts';
import type { SpaceId } from '../../domain/ids.ts';
import { END_MS } from '../../domain/instant.ts';
import { intervalBounds, intervalCount, parseInterval } from '../../domain/interval.ts';
import { existing, type TopologyHistory } from '../../domain/topology-history.ts';
import { DAY_MS } from '../../domain/zone.ts';
import { history, IF_NONE_MATCH } from '../middleware/caching.ts';
import { INTERVAL_EXAMPLE, intervalJson } from '../counts-json.ts';
import { answerCsv, csvExample } from '../csv-answer.ts';
import { invalid } from '../problem.ts';
import { defineRoute, type Route } from './route.ts';
import { field, instantInQuery, spaceIdInPath, spaceIdsInQuery } from '../schemas/fields.ts';
import { AS_OF_HEADER, knownAtInQuery } from '../schemas/known-at.ts';
import * as resources from '../schemas/resources.ts';

const INTERVALS_MAX = 10_000;
const SPACES_MAX = 100;
const INTERVAL_RULE = 'a whole number of minutes or hours up to a week, such as 15m or 12h, or 1d, 1w or 1M (a month)';

const span = {
  start: instantInQuery('start of the range, inclusive; default: one day before `end`').optional(),
  end: instantInQuery('end of the range, exclusive; default: now, or the instant of `known_at`').optional(),
  interval: field(
    {
      type: 'string',
      pattern: '^[1-9]\\d{0,4}[mhdwM]$',
      description: `${INTERVAL_RULE}; all follow the clock of the space's time zone`,
      examples: ['1h'],
    },
    `must be ${INTERVAL_RULE}`,
    (value) => (typeof value === 'string' ? parseInterval(value) : undefined),
  )
    .prefault('15m')
    .meta({ default: '15m' }),
};

const spanQuery = z.strictObject({ ...span, known_at: knownAtInQuery().optional() });
type Span = Omit<z.infer<typeof spanQuery>, 'known_at'>;

const CSV_COLUMNS = ['start', 'end', 'entrances', 'exits', 'min', 'max', 'count', 'utilization', 'final'] as const;
const COMMON = {
  method: 'GET',
  tag: 'counts',
  scope: 'read',
  description: `Intervals begin where the clock of the space shows a multiple of their length (days at midnight, weeks on Monday, months on the first), so the first and the last may extend beyond \`start\` and \`end\`. When the clocks change, an interval is longer or shorter. An answer has at most ${INTERVALS_MAX.toLocaleString('en')} intervals. Accept text/csv to get CSV.`,
  problems: [404, 406],
  requestHeaders: IF_NONE_MATCH,
} as const;

interface IntervalsDeps {
  readonly counts: Counts;
  readonly asKnown: AsKnown;
  readonly topology: TopologyHistory;
  readonly now: () => number;
}

export function intervalsRoutes(deps: IntervalsDeps): Route[] {
  return [intervalsOfSpace(deps), intervalsOfSpaces(deps)];
}

function intervalsOfSpace(deps: IntervalsDeps): Route {
  return defineRoute({
    ...COMMON,
    path: '/counts/{space_id}/intervals',
    operationId: 'listIntervals',
    summary: 'Entrances, exits and counts of a space, per interval',
    params: z.strictObject({ space_id: spaceIdInPath }),
    query: spanQuery,
    success: {
      status: 200,
      description: 'the intervals, oldest first',
      schema: z.array(resources.interval),
      example: [INTERVAL_EXAMPLE],
      alternatives: { 'text/csv': csvExample(CSV_COLUMNS, INTERVAL_EXAMPLE) },
      headers: AS_OF_HEADER,
    },
    handle: async ({ params: { space_id: id }, query: { known_at: knownAt, ...query } }, ctx) => {
      const space = await askedSpace(deps, id, knownAt);
      const { found, asOf } = await intervals(space, boundsOf(query, 1, space));
      ctx.set('as-of', formatAsOf(asOf));
      // Each representation has an etag of its own.
      return history(ctx, areFinal(found), answerCsv(ctx, CSV_COLUMNS, found));
    },
  });
}

function intervalsOfSpaces(deps: IntervalsDeps): Route {
  return defineRoute({
    ...COMMON,
    path: '/counts/intervals',
    operationId: 'listIntervalsOfSpaces',
    summary: 'Entrances, exits and counts of several spaces, per interval',
    query: z.strictObject({
      space_id: spaceIdsInQuery(SPACES_MAX),
      ...span,
      known_at: knownAtInQuery('. For several spaces, the places of all of them, separated by commas').optional(),
    }),
    success: {
      status: 200,
      description: 'the intervals, space by space, oldest first',
      schema: z.array(resources.spaceInterval),
      example: [{ space_id: 1, ...INTERVAL_EXAMPLE }],
      alternatives: { 'text/csv': csvExample(['space_id', ...CSV_COLUMNS], { space_id: 1, ...INTERVAL_EXAMPLE }) },
      headers: AS_OF_HEADER,
    },
    handle: async ({ query: { space_id: ids, known_at: knownAt, ...query } }, ctx) => {
      const nowMs = deps.now();
      const spaces: AskedSpace[] = [];
      for (const id of ids) spaces.push(await askedSpace({ ...deps, now: () => nowMs }, id, knownAt));
      const bounds = spaces.map((space) => boundsOf(query, spaces.length, space));
      const found: ({ space_id: number } & ReturnType<typeof intervalJson>)[] = [];
      const places: AsOf[] = [];
      // One space at a time, so that one request does not occupy ClickHouse at the expense of others.
      for (const [index, space] of spaces.entries()) {
        const answer = await intervals(space, bounds[index] ?? []);
        places.push(answer.asOf);
        for (const interval of answer.found) found.push({ space_id: space.id, ...interval });
      }
      ctx.set('as-of', places.map(formatAsOf).join(','));
      return history(ctx, areFinal(found), answerCsv(ctx, ['space_id', ...CSV_COLUMNS], found));
    },
  });
}

/** A space as it is, or as it was known. */
interface AskedSpace {
  readonly id: SpaceId;
  readonly timeZone: string;
  readonly topology: Pick<TopologyHistory, 'latest'>;
  readonly counts: Counts;
  /** The instant of the question. */
  readonly nowMs: number;
}

async function askedSpace(
  { counts, asKnown, topology, now }: IntervalsDeps,
  id: SpaceId,
  knownAt: KnownAt | undefined,
): Promise<AskedSpace> {
  const known = knownAt && (await asKnown.space(id, knownAt));
  const asked = known ? { ...known, nowMs: known.asOf.atMs } : { counts, topology, nowMs: now() };
  const { timeZone } = existing(asked.topology.latest().space(id), `space ${id}`);
  return { ...asked, id, timeZone };
}

async function intervals({ id, topology, counts, nowMs }: AskedSpace, bounds: readonly number[]) {
  const capacity = existing(topology.latest().space(id), `space ${id}`).capacity;
  const { intervals: answers, asOf } = await counts.intervals(id, bounds);
  return { found: answers.map((answer) => intervalJson(answer, capacity)), asOf: { ...asOf, atMs: nowMs } };
}

function areFinal(found: readonly { readonly final: boolean }[]): boolean {
  return found.every(({ final }) => final);
}

/** @throws HttpProblem 422 for an empty range, or one with too many intervals */
function boundsOf({ start, end, interval }: Span, spaces: number, { timeZone, nowMs }: AskedSpace): number[] {
  const endMs = end ?? nowMs;
  const startMs = start ?? endMs - DAY_MS;
  if (startMs >= endMs) throw invalid('start', 'must be before end');
  const count = intervalCount(startMs, endMs, interval) * spaces;
  if (count > INTERVALS_MAX) {
    throw invalid(
      'interval',
      `the answer would have ${count} intervals, more than the maximum of ${INTERVALS_MAX}: use a longer interval, a shorter range or fewer spaces`,
    );
  }
  // Instants after END_MS have no four-digit year and cannot be formatted.
  return intervalBounds(startMs, endMs, interval, timeZone).map((ms) => Math.min(ms, END_MS));
}
