// Registers the table of routes with Koa's router: with and without a trailing slash, HEAD wherever there is GET, OPTIONS, and 405
// with an `allow` header for other methods.
import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { stateOf } from '../request-state.ts';
import type { Route } from './route.ts';

/** Creates the middleware that runs before a route, such as the check of a token against `route.scope`. */
export type Guard = (route: Route) => Middleware;

const METHODS = ['HEAD', 'OPTIONS', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export function mount(prefix: string, routes: readonly Route[], guards: readonly Guard[]): Router {
  // Case-sensitive, because a proxy that filters by path compares case-sensitively.
  const router = new Router({ prefix, methods: METHODS, sensitive: true });
  for (const [path, allowed, others] of overlapping(routes)) {
    router.register(path, others, [
      (ctx) => {
        ctx.set('allow', allowed.join(', '));
        ctx.status = ctx.method === 'OPTIONS' ? 200 : 405;
      },
    ]);
  }
  // A literal path segment takes precedence over a parameter in the same place.
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
 * Literal paths that also match a path with a parameter, with the methods that they allow and those that they do not.
 * Without this, `GET /readings/batch` would look up the reading with the id `batch`.
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

/** Sorts parameters last: `~` sorts after every character that paths contain. */
function specificity(path: string): string {
  return path.replaceAll(/\{\w+\}/g, '~');
}
