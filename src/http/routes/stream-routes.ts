// Live counts as server-sent events.
import type { Context } from 'koa';
import { z } from 'zod';
import type { SpaceId } from '../../domain/ids.ts';
import { existing, type TopologyHistory } from '../../domain/topology-history.ts';
import type { LiveCounts } from '../../live/live-counts.ts';
import { parsePlaces } from '../../live/place-vector.ts';
import { whileAdmitted } from '../auth/auth.ts';
import { EventStream, Heartbeat } from '../event-stream.ts';
import { defineRoute, type Route } from './route.ts';
import { field } from '../schemas/fields.ts';

const SPACES_MAX = 1_000;

const IDS = /^\d{1,9}(,\d{1,9})*$/;
const IDS_ERROR = `must be ids of at most ${SPACES_MAX} spaces, such as 1 or 1,2,3; leave it out for all`;

const streamQuery = z.strictObject({
  space_id: field(
    {
      type: 'string',
      pattern: IDS.source,
      description: `ids of up to ${SPACES_MAX} spaces, with commas between them; otherwise all`,
      examples: ['1,2'],
    },
    IDS_ERROR,
    (value) => {
      if (typeof value !== 'string' || !IDS.test(value)) return undefined;
      const ids = [...new Set(value.split(',').map((id) => Number(id) as SpaceId))];
      return ids.length <= SPACES_MAX ? ids : undefined;
    },
  ).optional(),
});

const EXAMPLE = `event: snapshot
id: 6.mie4x2a1.2
data: {"space_id":1,"sequence":4711,"timestamp":"2018-02-26T15:34:00.000Z","count":12,"net":12,"drift":0,"last_reading_at":"2018-02-26T15:33:58.000Z","watermark":"2018-02-26T15:33:53.000Z","final":false,"settled":true}

`;

export function streamRoutes(live: LiveCounts, topology: TopologyHistory, heartbeatMs: number): Route[] {
  const heartbeat = new Heartbeat(heartbeatMs);
  return [
    defineRoute({
      method: 'GET',
      path: '/counts/stream',
      operationId: 'streamCounts',
      tag: 'counts',
      summary: 'Counts as they change, as server-sent events',
      scope: 'read',
      description:
        'Events are `snapshot`, `change`, `correction`, `lagged` and `stale`; docs/live-stream.md says what each means.',
      query: streamQuery,
      problems: [404],
      requestHeaders: { 'last-event-id': { description: 'resumes after this event' } },
      success: {
        status: 200,
        description: 'events, until you go away',
        alternatives: { 'text/event-stream': EXAMPLE },
      },
      handle: async ({ query: { space_id: spaceIds } }, ctx) => {
        for (const id of spaceIds ?? []) existing(topology.latest().space(id), `space ${id}`);
        await stream(ctx, live, spaceIds ?? null, heartbeat);
      },
    }),
  ];
}

async function stream(
  ctx: Context,
  live: LiveCounts,
  spaceIds: readonly SpaceId[] | null,
  heartbeat: Heartbeat,
): Promise<void> {
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
