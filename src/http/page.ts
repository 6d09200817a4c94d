// The dashboard: the files that bin/compile-page.js makes of web/.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import sirv from 'sirv';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Assets are named after their content. */
const ASSET_MAX_AGE_SECONDS = 31_536_000;
const DISPLAY = /^\/display\/\d{1,10}\/?$/;

/**
 * The compiled program has the page beside it. Sources that run as they are (tests, `npm run dev`) use the page of the
 * build of the same sources.
 */
export async function pageFolder(): Promise<string> {
  const beside = join(HERE, 'page');
  if (existsSync(beside)) return beside;
  const root = join(HERE, '../..');
  const { findBuild } = (await import(new URL('../../bin/build.js', import.meta.url).href)) as {
    findBuild: () => Promise<string>;
  };
  return join(root, 'dist', await findBuild(), 'page');
}

/**
 * Serves the page at `/` and its assets, and at `/display/<space>`, which shows only one count. All other views are in the
 * fragment of the address, which browsers do not send, so every other path remains free for the API.
 */
export function pageRouter(folder: string): Router {
  const files = sirv(folder, {
    gzip: true,
    brotli: true,
    etag: true,
    setHeaders: (response, path) =>
      response.setHeader(
        'cache-control',
        path.startsWith('/assets/') ? `public, max-age=${ASSET_MAX_AGE_SECONDS}, immutable` : 'no-cache',
      ),
  });
  const serve = (ctx: Context): void => {
    // The file is written to the response itself, so Koa must not end it.
    ctx.respond = false;
    files(ctx.req, ctx.res, () => {
      ctx.respond = true;
    });
  };
  const serveDisplay: Middleware = async (ctx, next) => {
    if (!DISPLAY.test(ctx.path)) {
      await next();
      return;
    }
    ctx.url = '/';
    serve(ctx);
  };
  return new Router({ sensitive: true })
    .get('/', serve)
    .get('/display/:space', serveDisplay)
    .get('/assets/:file', serve);
}
