// Entrances and exits per interval, of a doorway, and of a DPU wherever it was.
import type { Context } from 'koa';
import { z } from 'zod';
import type { PassageInterval, Passages, PassagesPlace } from '../../counts/passages.ts';
import { formatAsOf } from '../../domain/as-of.ts';
import type { Doorway, Dpu } from '../../domain/topology.ts';
import { existing, type TopologyHistory, type TopologyView } from '../../domain/topology-history.ts';
import { formatTopologyAsOf } from '../../domain/topology-place.ts';
import type { PassageSource } from '../../ports/history.ts';
import { topologyAsKnown } from '../../domain/known-topology.ts';
import { answerCsv, csvExample } from '../csv-answer.ts';
import { boundsOf, intervalsNote, knownSpan } from '../interval-span.ts';
import { history, IF_NONE_MATCH } from '../middleware/caching.ts';
import { doorwayIdInPath, dpuIdInPath } from '../schemas/fields.ts';
import { PASSAGES_AS_OF_HEADER, passagesKnownAtInQuery } from '../schemas/known-at.ts';
import * as resources from '../schemas/resources.ts';
import { timeZoneOrSpace, writtenIn, type Written } from '../zoned-times.ts';
import { defineRoute, type Route } from './route.ts';

const CSV_COLUMNS = ['start', 'end', 'entrances', 'exits', 'final'] as const;
const EXAMPLE = {
  start: '2018-02-26T15:00:00.000Z',
  end: '2018-02-26T15:15:00.000Z',
  entrances: 9,
  exits: 4,
  final: true,
};
const COUNTED =
  'Readings that are held, excluded or deleted count in no space, and not here either. An interval is final once the watermark of the space in which the readings count has passed it.';

const passagesQuery = z.strictObject({
  ...knownSpan,
  ...timeZoneOrSpace,
  known_at: passagesKnownAtInQuery().optional(),
});
type PassagesQuery = z.infer<typeof passagesQuery>;

const COMMON = {
  method: 'GET',
  scope: 'read',
  query: passagesQuery,
  problems: [404, 406],
  requestHeaders: IF_NONE_MATCH,
  success: {
    status: 200,
    description: 'the intervals, oldest first',
    schema: z.array(resources.passageInterval),
    example: [EXAMPLE],
    alternatives: { 'text/csv': csvExample(CSV_COLUMNS, EXAMPLE) },
    headers: PASSAGES_AS_OF_HEADER,
  },
} as const;

interface PassagesRoutesDeps {
  readonly passages: Passages;
  readonly topology: TopologyHistory;
  readonly now: () => number;
}

export function passagesRoutes(deps: PassagesRoutesDeps): Route[] {
  return [
    defineRoute({
      ...COMMON,
      path: '/doorways/{id}/intervals',
      operationId: 'listDoorwayIntervals',
      tag: 'doorways',
      summary: 'Entrances and exits at a doorway, per interval',
      description: `Entrances are in direction 1, into the ingress space, also if that is outside. ${COUNTED} ${intervalsNote('the ingress space, or else of the egress space,')}`,
      params: z.strictObject({ id: doorwayIdInPath }),
      handle: async ({ params: { id: doorwayId }, query }, ctx) =>
        answer(ctx, deps, { doorwayId }, query, (view) =>
          zoneOf(existing(view.doorway(doorwayId), `doorway ${doorwayId}`), view),
        ),
    }),
    defineRoute({
      ...COMMON,
      path: '/dpus/{id}/intervals',
      operationId: 'listDpuIntervals',
      tag: 'dpus',
      summary: 'Entrances and exits that a sensor counted, wherever it was, per interval',
      description: `Entrances are in direction 1. ${COUNTED} An interval in which the sensor was at no doorway is not final. ${intervalsNote('the space of the doorway where the sensor was last placed')}`,
      params: z.strictObject({ id: dpuIdInPath }),
      handle: async ({ params: { id: dpuId }, query }, ctx) =>
        answer(ctx, deps, { dpuId }, query, (view, nowMs) => {
          const dpu = existing(view.dpu(dpuId), `DPU ${dpuId}`);
          return zoneOf(lastDoorway(dpu, view, query.end ?? nowMs), view);
        }),
    }),
  ];
}

/** @param zoneIn the zone whose clock the intervals follow, by some topology and the instant of the question */
async function answer(
  ctx: Context,
  { passages, topology, now }: PassagesRoutesDeps,
  source: PassageSource,
  { known_at: moment, tz, ...span }: PassagesQuery,
  zoneIn: (view: TopologyView, nowMs: number) => string,
): Promise<unknown> {
  const boundsIn = (view: TopologyView, nowMs: number): number[] => boundsOf(span, 1, zoneIn(view, nowMs), nowMs);
  const knownAt = moment && 'place' in moment ? { topology: topologyAsKnown(topology, moment, now()).asOf } : moment;
  const found = await (knownAt ? passages.asKnown(source, boundsIn, knownAt) : passages.of(source, boundsIn));
  const { intervals, view, place } = found;
  ctx.set('as-of', formatted(place));
  return body(ctx, intervals, writtenIn(tz, zoneIn(view, found.nowMs)));
}

function formatted(place: PassagesPlace): string {
  return 'asOf' in place ? place.asOf.map(formatAsOf).join(',') : formatTopologyAsOf(place.topology);
}

function body(ctx: Context, intervals: readonly PassageInterval[], written: Written): unknown {
  const rows = intervals.map(({ startMs, endMs, entrances, exits, isFinal }) => ({
    start: written(startMs),
    end: written(endMs),
    entrances,
    exits,
    final: isFinal,
  }));
  const isFinal = rows.every(({ final }) => final);
  return history(ctx, isFinal, answerCsv(ctx, CSV_COLUMNS, rows));
}

/** The last one before an instant; undefined if the DPU was not at a doorway yet. */
function lastDoorway({ placements }: Dpu, view: TopologyView, endMs: number): Doorway | undefined {
  const placement = placements.findLast(({ doorwayId, fromMs }) => doorwayId !== null && fromMs < endMs);
  const doorwayId = placement?.doorwayId ?? null;
  return doorwayId === null ? undefined : view.doorway(doorwayId);
}

function zoneOf(doorway: Doorway | undefined, view: TopologyView): string {
  const spaceId = doorway?.ingressSpaceId ?? doorway?.egressSpaceId ?? null;
  return (spaceId === null ? undefined : view.space(spaceId)?.timeZone) ?? 'UTC';
}
