// Live counts as server-sent events.
import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import type { SpaceId } from '../domain/ids.ts';
import { existing, type TopologyHistory } from '../domain/topology-history.ts';
import type { LiveCounts } from '../live/live-counts.ts';
import { parsePlaces } from '../live/place-vector.ts';
import { EventStream, Heartbeat } from './event-stream.ts';
import { check } from './problem.ts';

const SPACES_MAX = 1_000;

const streamQuery = z.strictObject({
  space_id: z.string().regex(/^\d{1,9}(,\d{1,9})*$/, 'must be ids of spaces, such as 1 or 1,2,3')
    .transform((text) => [...new Set(text.split(',').map((id) => Number(id) as SpaceId))])
    .refine((ids) => ids.length <= SPACES_MAX, `must name at most ${SPACES_MAX} spaces; leave it out for all`)
    .optional(),
});

export function streamRoutes(router: Router, live: LiveCounts, topology: TopologyHistory, heartbeatMs: number): void {
  const heartbeat = new Heartbeat(heartbeatMs);
  router.get('/counts/stream', async (ctx) => {
    const { space_id: spaceIds } = check(streamQuery, ctx.query);
    for (const id of spaceIds ?? []) existing(topology.latest().space(id), `space ${id}`);
    await stream(ctx, live, spaceIds ?? null, heartbeat);
  });
}

async function stream(ctx: Context, live: LiveCounts, spaceIds: readonly SpaceId[] | null, heartbeat: Heartbeat): Promise<void> {
  const { res } = ctx;
  ctx.status = 200;
  ctx.type = 'text/event-stream; charset=utf-8';
  ctx.set('cache-control', 'no-store');
  // Proxies that hold back a response until it is whole (nginx) would hold this one back for ever.
  ctx.set('x-accel-buffering', 'no');
  if (ctx.method === 'HEAD') return;
  const subscription = await live.subscribe(spaceIds, parsePlaces(ctx.get('last-event-id')));
  if (res.destroyed) {
    subscription.close();
    return;
  }
  // From here on the answer is written as it comes, and not by Koa.
  ctx.respond = false;
  const events = new EventStream(res);
  const stopBeating = heartbeat.add(() => events.beat(subscription.place()));
  res.on('drain', () => subscription.drained());
  res.once('close', () => {
    stopBeating();
    subscription.close();
  });
  subscription.open(events);
}
