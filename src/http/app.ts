// The HTTP API: the middleware that every request passes through, and the routes behind it.
import Router from '@koa/router';
import Koa, { type Middleware } from 'koa';
import type { Logger } from 'pino';
import type { Metrics } from '../metrics.ts';
import { compression } from './middleware/compression.ts';
import { measured } from './middleware/measured.ts';
import { problems } from './middleware/problems.ts';
import { requestIds } from './middleware/request-id.ts';
import { discardUnread } from './middleware/unread-bodies.ts';
import { pageRouter } from './page.ts';
import { page } from './routes/docs-routes.ts';
import { mount, type Guard } from './routes/mount.ts';
import { API_PREFIX } from './routes/route.ts';
import { apiRoutes, type RouteDeps } from './routes/routes.ts';

export interface AppOptions {
  readonly now?: () => number;
  /** Runs before every request, whether or not a route matches: security headers, CORS. */
  readonly before?: readonly Middleware[];
  /** Run before each route: authorisation, rate limits. */
  readonly guards?: readonly Guard[];
  /** The folder of the dashboard; if unset, there is none. */
  readonly page?: string;
}

export function createApp(
  service: RouteDeps & { readonly metrics: Metrics },
  log: Logger,
  { now = Date.now, before = [], guards = [], page: folder }: AppOptions = {},
): Koa {
  const api = mount(API_PREFIX, apiRoutes(service, now), guards);
  const docs = new Router({ sensitive: true }).get('/docs', (ctx) => {
    ctx.body = page(ctx);
  });
  const app = new Koa();
  // Only broken connections reach this handler; the middleware answers everything else.
  app.on('error', (error: unknown) => log.debug({ err: error }, 'connection failed'));
  app.use(discardUnread());
  app.use(requestIds(log));
  app.use(measured(service.metrics));
  app.use(problems());
  app.use(compression());
  for (const middleware of before) app.use(middleware);
  if (folder !== undefined) {
    const dashboard = pageRouter(folder);
    app.use(dashboard.routes()).use(dashboard.allowedMethods());
  }
  app.use(docs.routes());
  app.use(docs.allowedMethods());
  app.use(api.routes());
  app.use(api.allowedMethods());
  return app;
}
