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
    if (ctx.acceptsEncodings('gzip', 'deflate', 'identity') === false) ctx.compress = false;
    await whenAccepted(ctx, next);
  };
}
