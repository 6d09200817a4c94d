// Entrances, exits and counts per interval.
import { z } from 'zod';
import type { Counts } from '../../counts/counts.ts';
import type { Space } from '../../domain/topology.ts';
import { existing, type TopologyHistory } from '../../domain/topology-history.ts';
import { history, IF_NONE_MATCH } from '../middleware/caching.ts';
import { INTERVAL_EXAMPLE, intervalJson } from '../counts-json.ts';
import { answerCsv, csvExample } from '../csv-answer.ts';
import { boundsOf, intervalsNote, intervalSpan } from '../interval-span.ts';
import { defineRoute, type Route } from './route.ts';
import { spaceIdInPath, spaceIdsInQuery } from '../schemas/fields.ts';
import * as resources from '../schemas/resources.ts';
import { timeZone, timeZoneOrSpace, writtenIn, type Written } from '../zoned-times.ts';

const SPACES_MAX = 100;
const spanQuery = z.strictObject({ ...intervalSpan, ...timeZoneOrSpace });

export const INTERVAL_COLUMNS = [
  'start',
  'end',
  'entrances',
  'exits',
  'min',
  'max',
  'count',
  'utilization',
  'final',
] as const;
const COMMON = {
  method: 'GET',
  tag: 'counts',
  scope: 'read',
  description: intervalsNote('the space'),
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
      alternatives: { 'text/csv': csvExample(INTERVAL_COLUMNS, INTERVAL_EXAMPLE) },
    },
    handle: async ({ params: { space_id: id }, query }, ctx) => {
      const space = spaceIn(topology, id);
      const found = await intervals(
        counts,
        space,
        boundsOf(query, 1, space.timeZone, now()),
        writtenIn(query.tz, space.timeZone),
      );
      // Each representation has an etag of its own.
      return history(ctx, areFinal(found), answerCsv(ctx, INTERVAL_COLUMNS, found));
    },
  });
}

function intervalsOfSpaces({ counts, topology, now }: IntervalsDeps): Route {
  return defineRoute({
    ...COMMON,
    path: '/counts/intervals',
    operationId: 'listIntervalsOfSpaces',
    summary: 'Entrances, exits and counts of several spaces, per interval',
    query: z.strictObject({ space_id: spaceIdsInQuery(SPACES_MAX), ...intervalSpan, ...timeZone }),
    success: {
      status: 200,
      description: 'the intervals, space by space, oldest first',
      schema: z.array(resources.spaceInterval),
      example: [{ space_id: 1, ...INTERVAL_EXAMPLE }],
      alternatives: { 'text/csv': csvExample(['space_id', ...INTERVAL_COLUMNS], { space_id: 1, ...INTERVAL_EXAMPLE }) },
    },
    handle: async ({ query: { space_id: ids, ...query } }, ctx) => {
      const spaces = ids.map((id) => spaceIn(topology, id));
      const nowMs = now();
      const bounds = spaces.map((space) => boundsOf(query, spaces.length, space.timeZone, nowMs));
      const found: ({ space_id: number } & ReturnType<typeof intervalJson>)[] = [];
      // One space at a time, so that one request does not occupy ClickHouse at the expense of others.
      for (const [index, space] of spaces.entries()) {
        for (const interval of await intervals(counts, space, bounds[index] ?? [], writtenIn(query.tz)))
          found.push({ space_id: space.id, ...interval });
      }
      return history(ctx, areFinal(found), answerCsv(ctx, ['space_id', ...INTERVAL_COLUMNS], found));
    },
  });
}

function spaceIn(topology: TopologyHistory, id: Space['id']): Space {
  return existing(topology.latest().space(id), `space ${id}`);
}

async function intervals(counts: Counts, { id, capacity }: Space, bounds: readonly number[], written: Written) {
  return (await counts.intervals(id, bounds)).map((answer) => intervalJson(answer, capacity, written));
}

function areFinal(found: readonly { readonly final: boolean }[]): boolean {
  return found.every(({ final }) => final);
}
