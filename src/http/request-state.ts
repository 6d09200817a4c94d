// Typed access to Koa's `ctx.state`. No other file reads it.
import type { Context } from 'koa';
import type { Logger } from 'pino';
import type { Route } from './routes/route.ts';

export interface RequestState {
  requestId?: string;
  log?: Logger;
  /** The name of the principal that was admitted. */
  principal?: string;
  route?: Route;
  /** True where the service requires tokens, also on routes that need none. */
  requiresTokens?: boolean;
}

export function stateOf(ctx: Context): RequestState {
  return ctx.state;
}

export function requestIdOf(ctx: Context): string {
  return stateOf(ctx).requestId ?? '';
}

/**
 * The request's own log, which adds the request id and the principal to every line. Made only when something has to be
 * logged besides the answer.
 */
export function logOf(ctx: Context): Logger {
  const { log, requestId, principal } = stateOf(ctx);
  if (!log) throw new Error('the request has no log yet: the requestIds middleware must come first');
  return log.child({ request: requestId, ...(principal === undefined ? {} : { principal }) });
}

/** The matched route; undefined before the router has run, or if none matched. */
export function routeOf(ctx: Context): Route | undefined {
  return stateOf(ctx).route;
}

export function requiresTokens(ctx: Context): boolean {
  return stateOf(ctx).requiresTokens === true;
}
