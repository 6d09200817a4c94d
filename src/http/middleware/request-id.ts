// Gives every request an id, the client's own where it sends one: it is in the answer's header, in a problem's
// `request_id`, and in every line that is logged for the request.
import { randomUUID } from 'node:crypto';
import type { Middleware } from 'koa';
import type { Logger } from 'pino';
import { routeOf, stateOf } from '../request-state.ts';

export const REQUEST_ID = 'x-request-id';
/** What may come in: it goes into logs and headers as it is. */
const ACCEPTED = /^[\w.:/+=-]{1,128}$/;

/** The client's own, or a new one. @param given what it sent */
export function requestIdFrom(given: unknown): string {
  return typeof given === 'string' && ACCEPTED.test(given) ? given : randomUUID();
}

export function requestIds(log: Logger): Middleware {
  return async (ctx, next) => {
    const requestId = requestIdFrom(ctx.get(REQUEST_ID));
    const child = log.child({ request: requestId });
    Object.assign(stateOf(ctx), { requestId, log: child });
    ctx.set(REQUEST_ID, requestId);
    const startedMs = performance.now();
    try {
      await next();
    } finally {
      const route = routeOf(ctx);
      const line = {
        method: ctx.method,
        path: ctx.path,
        route: route?.operationId,
        status: ctx.status,
        ms: Math.round((performance.now() - startedMs) * 10) / 10,
      };
      // What is asked every second by machines would drown the rest.
      if (route?.tag === 'service') child.debug(line, 'answered');
      else child.info(line, 'answered');
    }
  };
}
