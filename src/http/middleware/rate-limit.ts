// Limits requests per token and minute, and requests with invalid tokens per address and minute. Clients see the limit in the
// RateLimit headers (draft-ietf-httpapi-ratelimit-headers). Each process counts separately, so n processes behind a load balancer
// allow up to n times as many.
import type { Context, Middleware } from 'koa';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { principalOf } from '../auth/auth.ts';
import type { Guard } from '../routes/mount.ts';
import { HttpProblem, tooMany } from '../problem.ts';

const WINDOW_SECONDS = 60;
/** Invalid tokens per address and minute. */
const REFUSED_MAX = 100;
const TOO_MANY = 'too many requests: wait, or send more readings per request';

/** Limits the requests of each principal. Requests to open routes have no principal and are not limited. */
export function limitRequests(perMinute: number): Guard {
  const limiter = new RateLimiterMemory({ points: perMinute, duration: WINDOW_SECONDS });
  return () => async (ctx, next) => {
    const principal = principalOf(ctx);
    if (principal) await count(ctx, limiter, principal.name, perMinute);
    await next();
  };
}

/**
 * Verifying a token takes time, so an address that keeps sending invalid tokens gets 429. Valid tokens from the same
 * address still work.
 */
export function limitRefused(): Middleware {
  const limiter = new RateLimiterMemory({ points: REFUSED_MAX, duration: WINDOW_SECONDS });
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      if (ctx.get('authorization') === '' || !(error instanceof HttpProblem) || error.status !== 401) throw error;
      const refused = await limiter.penalty(ctx.ip);
      throw refused.consumedPoints > REFUSED_MAX ? tooMany(TOO_MANY, refused.msBeforeNext) : error;
    }
  };
}

async function count(ctx: Context, limiter: RateLimiterMemory, key: string, perMinute: number): Promise<void> {
  try {
    setHeaders(ctx, await limiter.consume(key), perMinute);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    setHeaders(ctx, error, perMinute);
    throw tooMany(TOO_MANY, error.msBeforeNext);
  }
}

function setHeaders(ctx: Context, { remainingPoints, msBeforeNext }: RateLimiterRes, perMinute: number): void {
  ctx.set('ratelimit-policy', `"default";q=${perMinute};w=${WINDOW_SECONDS}`);
  ctx.set('ratelimit', `"default";r=${remainingPoints};t=${Math.ceil(msBeforeNext / 1000)}`);
}
