// What a request costs at least on the same server and router: Koa, a route with a parameter, and a JSON answer of the
// same size. Prints its port.
import Router from '@koa/router';
import Koa from 'koa';

const [, , answer = '{}'] = process.argv;

const router = new Router({ prefix: '/api/v1' });
router.get('/counts/:space_id/current', (ctx) => {
  ctx.body = JSON.parse(answer) as object;
});
const server = new Koa()
  .use(router.routes())
  .use(router.allowedMethods())
  .listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.(typeof address === 'object' ? address?.port : undefined);
  });
// The benchmark has ended.
process.on('disconnect', () => process.exit());
