// Placements: which doorway a sensor was at, and when; of one sensor, or at the doorways of a space.
import { z } from 'zod';
import { END_MS } from '../../domain/instant.ts';
import type { DpuId, SpaceId } from '../../domain/ids.ts';
import { placementsOf, spansAtDoorway, type Placement } from '../../domain/placement.ts';
import { existing, type TopologyView } from '../../domain/topology-history.ts';
import { ETAG, IF_NONE_MATCH } from '../middleware/caching.ts';
import { answerList, type Readers } from '../list.ts';
import { LIST_HEADERS } from '../paging.ts';
import { defineRoute, type Route } from './route.ts';
import { dpuIdInPath, spaceIdInPath } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import { TOPOLOGY_AS_OF_HEADER, topologyKnownAt } from '../schemas/known-at.ts';
import { placement, spacePlacement } from '../schemas/placements.ts';
import { PLACEMENT_EXAMPLE, placementJson } from '../topology-json.ts';
import type { TopologyReads } from '../topology-reads.ts';

const FIELDS = { from: 'instant', to: 'instant', doorway_id: 'number' } as const;
const READERS: Readers<Placement, typeof FIELDS> = {
  from: ({ fromMs }) => (fromMs < 0 ? null : fromMs),
  to: ({ toMs }) => (toMs === END_MS ? null : toMs),
  doorway_id: ({ doorwayId }) => doorwayId,
};

/** A placement at a doorway of a space, and the sensor. */
interface SpacePlacement extends Placement {
  readonly dpuId: DpuId;
}

const SPACE_FIELDS = { ...FIELDS, dpu_id: 'text' } as const;
const SPACE_READERS: Readers<SpacePlacement, typeof SPACE_FIELDS> = { ...READERS, dpu_id: ({ dpuId }) => dpuId };

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
        schema: z.array(placement),
        example: [PLACEMENT_EXAMPLE],
        headers: { ...LIST_HEADERS, ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
      },
      handle: ({ params: { id }, query }, ctx) => {
        const { placements } = existing(reads.read(ctx, query).view.dpu(id), `DPU ${id}`);
        return answerList(ctx, placementsOf(placements), READERS, query, placementJson);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/spaces/{id}/placements',
      operationId: 'listSpacePlacements',
      tag: 'spaces',
      summary: 'List which sensors were at the doorways of a space, and when',
      description: 'At the doorways that lead into the space or out of it; wherever the sensors are now.',
      scope: 'read',
      params: z.strictObject({ id: spaceIdInPath }),
      query: z.strictObject({ ...listQuery(SPACE_FIELDS, 'from'), ...topologyKnownAt }),
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of placements',
        schema: z.array(spacePlacement),
        example: [{ dpu_id: '423', ...PLACEMENT_EXAMPLE }],
        headers: { ...LIST_HEADERS, ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
      },
      handle: ({ params: { id }, query }, ctx) => {
        const { view } = reads.read(ctx, query);
        existing(view.space(id), `space ${id}`);
        return answerList(ctx, placementsInSpace(view, id), SPACE_READERS, query, (found) => ({
          dpu_id: found.dpuId,
          ...placementJson(found),
        }));
      },
    }),
  ];
}

function placementsInSpace(view: TopologyView, spaceId: SpaceId): SpacePlacement[] {
  return view
    .doorwaysOf(spaceId)
    .flatMap(({ id: doorwayId }) =>
      view
        .dpusAt(doorwayId)
        .flatMap(({ id: dpuId, placements }) =>
          spansAtDoorway(placements, doorwayId).map((span) => ({ ...span, doorwayId, dpuId })),
        ),
    );
}
