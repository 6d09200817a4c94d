// Entrances, exits and counts per interval.
import { z } from 'zod';
import type { AsKnown, KnownAt } from '../../counts/as-known.ts';
import type { Counts, GivenIntervals } from '../../counts/counts.ts';
import type { IntervalsOfSpaces } from '../../counts/intervals-of-spaces.ts';
import { formatAsOf } from '../../domain/as-of.ts';
import type { SpaceId } from '../../domain/ids.ts';
import type { Space } from '../../domain/topology.ts';
import { existing, type TopologyHistory } from '../../domain/topology-history.ts';
import { history, IF_NONE_MATCH } from '../middleware/caching.ts';
import { INTERVAL_EXAMPLE, intervalJson } from '../counts-json.ts';
import { answerCsv, csvExample } from '../csv-answer.ts';
import { boundsOf, intervalsNote, knownSpan } from '../interval-span.ts';
import { defineRoute, type Route } from './route.ts';
import { spaceIdInPath, spaceIdsInQuery } from '../schemas/fields.ts';
import { AS_OF_HEADER, knownAtInQuery } from '../schemas/known-at.ts';
import * as resources from '../schemas/resources.ts';
import { timeZone, timeZoneOrSpace, writtenIn } from '../zoned-times.ts';

const SPACES_MAX = 100;
const spanQuery = z.strictObject({ ...knownSpan, ...timeZoneOrSpace, known_at: knownAtInQuery().optional() });

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
  readonly asKnown: AsKnown;
  readonly intervalsOfSpaces: IntervalsOfSpaces;
  readonly topology: TopologyHistory;
  readonly now: () => number;
}

export function intervalsRoutes(deps: IntervalsDeps): Route[] {
  return [ofSpace(deps), ofSpaces(deps)];
}

function ofSpace(deps: IntervalsDeps): Route {
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
      headers: AS_OF_HEADER,
    },
    handle: async ({ params: { space_id: id }, query: { known_at: knownAt, tz, ...span } }, ctx) => {
      const asked = await askedSpace(deps, id, knownAt);
      const { timeZone } = asked.space;
      const bounds = boundsOf(span, 1, timeZone, asked.nowMs);
      const [given] = await oneByOne([asked], [bounds]);
      const written = writtenIn(tz, timeZone);
      const found = (given?.intervals ?? []).map((interval) => intervalJson(interval, asked.space.capacity, written));
      if (given) ctx.set('as-of', placeOf(given));
      // Each representation has an etag of its own.
      return history(ctx, areFinal(found), answerCsv(ctx, INTERVAL_COLUMNS, found));
    },
  });
}

function ofSpaces(deps: IntervalsDeps): Route {
  return defineRoute({
    ...COMMON,
    path: '/counts/intervals',
    operationId: 'listIntervalsOfSpaces',
    summary: 'Entrances, exits and counts of several spaces, per interval',
    query: z.strictObject({
      space_id: spaceIdsInQuery(SPACES_MAX),
      ...knownSpan,
      ...timeZone,
      known_at: knownAtInQuery('. For several spaces, the places of all of them, separated by commas').optional(),
    }),
    success: {
      status: 200,
      description: 'the intervals, space by space, oldest first',
      schema: z.array(resources.spaceInterval),
      example: [{ space_id: 1, ...INTERVAL_EXAMPLE }],
      alternatives: { 'text/csv': csvExample(['space_id', ...INTERVAL_COLUMNS], { space_id: 1, ...INTERVAL_EXAMPLE }) },
      headers: AS_OF_HEADER,
    },
    handle: async ({ query: { space_id: ids, known_at: knownAt, tz, ...span } }, ctx) => {
      const nowMs = deps.now();
      const spaces: AskedSpace[] = [];
      for (const id of ids) spaces.push(await askedSpace({ ...deps, now: () => nowMs }, id, knownAt));
      const bounds = spaces.map((asked) => boundsOf(span, spaces.length, asked.space.timeZone, asked.nowMs));
      const written = writtenIn(tz);
      const given = knownAt ? await oneByOne(spaces, bounds) : await together(deps, spaces, bounds);
      const found = given.flatMap(({ asked: { space }, intervals }) =>
        intervals.map((interval) => ({ space_id: space.id, ...intervalJson(interval, space.capacity, written) })),
      );
      ctx.set('as-of', given.map(placeOf).join(','));
      return history(ctx, areFinal(found), answerCsv(ctx, ['space_id', ...INTERVAL_COLUMNS], found));
    },
  });
}

/** A space as it is, or as it was known. */
interface AskedSpace {
  readonly space: Space;
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
  const space = existing((known?.topology ?? topology).latest().space(id), `space ${id}`);
  return known ? { space, counts: known.counts, nowMs: known.asOf.atMs } : { space, counts, nowMs: now() };
}

interface Given extends GivenIntervals {
  readonly asked: AskedSpace;
}

/** Each with a topology and a history of its own, if they are as they were known. */
async function oneByOne(spaces: readonly AskedSpace[], bounds: readonly (readonly number[])[]): Promise<Given[]> {
  const given: Given[] = [];
  for (const [n, asked] of spaces.entries())
    given.push({ asked, ...(await asked.counts.intervals(asked.space.id, bounds[n] ?? [])) });
  return given;
}

async function together(
  { intervalsOfSpaces }: IntervalsDeps,
  spaces: readonly AskedSpace[],
  bounds: readonly (readonly number[])[],
): Promise<Given[]> {
  const found = await intervalsOfSpaces.of(
    spaces.map(({ space: { id: spaceId } }, n) => ({ spaceId, boundsMs: bounds[n] ?? [] })),
  );
  return spaces.flatMap((asked, n) => (found[n] ? [{ asked, ...found[n] }] : []));
}

function placeOf({ asOf, asked: { nowMs } }: Given): string {
  return formatAsOf({ ...asOf, atMs: nowMs });
}

function areFinal(found: readonly { readonly final: boolean }[]): boolean {
  return found.every(({ final }) => final);
}
