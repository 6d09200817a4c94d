// Doorways: the thresholds between spaces.
import type { Context } from 'koa';
import { z } from 'zod';
import type { Doorway } from '../../domain/topology.ts';
import type { DoorwayFields } from '../../domain/topology-command.ts';
import { existing, type TopologyView } from '../../domain/topology-history.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { authorOf } from '../auth/auth.ts';
import { change, DRY_RUN, IF_MATCH_OR_AS_OF, type Changing } from './change.ts';
import { checkUnchanged, ETAG, IF_MATCH, IF_NONE_MATCH, revalidated } from '../middleware/caching.ts';
import { answerList, type Readers } from '../list.ts';
import { LIST_HEADERS } from '../paging.ts';
import { defineRoute, type Route } from './route.ts';
import { doorwayBody, doorwayPatch } from '../schemas/bodies.ts';
import { dryRun } from '../schemas/dry-runs.ts';
import { doorwayIdInPath } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import { TOPOLOGY_AS_OF_HEADER, topologyKnownAt } from '../schemas/known-at.ts';
import * as resources from '../schemas/resources.ts';
import { createdAt, defined, DOORWAY_EXAMPLE, doorwayJson, LOCATION, notDeleted } from '../topology-json.ts';
import type { TopologyReads } from '../topology-reads.ts';

const FIELDS = {
  id: 'number',
  name: 'text',
  external_id: 'text',
  ingress_space_id: 'number',
  egress_space_id: 'number',
  created_at: 'instant',
  updated_at: 'instant',
} as const;
const READERS: Readers<Doorway, typeof FIELDS> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  external_id: ({ externalId = null }) => externalId,
  ingress_space_id: ({ ingressSpaceId }) => ingressSpaceId,
  egress_space_id: ({ egressSpaceId }) => egressSpaceId,
  created_at: ({ createdMs }) => createdMs,
  updated_at: ({ updatedMs }) => updatedMs,
};

const COLLECTION = { path: '/doorways', tag: 'doorways' } as const;
const params = z.strictObject({ id: doorwayIdInPath });
const ITEM = { path: '/doorways/{id}', tag: 'doorways', params } as const;
const WRITE = { ...ITEM, scope: 'topology:write', problems: [404, 409, 412] } as const;
const CHANGE = { ...WRITE, query: z.strictObject(DRY_RUN), requestHeaders: IF_MATCH_OR_AS_OF } as const;
const BODY_EXAMPLE = { name: 'Main entrance', ingress_space_id: 1, egress_space_id: null };
const UPDATED = {
  status: 200,
  description: 'the updated doorway',
  schema: z.union([resources.doorway, dryRun]),
  example: DOORWAY_EXAMPLE,
  headers: ETAG,
} as const;
const APPLIES_TO_ALL = 'A change of its spaces applies to all of its readings, past ones included.';

export function doorwaysRoutes(changing: Changing, reads: TopologyReads): Route[] {
  const { topology } = changing;
  return [
    listDoorways(reads),
    createDoorway(topology),
    getDoorway(reads),
    replaceDoorway(changing),
    updateDoorway(changing),
    deleteDoorway(topology),
  ];
}

function listDoorways(reads: TopologyReads): Route {
  return defineRoute({
    ...COLLECTION,
    method: 'GET',
    operationId: 'listDoorways',
    summary: 'List doorways',
    scope: 'read',
    query: z.strictObject({ ...listQuery(FIELDS, 'id'), ...topologyKnownAt }),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of doorways',
      schema: z.array(resources.doorway),
      example: [DOORWAY_EXAMPLE],
      headers: { ...LIST_HEADERS, ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
    },
    handle: ({ query }, ctx) =>
      answerList(ctx, notDeleted(reads.read(ctx, query).view.doorways()), READERS, query, doorwayJson),
  });
}

function createDoorway(topology: TopologyService): Route {
  return defineRoute({
    ...COLLECTION,
    method: 'POST',
    operationId: 'createDoorway',
    summary: 'Create a doorway',
    scope: 'topology:write',
    body: doorwayBody,
    bodyExample: BODY_EXAMPLE,
    problems: [409],
    success: {
      status: 201,
      description: 'the new doorway',
      schema: resources.doorway,
      example: DOORWAY_EXAMPLE,
      headers: LOCATION,
    },
    handle: async ({ body }, ctx) => {
      const { doc } = await topology.execute({ kind: 'createDoorway', fields: fieldsOf(body) }, authorOf(ctx));
      const doorway = doc as Doorway;
      return createdAt(ctx, `/doorways/${doorway.id}`, doorwayJson(doorway));
    },
  });
}

function getDoorway(reads: TopologyReads): Route {
  return defineRoute({
    ...ITEM,
    method: 'GET',
    operationId: 'getDoorway',
    summary: 'Get a doorway',
    scope: 'read',
    problems: [404],
    query: z.strictObject(topologyKnownAt),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'the doorway',
      schema: resources.doorway,
      example: DOORWAY_EXAMPLE,
      headers: { ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
    },
    handle: ({ params: { id }, query }, ctx) =>
      revalidated(ctx, doorwayJson(doorwayIn(reads.read(ctx, query).view, id))),
  });
}

function replaceDoorway(changing: Changing): Route {
  return defineRoute({
    ...CHANGE,
    method: 'PUT',
    operationId: 'replaceDoorway',
    summary: 'Replace all fields of a doorway',
    description: APPLIES_TO_ALL,
    body: doorwayBody,
    bodyExample: BODY_EXAMPLE,
    success: UPDATED,
    handle: async ({ params: { id }, body, query: { dry_run: isDryRun } }, ctx) =>
      update(changing, ctx, { id, fields: fieldsOf(body), isDryRun }),
  });
}

function updateDoorway(changing: Changing): Route {
  return defineRoute({
    ...CHANGE,
    method: 'PATCH',
    operationId: 'updateDoorway',
    summary: 'Update some fields of a doorway',
    description: APPLIES_TO_ALL,
    body: doorwayPatch,
    bodyExample: { egress_space_id: 2 },
    success: UPDATED,
    handle: async ({ params: { id }, body, query: { dry_run: isDryRun } }, ctx) =>
      update(changing, ctx, { id, fields: changesOf(body), isDryRun }),
  });
}

function deleteDoorway(topology: TopologyService): Route {
  return defineRoute({
    ...WRITE,
    method: 'DELETE',
    operationId: 'deleteDoorway',
    requestHeaders: IF_MATCH,
    summary: 'Delete a doorway at which no sensor is placed, now or later',
    description: 'Its counts are kept, and readings from before the deletion that arrive later still count.',
    success: { status: 204, description: 'the doorway is deleted' },
    handle: async ({ params: { id } }, ctx) => {
      await topology.execute({ kind: 'deleteDoorway', id }, authorOf(ctx), unchanged(ctx, id));
    },
  });
}

interface DoorwayChange extends Pick<Doorway, 'id'> {
  readonly fields: Partial<DoorwayFields>;
  readonly isDryRun: boolean | undefined;
}

async function update(changing: Changing, ctx: Context, { id, fields, isDryRun }: DoorwayChange) {
  const current = (view: TopologyView): object => doorwayJson(doorwayIn(view, id));
  const done = await change(ctx, changing, { kind: 'updateDoorway', id, fields }, { isDryRun, current });
  return 'tried' in done ? done.tried : revalidated(ctx, doorwayJson(done.made.doc as Doorway));
}

function unchanged(ctx: Context, id: Doorway['id']): (view: TopologyView) => void {
  return (view) => checkUnchanged(ctx, () => doorwayJson(doorwayIn(view, id)));
}

function doorwayIn(view: TopologyView, id: Doorway['id']): Doorway {
  return existing(view.doorway(id), `doorway ${id}`);
}

function fieldsOf(body: z.output<typeof doorwayBody>): DoorwayFields {
  const {
    name,
    external_id: externalId = null,
    ingress_space_id: ingressSpaceId,
    egress_space_id: egressSpaceId,
  } = body;
  return { name, externalId, ingressSpaceId, egressSpaceId };
}

/** A field that is left out is unchanged. */
function changesOf(body: z.output<typeof doorwayPatch>): Partial<DoorwayFields> {
  const { name, external_id: externalId, ingress_space_id: ingressSpaceId, egress_space_id: egressSpaceId } = body;
  return defined({ name, externalId, ingressSpaceId, egressSpaceId });
}
