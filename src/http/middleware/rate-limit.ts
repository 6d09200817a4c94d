// A bound on requests per token and minute, and per address for requests whose token is none, so that nobody
// keeps the service busy with them. Told with the RateLimit headers (draft-ietf-httpapi-ratelimit-headers). Each
// process counts for itself: with n processes behind a balancer a token gets up to n times as much.
import type { Context, Middleware } from 'koa';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { principalOf } from '../auth/auth.ts';
import type { Guard } from '../routes/mount.ts';
import { HttpProblem } from '../problem.ts';

const WINDOW_SECONDS = 60;
/** Refused tokens per address and minute. */
const REFUSED_MAX = 100;

/** Counts requests of a principal; those without one, to routes open to anyone, are not counted. */
export function limitRequests(perMinute: number): Guard {
  const limiter = new RateLimiterMemory({ points: perMinute, duration: WINDOW_SECONDS });
  return () => async (ctx, next) => {
    const principal = principalOf(ctx);
    if (principal) await count(ctx, limiter, principal.name, perMinute);
    await next();
  };
}

/** Refused tokens cost a check each: an address that goes on sending them gets 429. Good tokens from there still work. */
export function limitRefused(): Middleware {
  const limiter = new RateLimiterMemory({ points: REFUSED_MAX, duration: WINDOW_SECONDS });
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      if (ctx.get('authorization') === '' || !(error instanceof HttpProblem) || error.status !== 401) throw error;
      const refused = await limiter.penalty(ctx.ip);
      throw refused.consumedPoints > REFUSED_MAX ? tooMany(refused) : error;
    }
  };
}

async function count(ctx: Context, limiter: RateLimiterMemory, key: string, perMinute: number): Promise<void> {
  try {
    tell(ctx, await limiter.consume(key), perMinute);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    tell(ctx, error, perMinute);
    throw tooMany(error);
  }
}

function tell(ctx: Context, { remainingPoints, msBeforeNext }: RateLimiterRes, perMinute: number): void {
  ctx.set('ratelimit-policy', `"default";q=${perMinute};w=${WINDOW_SECONDS}`);
  ctx.set('ratelimit', `"default";r=${remainingPoints};t=${Math.ceil(msBeforeNext / 1000)}`);
}

function tooMany({ msBeforeNext }: RateLimiterRes): HttpProblem {
  return new HttpProblem(429, 'too many requests: wait, or send more readings in one', [], {
    'retry-after': String(Math.max(1, Math.ceil(msBeforeNext / 1000))),
  });
}
