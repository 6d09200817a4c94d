// Doorways.
import { z } from 'zod';
import type { Doorway } from '../../domain/topology.ts';
import { existing, type TopologyView } from '../../domain/topology-history.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { checkUnchanged, ETAG, IF_MATCH, IF_NONE_MATCH, revalidated } from '../middleware/caching.ts';
import { answerList, LIST_HEADERS, type Readers } from '../list.ts';
import { defineRoute, type Route } from './route.ts';
import { doorwayBody, doorwayPatch } from '../schemas/bodies.ts';
import { doorwayIdInPath } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import * as resources from '../schemas/resources.ts';
import { createdAt, defined, DOORWAY_EXAMPLE, doorwayJson, live } from '../topology-json.ts';

const FIELDS = {
  id: 'number',
  name: 'text',
  ingress_space_id: 'number',
  egress_space_id: 'number',
  created_at: 'instant',
  updated_at: 'instant',
} as const;
const READERS: Readers<Doorway, typeof FIELDS> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  ingress_space_id: ({ ingressSpaceId }) => ingressSpaceId,
  egress_space_id: ({ egressSpaceId }) => egressSpaceId,
  created_at: ({ createdMs }) => createdMs,
  updated_at: ({ updatedMs }) => updatedMs,
};

const params = z.strictObject({ id: doorwayIdInPath });
const BODY_EXAMPLE = { name: 'Main entrance', ingress_space_id: 1, egress_space_id: null };

export function doorwaysRoutes(topology: TopologyService): Route[] {
  const view = (): TopologyView => topology.history.latest();
  return [
    defineRoute({
      method: 'GET',
      path: '/doorways',
      operationId: 'listDoorways',
      tag: 'doorways',
      summary: 'List doorways',
      scope: 'read',
      query: z.strictObject(listQuery(FIELDS, 'id')),
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of doorways',
        schema: z.array(resources.doorway),
        example: [DOORWAY_EXAMPLE],
        headers: { ...LIST_HEADERS, ...ETAG },
      },
      handle: ({ query }, ctx) => answerList(ctx, live(view().doorways()), READERS, query, doorwayJson),
    }),
    defineRoute({
      method: 'POST',
      path: '/doorways',
      operationId: 'createDoorway',
      tag: 'doorways',
      summary: 'Add a doorway',
      scope: 'topology:write',
      body: doorwayBody,
      bodyExample: BODY_EXAMPLE,
      problems: [409],
      success: {
        status: 201,
        description: 'the doorway',
        schema: resources.doorway,
        example: DOORWAY_EXAMPLE,
        headers: { location: { description: 'where it is' } },
      },
      handle: async ({ body: { name, ingress_space_id: ingressSpaceId, egress_space_id: egressSpaceId } }, ctx) => {
        const doorway = (
          await topology.execute({ kind: 'createDoorway', fields: { name, ingressSpaceId, egressSpaceId } })
        ).doc as Doorway;
        return createdAt(ctx, `/doorways/${doorway.id}`, doorwayJson(doorway));
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/doorways/{id}',
      operationId: 'getDoorway',
      tag: 'doorways',
      summary: 'Look a doorway up',
      scope: 'read',
      params,
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'the doorway',
        schema: resources.doorway,
        example: DOORWAY_EXAMPLE,
        headers: ETAG,
      },
      handle: ({ params: { id } }, ctx) => revalidated(ctx, doorwayJson(doorwayIn(view(), id))),
    }),
    ...writeRoutes(topology),
  ];
}

function doorwayIn(seen: TopologyView, id: Doorway['id']): Doorway {
  return existing(seen.doorway(id), `doorway ${id}`);
}

function writeRoutes(topology: TopologyService): Route[] {
  const success = {
    status: 200,
    description: 'the doorway as it is now',
    schema: resources.doorway,
    example: DOORWAY_EXAMPLE,
    headers: ETAG,
  } as const;
  const common = {
    path: '/doorways/{id}',
    tag: 'doorways',
    scope: 'topology:write',
    params,
    problems: [404, 409, 412],
    requestHeaders: IF_MATCH,
  } as const;
  return [
    defineRoute({
      ...common,
      method: 'PUT',
      operationId: 'replaceDoorway',
      summary: 'Write all of a doorway',
      description: 'Where it leads changes for all of its readings, past ones too.',
      body: doorwayBody,
      bodyExample: BODY_EXAMPLE,
      success,
      handle: async (
        { params: { id }, body: { name, ingress_space_id: ingressSpaceId, egress_space_id: egressSpaceId } },
        ctx,
      ) => {
        const fact = await topology.execute(
          { kind: 'updateDoorway', id, fields: { name, ingressSpaceId, egressSpaceId } },
          (seen) => checkUnchanged(ctx, () => doorwayJson(doorwayIn(seen, id))),
        );
        return revalidated(ctx, doorwayJson(fact.doc as Doorway));
      },
    }),
    defineRoute({
      ...common,
      method: 'PATCH',
      operationId: 'updateDoorway',
      summary: 'Write some fields of a doorway',
      description: 'Where it leads changes for all of its readings, past ones too.',
      body: doorwayPatch,
      bodyExample: { egress_space_id: 2 },
      success,
      handle: async (
        { params: { id }, body: { name, ingress_space_id: ingressSpaceId, egress_space_id: egressSpaceId } },
        ctx,
      ) => {
        const fact = await topology.execute(
          { kind: 'updateDoorway', id, fields: defined({ name, ingressSpaceId, egressSpaceId }) },
          (seen) => checkUnchanged(ctx, () => doorwayJson(doorwayIn(seen, id))),
        );
        return revalidated(ctx, doorwayJson(fact.doc as Doorway));
      },
    }),
    defineRoute({
      ...common,
      method: 'DELETE',
      operationId: 'deleteDoorway',
      summary: 'Remove a doorway that no sensor is above, now or from a later instant on',
      description: 'What was counted there stays counted, and so are readings that come later and are of before.',
      success: { status: 204, description: 'it is removed' },
      handle: async ({ params: { id } }, ctx) => {
        await topology.execute({ kind: 'deleteDoorway', id }, (seen) =>
          checkUnchanged(ctx, () => doorwayJson(doorwayIn(seen, id))),
        );
      },
    }),
  ];
}
