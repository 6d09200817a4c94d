// Health: whether the cluster has problems.
import type { Problem } from '../../domain/health.ts';
import type { Loss } from '../../recovery/losses.ts';
import { lossJson } from '../loss-json.ts';
import { defineRoute, type Route } from './route.ts';
import * as resources from '../schemas/resources.ts';

export interface HealthDeps {
  /** The problems of the whole cluster. */
  readonly health: { problems(): Promise<Problem[]> };
  /** Acknowledged messages that NATS has lost. */
  readonly losses: { read(): Promise<readonly Loss[]> };
}

export function healthRoutes({ health, losses }: HealthDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/health',
      operationId: 'getHealth',
      tag: 'service',
      summary: 'Whether the cluster has problems',
      scope: null,
      description:
        'For people and monitoring: every process reports the problems of the whole cluster. Any problem makes the status 503, so that a monitor need only check the status, ' +
        'although most requests may still succeed. Orchestrators and load balancers should use `/livez` and `/readyz` at the root, which are about one process.',
      success: {
        status: 200,
        description: 'all is well',
        schema: resources.health,
        example: { status: 'ok', problems: [], losses: [] },
      },
      alternativeStatus: { status: 503, description: 'there are problems', schema: resources.health },
      handle: async (_input, ctx) => {
        const [problems, lost] = await Promise.all([health.problems(), losses.read()]);
        const isWell = problems.length === 0;
        ctx.set('cache-control', 'no-store');
        ctx.status = isWell ? 200 : 503;
        return {
          status: isWell ? 'ok' : 'unavailable',
          problems: problems.map((problem) => ({ ...problem })),
          losses: lost.map(lossJson),
        };
      },
    }),
  ];
}
