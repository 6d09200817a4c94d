// Puts the table of routes behind Koa: with and without a trailing slash, HEAD wherever there is GET, OPTIONS, and 405
// with `allow` for what a path does not have.
import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { stateOf } from '../request-state.ts';
import type { Route } from './route.ts';

/** Made for each route, and run before it; this is where a token is checked against `route.scope`. */
export type Guard = (route: Route) => Middleware;

const METHODS = ['HEAD', 'OPTIONS', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export function mount(prefix: string, routes: readonly Route[], guards: readonly Guard[]): Router {
  // A proxy that lets some paths through compares letters as they are.
  const router = new Router({ prefix, methods: METHODS, sensitive: true });
  for (const [path, allowed, others] of overlapping(routes)) {
    router.register(path, others, [
      (ctx) => {
        ctx.set('allow', allowed.join(', '));
        ctx.status = ctx.method === 'OPTIONS' ? 200 : 405;
      },
    ]);
  }
  // A path that is spelled out comes before one with a parameter in the same place.
  for (const route of [...routes].sort((a, b) => (specificity(a.path) < specificity(b.path) ? -1 : 1))) {
    const run: Middleware = async (ctx) => route.run(ctx, paramsOf(ctx));
    router.register(
      route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      [route.method],
      [remember(route), ...guards.map((guard) => guard(route)), run],
    );
  }
  return router;
}

/**
 * Paths that are spelled out, and lack a method of one with a parameter that matches them too, with the methods they have and
 * those they have not: `GET /readings/batch` is not the reading with the id `batch`.
 */
function overlapping(routes: readonly Route[]): [path: string, allowed: string[], others: string[]][] {
  const methodsOf = (isOf: (path: string) => boolean): string[] => [
    ...new Set(
      routes.filter(({ path }) => isOf(path)).flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])),
    ),
  ];
  return [...new Set(routes.map(({ path }) => path))]
    .filter((path) => !path.includes('{'))
    .flatMap((path): [string, string[], string[]][] => {
      const allowed = methodsOf((other) => other === path);
      const others = methodsOf(
        (other) =>
          other.includes('{') &&
          new RegExp(`^${other.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
      );
      return others.every((method) => allowed.includes(method))
        ? []
        : [[path, allowed, METHODS.filter((method) => !allowed.includes(method))]];
    });
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
