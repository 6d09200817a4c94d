// Headers that tell browsers what this API's answers may do, and which other sites' pages may ask it.
import cors from '@koa/cors';
import type { Middleware } from 'koa';
import helmet from 'koa-helmet';

/** What a page of another origin may read of an answer, beside its body. */
const EXPOSED = [
  'link',
  'x-total-count',
  'etag',
  'location',
  'retry-after',
  'ratelimit',
  'ratelimit-policy',
  'x-request-id',
  'www-authenticate',
];
const PREFLIGHT_LASTS_SECONDS = 600;

export function securityHeaders(): Middleware {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      // The page at /docs runs scripts of this host only, and sets styles and pictures in its own markup.
      directives: {
        'default-src': ["'self'"],
        'script-src': ["'self'"],
        'style-src': ["'self'", "'unsafe-inline'"],
        'img-src': ["'self'", 'data:'],
        'connect-src': ["'self'"],
        'object-src': ["'none'"],
        'base-uri': ["'none'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
      },
    },
  });
}

/** @param origins those that may ask; `*` for any. None: no origin but the service's own */
export function crossOrigin(origins: readonly string[]): Middleware {
  const isAllowed = (origin: string): boolean => origins.includes('*') || origins.includes(origin);
  return cors({
    origin: (ctx) => {
      const origin = ctx.get('origin');
      return isAllowed(origin) ? origin : '';
    },
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowHeaders: ['authorization', 'content-type', 'content-encoding', 'if-match', 'if-none-match', 'last-event-id'],
    exposeHeaders: EXPOSED,
    maxAge: PREFLIGHT_LASTS_SECONDS,
    // Tokens come in a header, never in cookies: nothing is sent by a browser on its own.
    credentials: false,
    keepHeadersOnError: true,
  });
}
