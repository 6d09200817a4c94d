import type { Middleware } from 'koa';
import compress from 'koa-compress';

const THRESHOLD_BYTES = 2_048;

/**
 * Compresses answers for clients that accept it. A client that accepts no encoding at all (`accept-encoding: *;q=0`)
 * gets the plain answer: a 406 would hide that a command was executed, and RFC 9110, 12.1 allows a server to
 * disregard the header.
 */
export function compression(): Middleware {
  const whenAccepted = compress({ threshold: THRESHOLD_BYTES, br: false });
  return async (ctx, next) => {
    await whenAccepted(ctx, async () => {
      await next();
      // Koa would write an object as JSON twice: for its length, and for the answer.
      if (isPlain(ctx.body)) ctx.body = JSON.stringify(ctx.body);
      if (ctx.length !== undefined && ctx.length < THRESHOLD_BYTES) return;
      if (ctx.acceptsEncodings('gzip', 'deflate', 'identity') === false) ctx.compress = false;
    });
  };
}

/** Neither text nor bytes, nor a stream. */
function isPlain(body: unknown): boolean {
  return Array.isArray(body) || body?.constructor === Object;
}
