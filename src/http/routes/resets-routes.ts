// Resets of a space: a person states how many people were in it at an instant.
import { z } from 'zod';
import { formatInstant } from '../../domain/instant.ts';
import type { Reset } from '../../domain/topology.ts';
import { existing } from '../../domain/topology-history.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { ETAG, IF_NONE_MATCH } from '../middleware/caching.ts';
import { answerList, type Readers } from '../list.ts';
import { LIST_HEADERS } from '../paging.ts';
import { defineRoute, type Route } from './route.ts';
import { resetBody } from '../schemas/bodies.ts';
import { spaceIdInPath } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import * as resources from '../schemas/resources.ts';
import { RESET_EXAMPLE, resetJson } from '../topology-json.ts';

const FIELDS = { timestamp: 'instant', count: 'number', recorded_at: 'instant' } as const;
const READERS: Readers<Reset, typeof FIELDS> = {
  timestamp: ({ timestampMs }) => timestampMs,
  count: ({ count }) => count,
  recorded_at: ({ recordedMs }) => recordedMs,
};
const params = z.strictObject({ id: spaceIdInPath });
const RESETS = { path: '/spaces/{id}/resets', tag: 'spaces', params, problems: [404] } as const;

export function resetsRoutes(topology: TopologyService): Route[] {
  return [listResets(topology), recordReset(topology)];
}

function listResets({ history }: TopologyService): Route {
  return defineRoute({
    ...RESETS,
    method: 'GET',
    operationId: 'listResets',
    summary: 'List the resets of a space',
    scope: 'read',
    description: 'Recorded resets only. The daily reset is a field of the space.',
    query: z.strictObject(listQuery(FIELDS, 'timestamp')),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of resets',
      schema: z.array(resources.reset),
      example: [RESET_EXAMPLE],
      headers: { ...LIST_HEADERS, ...ETAG },
    },
    handle: ({ params: { id }, query }, ctx) => {
      const view = history.latest();
      const space = existing(view.space(id), `space ${id}`);
      return answerList(ctx, view.resets(space.id), READERS, query, resetJson);
    },
  });
}

function recordReset(topology: TopologyService): Route {
  return defineRoute({
    ...RESETS,
    method: 'POST',
    operationId: 'recordReset',
    summary: 'Record how many people were in a space',
    scope: 'topology:write',
    description: 'All counts after that instant are recomputed from it, including those that were answered before.',
    body: resetBody,
    bodyExample: { timestamp: formatInstant(Date.UTC(2018, 1, 25, 4)), count: 0 },
    success: { status: 201, description: 'the reset', schema: resources.reset, example: RESET_EXAMPLE },
    handle: async ({ params: { id }, body: { timestamp, count } }) => {
      const { doc } = await topology.execute({ kind: 'recordReset', spaceId: id, timestampMs: timestamp, count });
      return resetJson(doc as Reset);
    },
  });
}
