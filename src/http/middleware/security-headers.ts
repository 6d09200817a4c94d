// Headers that tell browsers what the answers may do, and which origins may use the API.
import { IncomingMessage, ServerResponse, type OutgoingHttpHeaders } from 'node:http';
import { Socket } from 'node:net';
import cors from '@koa/cors';
import type { Middleware } from 'koa';
import helmet from 'helmet';

/** Headers that a page of another origin may read. */
const EXPOSED = [
  'link',
  'as-of',
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
  const headers = Object.entries(helmetHeaders());
  return async ({ res }, next) => {
    for (const [name, value] of headers) if (value !== undefined) res.setHeader(name, value);
    await next();
  };
}

/** They are the same for every answer, so helmet writes them once. */
function helmetHeaders(): OutgoingHttpHeaders {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      // Swagger UI at /docs uses inline styles and data: images.
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
  })(request, response, (error) => {
    if (error !== undefined) throw new Error('helmet cannot write its headers', { cause: error });
  });
  return response.getHeaders();
}

/** @param origins the allowed origins; `*` allows any */
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
    // Tokens are sent in a header, never in a cookie, so browsers add nothing by themselves.
    credentials: false,
    keepHeadersOnError: true,
  });
}
