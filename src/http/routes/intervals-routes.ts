// Entrances, exits and counts per interval.
import { z } from 'zod';
import type { Counts } from '../../counts/counts.ts';
import { END_MS } from '../../domain/instant.ts';
import { intervalBounds, intervalCount, parseInterval } from '../../domain/interval.ts';
import type { Space } from '../../domain/topology.ts';
import { existing, type TopologyHistory } from '../../domain/topology-history.ts';
import { DAY_MS } from '../../domain/zone.ts';
import { history, IF_NONE_MATCH } from '../middleware/caching.ts';
import { INTERVAL_EXAMPLE, intervalJson } from '../counts-json.ts';
import { answerCsv, csvExample } from '../csv-answer.ts';
import { invalid } from '../problem.ts';
import { defineRoute, type Route } from './route.ts';
import { field, instantInQuery, spaceIdInPath, spaceIdsInQuery } from '../schemas/fields.ts';
import * as resources from '../schemas/resources.ts';

const INTERVALS_MAX = 10_000;
const SPACES_MAX = 100;
const INTERVAL_RULE = 'a whole number of minutes or hours up to a week, such as 15m or 12h, or 1d, 1w or 1M (a month)';

const span = {
  start: instantInQuery('start of the range, inclusive; default: one day before `end`').optional(),
  end: instantInQuery('end of the range, exclusive; default: now').optional(),
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

const spanQuery = z.strictObject(span);
type Span = z.infer<typeof spanQuery>;

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
  readonly topology: TopologyHistory;
  readonly now: () => number;
}

export function intervalsRoutes(deps: IntervalsDeps): Route[] {
  return [intervalsOfSpace(deps), intervalsOfSpaces(deps)];
}

function intervalsOfSpace({ counts, topology, now }: IntervalsDeps): Route {
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
    },
    handle: async ({ params: { space_id: id }, query }, ctx) => {
      const space = spaceIn(topology, id);
      const found = await intervals(counts, space, boundsOf(query, 1, space.timeZone, now()));
      // Each representation has an etag of its own.
      return history(ctx, areFinal(found), answerCsv(ctx, CSV_COLUMNS, found));
    },
  });
}

function intervalsOfSpaces({ counts, topology, now }: IntervalsDeps): Route {
  return defineRoute({
    ...COMMON,
    path: '/counts/intervals',
    operationId: 'listIntervalsOfSpaces',
    summary: 'Entrances, exits and counts of several spaces, per interval',
    query: z.strictObject({ space_id: spaceIdsInQuery(SPACES_MAX), ...span }),
    success: {
      status: 200,
      description: 'the intervals, space by space, oldest first',
      schema: z.array(resources.spaceInterval),
      example: [{ space_id: 1, ...INTERVAL_EXAMPLE }],
      alternatives: { 'text/csv': csvExample(['space_id', ...CSV_COLUMNS], { space_id: 1, ...INTERVAL_EXAMPLE }) },
    },
    handle: async ({ query: { space_id: ids, ...query } }, ctx) => {
      const spaces = ids.map((id) => spaceIn(topology, id));
      const nowMs = now();
      const bounds = spaces.map(({ timeZone }) => boundsOf(query, spaces.length, timeZone, nowMs));
      const found: ({ space_id: number } & ReturnType<typeof intervalJson>)[] = [];
      // One space at a time, so that one request does not occupy ClickHouse at the expense of others.
      for (const [index, space] of spaces.entries()) {
        for (const interval of await intervals(counts, space, bounds[index] ?? []))
          found.push({ space_id: space.id, ...interval });
      }
      return history(ctx, areFinal(found), answerCsv(ctx, ['space_id', ...CSV_COLUMNS], found));
    },
  });
}

function spaceIn(topology: TopologyHistory, id: Space['id']): Space {
  return existing(topology.latest().space(id), `space ${id}`);
}

async function intervals(counts: Counts, { id, capacity }: Space, bounds: readonly number[]) {
  return (await counts.intervals(id, bounds)).map((answer) => intervalJson(answer, capacity));
}

function areFinal(found: readonly { readonly final: boolean }[]): boolean {
  return found.every(({ final }) => final);
}

/** @throws HttpProblem 422 for an empty range, or one with too many intervals */
function boundsOf({ start, end, interval }: Span, spaces: number, zone: string, nowMs: number): number[] {
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
  return intervalBounds(startMs, endMs, interval, zone).map((ms) => Math.min(ms, END_MS));
}
