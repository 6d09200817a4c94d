// What a request costs at least on the same server and router: Koa, a route with a parameter, and a JSON answer of the
// same size. With `equipped` also what the service's promises cost by themselves: a line in the log, a metric, security headers,
// compression, a token and a limit, with the libraries that the service uses. Prints its port.
import { createHash, timingSafeEqual } from 'node:crypto';
import Router from '@koa/router';
import Koa, { type Middleware } from 'koa';
import { Histogram } from 'prom-client';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { compression } from '../../src/http/middleware/compression.ts';
import { requestIds } from '../../src/http/middleware/request-id.ts';
import { securityHeaders } from '../../src/http/middleware/security-headers.ts';
import { createLog } from '../../src/log.ts';

const [, , answer = '{}', token] = process.argv;

/** @param accepted the token that is accepted */
function equipment(accepted: string): Middleware[] {
  const seconds = new Histogram({
    name: 'seconds',
    help: 'Time until a request is answered.',
    labelNames: ['method', 'route', 'status'],
  });
  const limiter = new RateLimiterMemory({ points: 100_000_000, duration: 60 });
  const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
  const hash = hashOf(`Bearer ${accepted}`);
  return [
    requestIds(createLog('info')),
    async (ctx, next) => {
      const startedAt = performance.now();
      await next();
      const labels = { method: ctx.method, route: 'current', status: ctx.status };
      seconds.observe(labels, (performance.now() - startedAt) / 1_000);
    },
    compression(),
    securityHeaders(),
    async (ctx, next) => {
      if (!timingSafeEqual(hashOf(ctx.get('authorization')), hash)) ctx.throw(401);
      const { remainingPoints, msBeforeNext } = await limiter.consume('bench');
      ctx.set('ratelimit', `"default";r=${remainingPoints};t=${Math.ceil(msBeforeNext / 1_000)}`);
      await next();
    },
  ];
}

const router = new Router({ prefix: '/api/v1' });
router.get('/counts/:space_id/current', (ctx) => {
  ctx.body = JSON.parse(answer) as object;
});
const app = new Koa();
for (const middleware of token === undefined ? [] : equipment(token)) app.use(middleware);
const server = app
  .use(router.routes())
  .use(router.allowedMethods())
  .listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.(typeof address === 'object' ? address?.port : undefined);
  });
// The benchmark has ended.
process.on('disconnect', () => process.exit());
