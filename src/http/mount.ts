// Puts the table of routes behind Koa: with and without a trailing slash, HEAD wherever there is GET, OPTIONS, and 405
// with `allow` for what a path does not have.
import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { stateOf } from './request-state.ts';
import type { Route } from './route.ts';

/** Made for each route, and run before it; this is where a token is checked against `route.scope`. */
export type Guard = (route: Route) => Middleware;

export function mount(prefix: string, routes: readonly Route[], guards: readonly Guard[]): Router {
  const router = new Router({ prefix, methods: ['HEAD', 'OPTIONS', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE'] });
  // A path that is spelled out comes before one with a parameter in the same place.
  for (const route of [...routes].sort((a, b) => (specificity(a.path) < specificity(b.path) ? -1 : 1))) {
    const run: Middleware = async (ctx) => route.run(ctx, paramsOf(ctx));
    router.register(route.path.replaceAll(/\{(\w+)\}/g, ':$1'), [route.method], [remember(route), ...guards.map((guard) => guard(route)), run]);
  }
  return router;
}

function remember(route: Route): Middleware {
  return (ctx, next) => {
    stateOf(ctx).route = route;
    return next();
  };
}

function paramsOf(ctx: Context): Readonly<Record<string, string>> {
  return (ctx as Context & { params: Record<string, string> }).params;
}

/** Paths in the order of characters; `~` comes after all that a path is spelled with. */
function specificity(path: string): string {
  return path.replaceAll(/\{\w+\}/g, '~');
}
