// What browsers get while the service starts: the page, which says so and tries again. All other requests are refused.
import type { RequestListener } from 'node:http';
import Koa from 'koa';
import { refuseWhileStarting } from './middleware/gate.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import { pageFolder, pageRouter } from './page.ts';

export async function startingPage(): Promise<RequestListener> {
  const page = pageRouter(await pageFolder());
  const app = new Koa();
  app.use(securityHeaders()).use(page.routes());
  app.use((ctx) => {
    ctx.respond = false;
    refuseWhileStarting(ctx.req, ctx.res);
  });
  const handle = app.callback();
  return (request, response) => void handle(request, response);
}
