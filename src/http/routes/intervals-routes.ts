// How many people per interval.
import { z } from 'zod';
import type { Counts } from '../../counts/counts.ts';
import { END_MS } from '../../domain/instant.ts';
import { intervalBounds, intervalCount, parseInterval } from '../../domain/interval.ts';
import type { Space } from '../../domain/topology.ts';
import { existing, type TopologyHistory } from '../../domain/topology-history.ts';
import { DAY_MS } from '../../domain/zone.ts';
import { history, IF_NONE_MATCH } from '../middleware/caching.ts';
import { INTERVAL_EXAMPLE, intervalJson } from '../counts-json.ts';
import { answerCsv } from '../csv-answer.ts';
import { invalid } from '../problem.ts';
import { defineRoute, type Route } from './route.ts';
import { field, instantInQuery, spaceIdInPath, spaceIdsInQuery } from '../schemas/fields.ts';
import * as resources from '../schemas/resources.ts';

const INTERVALS_MAX = 10_000;

const span = {
  start: instantInQuery('from when; otherwise a day before the end').optional(),
  end: instantInQuery('until just before when; otherwise now').optional(),
  interval: field(
    {
      type: 'string',
      pattern: '^[1-9]\\d{0,4}[mhdw]$',
      description:
        'a whole number of minutes or hours up to a week, such as 15m or 1h, or 1d or 1w; days and weeks follow the zone of the space',
      examples: ['1h'],
    },
    'must be a whole number of minutes or hours up to a week, such as 15m or 1h, or 1d or 1w',
    (value) => (typeof value === 'string' ? parseInterval(value) : undefined),
  )
    .prefault('15m')
    .meta({ default: '15m' }),
};

const spanQuery = z.strictObject(span);
type Span = z.infer<typeof spanQuery>;

const CSV_COLUMNS = ['start', 'end', 'entrances', 'exits', 'min', 'max', 'count', 'utilization', 'final'] as const;

export function intervalsRoutes(counts: Counts, topology: TopologyHistory, now: () => number): Route[] {
  const intervals = async (space: Space, bounds: readonly number[]) =>
    (await counts.intervals(space.id, bounds)).map((answer) => intervalJson(answer, space.capacity));
  const spaceOf = (id: Space['id']): Space => existing(topology.latest().space(id), `space ${id}`);
  const description = `Cut at multiples of the interval, so that the first and the last may reach beyond \`start\` and \`end\`. At most ${INTERVALS_MAX.toLocaleString('en')} in an answer. As CSV when you accept text/csv.`;
  return [
    defineRoute({
      method: 'GET',
      path: '/counts/{space_id}/intervals',
      operationId: 'listIntervals',
      tag: 'counts',
      summary: 'How many people in a space, per interval',
      scope: 'read',
      description,
      params: z.strictObject({ space_id: spaceIdInPath }),
      query: spanQuery,
      problems: [404, 406],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'the intervals, oldest first',
        schema: z.array(resources.interval),
        example: [INTERVAL_EXAMPLE],
        alternatives: { 'text/csv': csvExample(CSV_COLUMNS, INTERVAL_EXAMPLE) },
      },
      handle: async ({ params: { space_id: id }, query }, ctx) => {
        const space = spaceOf(id);
        const found = await intervals(space, boundsOf(query, 1, space.timeZone, now()));
        const body = history(
          ctx,
          found.every(({ final }) => final),
          found,
        );
        return body && answerCsv(ctx, CSV_COLUMNS, body);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/counts/intervals',
      operationId: 'listIntervalsOfSpaces',
      tag: 'counts',
      summary: 'How many people in several spaces, per interval',
      scope: 'read',
      description,
      query: z.strictObject({ space_id: spaceIdsInQuery, ...span }),
      problems: [404, 406],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'the intervals, space by space, oldest first',
        schema: z.array(resources.spaceInterval),
        example: [{ space_id: 1, ...INTERVAL_EXAMPLE }],
        alternatives: { 'text/csv': csvExample(['space_id', ...CSV_COLUMNS], { space_id: 1, ...INTERVAL_EXAMPLE }) },
      },
      handle: async ({ query: { space_id: ids, ...query } }, ctx) => {
        const spaces = ids.map(spaceOf);
        const nowMs = now();
        const bounds = spaces.map(({ timeZone }) => boundsOf(query, spaces.length, timeZone, nowMs));
        const found: ({ space_id: number } & ReturnType<typeof intervalJson>)[] = [];
        // One after the other: a question about many spaces is not to take history from everybody else.
        for (const [index, space] of spaces.entries()) {
          for (const interval of await intervals(space, bounds[index] ?? []))
            found.push({ space_id: space.id, ...interval });
        }
        const body = history(
          ctx,
          found.every(({ final }) => final),
          found,
        );
        return body && answerCsv(ctx, ['space_id', ...CSV_COLUMNS], body);
      },
    }),
  ];
}

/** @throws HttpProblem 422 that says what to do */
function boundsOf({ start, end, interval }: Span, spaces: number, zone: string, nowMs: number): number[] {
  const endMs = end ?? nowMs;
  const startMs = start ?? endMs - DAY_MS;
  if (startMs >= endMs) throw invalid('start', 'must be before end');
  const count = intervalCount(startMs, endMs, interval) * spaces;
  if (count > INTERVALS_MAX) {
    throw invalid(
      'interval',
      `the answer would have ${count} intervals, and ${INTERVALS_MAX} is the most: take a longer interval, a shorter range or fewer spaces`,
    );
  }
  // An interval that reaches beyond the end of time ends there: later instants have no date of four digits.
  return intervalBounds(startMs, endMs, interval, zone).map((ms) => Math.min(ms, END_MS));
}

function csvExample(columns: readonly string[], row: Readonly<Record<string, unknown>>): string {
  return `${columns.join(',')}\n${columns.map((column) => String(row[column])).join(',')}\n`;
}
