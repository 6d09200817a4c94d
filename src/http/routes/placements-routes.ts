// Placements: which doorway a sensor was at, and when.
import { z } from 'zod';
import { END_MS } from '../../domain/instant.ts';
import { placementsOf, type Placement } from '../../domain/placement.ts';
import { existing } from '../../domain/topology-history.ts';
import { ETAG, IF_NONE_MATCH } from '../middleware/caching.ts';
import { answerList, type Readers } from '../list.ts';
import { LIST_HEADERS } from '../paging.ts';
import { defineRoute, type Route } from './route.ts';
import { dpuIdInPath } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import { TOPOLOGY_AS_OF_HEADER, topologyKnownAt } from '../schemas/known-at.ts';
import * as resources from '../schemas/resources.ts';
import { PLACEMENT_EXAMPLE, placementJson } from '../topology-json.ts';
import type { TopologyReads } from '../topology-reads.ts';

const FIELDS = { from: 'instant', to: 'instant', doorway_id: 'number' } as const;
const READERS: Readers<Placement, typeof FIELDS> = {
  from: ({ fromMs }) => (fromMs < 0 ? null : fromMs),
  to: ({ toMs }) => (toMs === END_MS ? null : toMs),
  doorway_id: ({ doorwayId }) => doorwayId,
};

export function placementsRoutes(reads: TopologyReads): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/dpus/{id}/placements',
      operationId: 'listPlacements',
      tag: 'dpus',
      summary: 'List the placements of a sensor',
      scope: 'read',
      params: z.strictObject({ id: dpuIdInPath }),
      query: z.strictObject({ ...listQuery(FIELDS, 'from'), ...topologyKnownAt }),
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of placements',
        schema: z.array(resources.placement),
        example: [PLACEMENT_EXAMPLE],
        headers: { ...LIST_HEADERS, ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
      },
      handle: ({ params: { id }, query }, ctx) => {
        const { placements } = existing(reads.read(ctx, query).view.dpu(id), `DPU ${id}`);
        return answerList(ctx, placementsOf(placements), READERS, query, placementJson);
      },
    }),
  ];
}
