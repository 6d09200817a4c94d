// What is known of a request while it is answered. Koa's `ctx.state` has no types; this is the only place that reads it.
import type { Context } from 'koa';
import type { Logger } from 'pino';
import type { Route } from './routes/route.ts';

export interface RequestState {
  requestId?: string;
  log?: Logger;
  route?: Route;
}

export function stateOf(ctx: Context): RequestState {
  return ctx.state;
}

export function requestIdOf(ctx: Context): string {
  return stateOf(ctx).requestId ?? '';
}

/** The log of this request: its lines carry the request's id. */
export function logOf(ctx: Context): Logger {
  const { log } = stateOf(ctx);
  if (!log) throw new Error('the request has no log yet: requestIds comes first');
  return log;
}

/** The route that answers a request; undefined before the router, and where nothing matched. */
export function routeOf(ctx: Context): Route | undefined {
  return stateOf(ctx).route;
}
