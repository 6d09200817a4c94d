// Gives every request an id: the client's own, if it sends one. The id is in a header of the answer, in the
// `request_id` of a problem, and in every log line of the request.
import { randomUUID } from 'node:crypto';
import type { Middleware } from 'koa';
import type { Logger } from 'pino';
import { routeOf, stateOf } from '../request-state.ts';

export const REQUEST_ID = 'x-request-id';
/** Ids go into logs and headers unescaped, so only harmless characters are accepted. */
const ACCEPTED = /^[\w.:/+=-]{1,128}$/;

/**
 * @param given the client's own id; replaced by a new one unless it is acceptable
 */
export function requestIdFrom(given: unknown): string {
  return typeof given === 'string' && ACCEPTED.test(given) ? given : randomUUID();
}

export function requestIds(log: Logger): Middleware {
  return async (ctx, next) => {
    const requestId = requestIdFrom(ctx.get(REQUEST_ID));
    Object.assign(stateOf(ctx), { requestId, log });
    ctx.set(REQUEST_ID, requestId);
    const startedMs = performance.now();
    try {
      await next();
    } finally {
      const route = routeOf(ctx);
      const line = {
        request: requestId,
        method: ctx.method,
        path: ctx.path,
        route: route?.operationId,
        status: ctx.status,
        ms: Math.round((performance.now() - startedMs) * 10) / 10,
      };
      // Probes come every second and would flood the log.
      if (route?.tag === 'service') log.debug(line, 'answered');
      else log.info(line, 'answered');
    }
  };
}
