// What a display asks for: a code, what its space is, and the live count. The space is in the path, and the cookie of a display only
// opens that of its own space.
import { z } from 'zod';
import { formatInstant } from '../../domain/instant.ts';
import { existing, type TopologyHistory } from '../../domain/topology-history.ts';
import type { LiveCounts } from '../../live/live-counts.ts';
import { SharedInterval } from '../../runtime/shared-interval.ts';
import type { PendingDisplay } from '../../ports/displays.ts';
import { CookieLookups } from '../auth/cookie-lookups.ts';
import { displayCookie, setDisplayCookie } from '../auth/display-cookie.ts';
import { shownCode, type Displays } from '../auth/displays.ts';
import type { PairingLimits } from '../auth/pairing-limits.ts';
import { requiresTokens } from '../request-state.ts';
import { spaceIdInPath } from '../schemas/fields.ts';
import { displayedSpace, pairing, pairingBody } from '../schemas/displays.ts';
import { defineRoute, type Route } from './route.ts';
import { LIVE_EXAMPLE, streamCounts } from './stream-routes.ts';

export interface PublicDisplayDeps {
  readonly displays: Displays;
  readonly limits: PairingLimits;
  readonly topology: TopologyHistory;
  readonly live: LiveCounts;
  readonly heartbeatMs: number;
}

const SPACE = { tag: 'displays', scope: 'read', takesDisplay: true, problems: [404] } as const;
const params = z.strictObject({ space_id: spaceIdInPath });

export function publicDisplayRoutes({ displays, limits, topology, live, heartbeatMs }: PublicDisplayDeps): Route[] {
  const heartbeat = new SharedInterval(heartbeatMs);
  return [
    pairingRoute(displays, limits),
    defineRoute({
      ...SPACE,
      method: 'GET',
      path: '/display/{space_id}',
      operationId: 'getDisplayedSpace',
      summary: 'What a display shows beside the count of its space',
      params,
      success: {
        status: 200,
        description: 'the space',
        schema: displayedSpace,
        example: { space_id: 1, name: 'Hall', capacity: 120 },
      },
      handle: ({ params: { space_id: spaceId } }, ctx) => {
        const { name, capacity } = existing(topology.latest().space(spaceId), `space ${spaceId}`);
        ctx.set('cache-control', 'no-store');
        return { space_id: spaceId, name, capacity };
      },
    }),
    defineRoute({
      ...SPACE,
      method: 'GET',
      path: '/display/{space_id}/stream',
      operationId: 'streamDisplayedCount',
      summary: 'The live count of the space of a display, as server-sent events',
      description: 'The same events as those of `/counts/stream`, of one space.',
      params,
      requestHeaders: { 'last-event-id': { description: 'resume after this event' } },
      success: {
        status: 200,
        description: 'events, until the client disconnects or the display is removed',
        alternatives: { 'text/event-stream': LIVE_EXAMPLE },
      },
      handle: async ({ params: { space_id: spaceId } }, ctx) => {
        existing(topology.latest().space(spaceId), `space ${spaceId}`);
        await streamCounts(ctx, live, [spaceId], heartbeat);
      },
    }),
  ];
}

/** It never tells whether a space exists, because anybody may ask. */
function pairingRoute(displays: Displays, limits: PairingLimits): Route {
  const lookups = new CookieLookups(displays, limits);
  return defineRoute({
    method: 'POST',
    path: '/display/pairings',
    operationId: 'pairDisplay',
    tag: 'displays',
    summary: 'Ask for the code that a display shows, and whether it has been confirmed',
    description:
      'A display asks for this until it is paired. The answer sets a cookie, which reads the count of the space once a person has confirmed the code with `POST /displays`. ' +
      'A code lasts ten minutes. Where the service needs no tokens, every display is paired.',
    scope: null,
    body: pairingBody,
    bodyExample: { space_id: 1 },
    problems: [429],
    success: {
      status: 200,
      description: 'whether the display is paired, or the code to confirm',
      schema: pairing,
      example: { space_id: 1, paired: false, code: 'BCD-FGH', expires_at: '2026-11-24T09:10:00.000Z' },
    },
    handle: async ({ body: { space_id: spaceId } }, ctx) => {
      ctx.set('cache-control', 'no-store');
      const paired = { space_id: spaceId, paired: true, code: null, expires_at: null };
      if (!requiresTokens(ctx)) return paired;
      const credential = displayCookie(ctx, spaceId);
      let pending: PendingDisplay | undefined;
      // Checks the pending code first. In the other order, a display that is confirmed between the two reads would seem to be neither
      // pending nor paired, and would get a new secret.
      const isPaired = await lookups.paired(credential, spaceId, ctx.ip, async () => {
        pending = await displays.pending(credential, spaceId);
      });
      if (credential !== undefined && isPaired) {
        setDisplayCookie(ctx, spaceId, credential);
        return paired;
      }
      if (!pending) {
        await limits.countNew(ctx.ip);
        const begun = await displays.begin(spaceId).catch(async (error: unknown) => {
          await limits.forgiveNew(ctx.ip);
          throw error;
        });
        setDisplayCookie(ctx, spaceId, begun.credential);
        ({ pending } = begun);
      }
      const { code, expiresMs } = pending;
      return { space_id: spaceId, paired: false, code: shownCode(code), expires_at: formatInstant(expiresMs) };
    },
  });
}
