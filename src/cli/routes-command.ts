// `density routes`: prints the table of routes that the service registers.
import { API_PREFIX } from '../http/routes/route.ts';
import { apiRoutes, type RouteDeps } from '../http/routes/routes.ts';
import type { PrintLine } from './print-line.ts';
import { table } from './table.ts';

export function routesCommand({ json }: { json?: boolean }, printLine: PrintLine): number {
  const routes = apiRoutes(routeDepsStub(), () => 0).map(({ method, path, scope, summary }) => ({
    method,
    path: `${API_PREFIX}${path}`,
    scope,
    summary,
  }));
  if (json) printLine(JSON.stringify(routes));
  else
    for (const line of table(
      ['method', 'path', 'scope', ''],
      routes.map(({ method, path, scope, summary }) => [method, path, scope ?? 'anyone', summary]),
    ))
      printLine(line);
  return 0;
}

/** A stand-in for the service, because the handlers are never called: every property is the stub itself. */
function routeDepsStub(): RouteDeps {
  const nothing: object = new Proxy(() => nothing, { get: () => nothing });
  return nothing as RouteDeps;
}
