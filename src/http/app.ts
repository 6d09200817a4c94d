// The HTTP API. Routes are thin: they check what comes in, ask, and render.
import Router from '@koa/router';
import Koa from 'koa';
import type { Logger } from 'pino';
import type { Service } from '../service.ts';
import { jsonBodies } from './body.ts';
import { countsRoutes } from './counts-routes.ts';
import { measured } from './measured.ts';
import { problems } from './problem.ts';
import { readingsRoutes } from './readings-routes.ts';
import { streamRoutes } from './stream-routes.ts';
import { topologyRoutes } from './topology-routes.ts';

export function createApp(service: Service, log: Logger, now: () => number = Date.now): Koa {
  const api = new Router({ prefix: '/api/v1' });
  healthRoutes(api, service);
  topologyRoutes(api, service.topology, now);
  readingsRoutes(api, service.readings, service.options.skewMs, now, log);
  streamRoutes(api, service.live, service.topology.history, service.options.heartbeatMs);
  countsRoutes(api, service.counts, service.topology.history, now);
  api.get('/account', async (ctx) => {
    const account = await service.accounts.read();
    ctx.body = {
      accepted: account.accepted, applied: account.applied, duplicate: account.duplicate, held: account.held,
      dead_lettered: account.deadLettered, dead_letters: account.deadLetters, remainder: account.remainder,
    };
  });

  const app = new Koa();
  // Errors that reach Koa itself come from sockets that went away.
  app.on('error', (error: unknown) => log.debug({ err: error }, 'connection failed'));
  app.use(measured(service.metrics));
  app.use(problems(log));
  app.use(jsonBodies());
  app.use(api.routes());
  app.use(api.allowedMethods());
  return app;
}

function healthRoutes(api: Router, service: Service): void {
  api.get('/health', async (ctx) => {
    const found = await service.problems();
    ctx.status = found.length === 0 ? 200 : 503;
    ctx.body = { status: found.length === 0 ? 'ok' : 'unavailable', problems: found };
  });
}
