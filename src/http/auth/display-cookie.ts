// The cookie that the browser of a display keeps. It is sent to the routes of displays only, and scripts cannot read it. There
// is one for each space, so that one machine can have several screens.
import type { Context } from 'koa';
import type { SpaceId } from '../../domain/ids.ts';
import { SharedInterval } from '../../runtime/shared-interval.ts';
import type { DisplayCredential } from './displays.ts';
import type { Principal } from './principal.ts';

const PATH = '/api/v1/display';
/** The longest time that browsers keep a cookie. It is set anew whenever the display connects. */
const MAX_AGE_SECONDS = 400 * 86_400;
/** How soon a removed display stops showing counts. */
const CHECK_MS = 2_000;

const checks = new SharedInterval(CHECK_MS);

export function displayCookie(ctx: Context, spaceId: SpaceId): DisplayCredential | undefined {
  return ctx.cookies.get(nameOf(spaceId));
}

/**
 * TLS ends in front of the service, so only the browser knows whether the page came over https. It says so in `origin`,
 * which it sends with every POST.
 */
export function setDisplayCookie(ctx: Context, spaceId: SpaceId, credential: DisplayCredential): void {
  const secure = ctx.get('origin').startsWith('https://') ? '; Secure' : '';
  ctx.append(
    'set-cookie',
    `${nameOf(spaceId)}=${credential}; Path=${PATH}; Max-Age=${MAX_AGE_SECONDS}; HttpOnly; SameSite=Strict${secure}`,
  );
}

/** The space in the path of the request. */
export function spaceIn(ctx: Context): SpaceId | undefined {
  const { space_id: id } = (ctx as Context & { params: Record<string, string> }).params;
  return id !== undefined && /^\d{1,10}$/.test(id) ? (Number(id) as SpaceId) : undefined;
}

/** @returns a function that stops watching, which may be called twice */
export function watchDisplay(verify: () => Promise<Principal | undefined>, end: () => void): () => void {
  const stop = checks.add(() => {
    // While the store does not answer, the display stays.
    verify().then(
      (principal) => {
        if (!principal) end();
      },
      () => undefined,
    );
  });
  return stop;
}

const nameOf = (spaceId: SpaceId): string => `density_display_${spaceId}`;
