// The HTTP API: the middlewares every request goes through, and the table of routes behind them.
import Router from '@koa/router';
import Koa, { type Middleware } from 'koa';
import type { Logger } from 'pino';
import type { Service } from '../service.ts';
import { compression } from './middleware/compression.ts';
import { page } from './routes/docs-routes.ts';
import { measured } from './middleware/measured.ts';
import { mount, type Guard } from './routes/mount.ts';
import { problems } from './middleware/problems.ts';
import { requestIds } from './middleware/request-id.ts';
import { API_PREFIX } from './routes/route.ts';
import { apiRoutes } from './routes/routes.ts';
import { discardUnread } from './middleware/unread-bodies.ts';

export interface AppOptions {
  readonly now?: () => number;
  /** Before every request, found or not: security headers, CORS. */
  readonly before?: readonly Middleware[];
  /** Made for each route, and run before it: authorisation, rate limits. */
  readonly guards?: readonly Guard[];
}

export function createApp(
  service: Service,
  log: Logger,
  { now = Date.now, before = [], guards = [] }: AppOptions = {},
): Koa {
  const api = mount(API_PREFIX, apiRoutes(service, now), guards);
  const docs = new Router({ sensitive: true }).get('/docs', (ctx) => {
    ctx.body = page(ctx);
  });
  const app = new Koa();
  // Errors that reach Koa itself come from sockets that went away.
  app.on('error', (error: unknown) => log.debug({ err: error }, 'connection failed'));
  app.use(discardUnread());
  app.use(requestIds(log));
  app.use(measured(service.metrics));
  // Whatever goes wrong further in is a problem document.
  app.use(problems());
  // Streams of events are written past Koa, and stay as they are.
  app.use(compression());
  for (const middleware of before) app.use(middleware);
  app.use(docs.routes());
  app.use(docs.allowedMethods());
  app.use(api.routes());
  app.use(api.allowedMethods());
  return app;
}
