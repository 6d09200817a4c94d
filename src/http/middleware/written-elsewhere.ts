import { Failure } from '../../domain/failure.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import type { Route } from '../routes/route.ts';

/** A question about what is not there is asked again, once this process has heard what others have written. */
export function knowingOthersWrites(route: Route, topology: Pick<TopologyService, 'catchUp'>): Route {
  // Commands do so themselves.
  if (route.method !== 'GET') return route;
  return {
    ...route,
    run: async (ctx, params) => {
      try {
        await route.run(ctx, params);
      } catch (error) {
        const mayBeThere =
          error instanceof Failure && error.kind === 'not_found' && (await topology.catchUp().catch(() => false));
        if (!mayBeThere) throw error;
        await route.run(ctx, params);
      }
    },
  };
}
