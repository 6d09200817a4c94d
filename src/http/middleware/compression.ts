import type { Middleware } from 'koa';
import compress from 'koa-compress';

const THRESHOLD_BYTES = 2_048;

/**
 * Compresses answers for clients that accept it. One that accepts no encoding at all (`accept-encoding: *;q=0`) gets the answer as it is:
 * a command that has been carried out must not be answered with 406 (RFC 9110, 12.1 lets a server disregard the header).
 */
export function compression(): Middleware {
  const whenAccepted = compress({ threshold: THRESHOLD_BYTES, br: false });
  return async (ctx, next) => {
    if (ctx.acceptsEncodings('gzip', 'deflate', 'identity') === false) ctx.compress = false;
    await whenAccepted(ctx, next);
  };
}
