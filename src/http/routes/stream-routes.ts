// Live counts as server-sent events.
import type { Context } from 'koa';
import { z } from 'zod';
import type { SpaceId } from '../../domain/ids.ts';
import { existing, type TopologyHistory } from '../../domain/topology-history.ts';
import type { LiveCounts } from '../../live/live-counts.ts';
import { parseFeedPlaces } from '../../live/place-vector.ts';
import { SharedInterval } from '../../runtime/shared-interval.ts';
import { whileAdmitted } from '../auth/auth.ts';
import { EventStream } from '../event-stream.ts';
import { defineRoute, type Route } from './route.ts';
import { spaceIdsInQuery } from '../schemas/fields.ts';

const SPACES_MAX = 1_000;
const streamQuery = z.strictObject({ space_id: spaceIdsInQuery(SPACES_MAX, '; default: all').optional() });

export const LIVE_EXAMPLE = `event: snapshot
id: 6.mie4x2a1.2
data: {"space_id":1,"sequence":4711,"timestamp":"2018-02-26T15:34:00.000Z","count":12,"net":12,"drift":0,"last_reading_at":"2018-02-26T15:33:58.000Z","watermark":"2018-02-26T15:33:53.000Z","final":false,"settled":true}

`;

export function streamRoutes(live: LiveCounts, topology: TopologyHistory, heartbeatMs: number): Route[] {
  const heartbeat = new SharedInterval(heartbeatMs);
  return [
    defineRoute({
      method: 'GET',
      path: '/counts/stream',
      operationId: 'streamCounts',
      tag: 'counts',
      summary: 'Live counts as server-sent events',
      scope: 'read',
      description: 'The events are `snapshot`, `change`, `correction` and `lagged`, described in docs/live-stream.md.',
      query: streamQuery,
      problems: [404],
      requestHeaders: { 'last-event-id': { description: 'resume after this event' } },
      success: {
        status: 200,
        description: 'events, until the client disconnects',
        alternatives: { 'text/event-stream': LIVE_EXAMPLE },
      },
      handle: async ({ query: { space_id: spaceIds } }, ctx) => {
        for (const id of spaceIds ?? []) existing(topology.latest().space(id), `space ${id}`);
        await streamCounts(ctx, live, spaceIds ?? null, heartbeat);
      },
    }),
  ];
}

/** Answers with the events of these spaces, or of all, until the client disconnects or is not admitted any more. */
export async function streamCounts(
  ctx: Context,
  live: LiveCounts,
  spaceIds: readonly SpaceId[] | null,
  heartbeat: SharedInterval,
): Promise<void> {
  const { res } = ctx;
  ctx.status = 200;
  ctx.type = 'text/event-stream; charset=utf-8';
  ctx.set('cache-control', 'no-store');
  // Otherwise a buffering proxy such as nginx would hold back the response indefinitely.
  ctx.set('x-accel-buffering', 'no');
  if (ctx.method === 'HEAD') return;
  const subscription = await live.subscribe(spaceIds, parseFeedPlaces(ctx.get('last-event-id')));
  if (res.destroyed) {
    subscription.close();
    return;
  }
  // The stream writes to the response itself, so Koa must not end it.
  ctx.respond = false;
  const events = new EventStream(res, () => subscription.drained());
  const stops = [
    heartbeat.add(() => events.beat(subscription.place())),
    whileAdmitted(ctx, () => end()),
    () => subscription.close(),
  ];
  const stop = (): void => stops.forEach((each) => each());
  const end = (): void => {
    stop();
    events.end();
  };
  res.once('close', stop);
  subscription.open(events);
}
