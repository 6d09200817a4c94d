import { Failure } from '../../domain/failure.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import type { Route } from '../routes/route.ts';

/**
 * Another process may just have created what a request asks for. Before a GET answers 404, this process catches up
 * with the topology log and tries once more. Commands catch up by themselves.
 */
export function retryAfterCatchUp(route: Route, topology: Pick<TopologyService, 'catchUp'>): Route {
  if (route.method !== 'GET') return route;
  return {
    ...route,
    run: async (ctx, params) => {
      try {
        await route.run(ctx, params);
      } catch (error) {
        const isNotFound = error instanceof Failure && error.kind === 'not_found';
        const hasMore = isNotFound && (await topology.catchUp().catch(() => false));
        if (!hasMore) throw error;
        await route.run(ctx, params);
      }
    },
  };
}
