// `density routes`: the table the service itself is made from.
import { API_PREFIX } from '../http/routes/route.ts';
import { apiRoutes, type RouteDeps } from '../http/routes/routes.ts';
import { table } from './table.ts';

export function routesCommand({ json }: { json?: boolean }, say: (line: string) => void): number {
  const routes = apiRoutes(unasked(), () => 0).map(({ method, path, scope, summary }) => ({
    method,
    path: `${API_PREFIX}${path}`,
    scope,
    summary,
  }));
  if (json) say(JSON.stringify(routes));
  else
    for (const line of table(
      ['method', 'path', 'scope', ''],
      routes.map(({ method, path, scope, summary }) => [method, path, scope ?? 'anyone', summary]),
    ))
      say(line);
  return 0;
}

/** Stands for a service in routes that are only looked at: it answers any property with itself, and nothing with a result. */
function unasked(): RouteDeps {
  const nothing: object = new Proxy(() => nothing, { get: () => nothing });
  return nothing as RouteDeps;
}
