// Placements: which doorway a sensor was at, and when.
import { z } from 'zod';
import { END_MS } from '../../domain/instant.ts';
import { placementsOf, type Placement } from '../../domain/placement.ts';
import { existing } from '../../domain/topology-history.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { ETAG, IF_NONE_MATCH } from '../middleware/caching.ts';
import { answerList, type Readers } from '../list.ts';
import { LIST_HEADERS } from '../paging.ts';
import { defineRoute, type Route } from './route.ts';
import { dpuIdInPath } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import * as resources from '../schemas/resources.ts';
import { PLACEMENT_EXAMPLE, placementJson } from '../topology-json.ts';

const FIELDS = { from: 'instant', to: 'instant', doorway_id: 'number' } as const;
const READERS: Readers<Placement, typeof FIELDS> = {
  from: ({ fromMs }) => (fromMs < 0 ? null : fromMs),
  to: ({ toMs }) => (toMs === END_MS ? null : toMs),
  doorway_id: ({ doorwayId }) => doorwayId,
};

export function placementsRoutes({ history }: TopologyService): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/dpus/{id}/placements',
      operationId: 'listPlacements',
      tag: 'dpus',
      summary: 'List the placements of a sensor',
      scope: 'read',
      params: z.strictObject({ id: dpuIdInPath }),
      query: z.strictObject(listQuery(FIELDS, 'from')),
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of placements',
        schema: z.array(resources.placement),
        example: [PLACEMENT_EXAMPLE],
        headers: { ...LIST_HEADERS, ...ETAG },
      },
      handle: ({ params: { id }, query }, ctx) => {
        const { placements } = existing(history.latest().dpu(id), `DPU ${id}`);
        return answerList(ctx, placementsOf(placements), READERS, query, placementJson);
      },
    }),
  ];
}
