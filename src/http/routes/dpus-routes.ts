// DPUs: the sensors, and the doorway at which each is placed.
import type { Context } from 'koa';
import { z } from 'zod';
import { doorwayAt } from '../../domain/placement.ts';
import type { Dpu } from '../../domain/topology.ts';
import { existing, type TopologyView } from '../../domain/topology-history.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { checkUnchanged, ETAG, IF_MATCH, IF_NONE_MATCH, revalidated } from '../middleware/caching.ts';
import { answerList, type Readers } from '../list.ts';
import { LIST_HEADERS } from '../paging.ts';
import { defineRoute, type Route } from './route.ts';
import { dpuBody, dpuPatch, dpuPut } from '../schemas/bodies.ts';
import { dpuIdInPath, instantInQuery } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import * as resources from '../schemas/resources.ts';
import { createdAt, DPU_EXAMPLE, dpuJson, LOCATION, notDeleted } from '../topology-json.ts';

const FIELDS = { id: 'text', doorway_id: 'number', created_at: 'instant', updated_at: 'instant' } as const;

const COLLECTION = { path: '/dpus', tag: 'dpus' } as const;
const params = z.strictObject({ id: dpuIdInPath });
const ITEM = { path: '/dpus/{id}', tag: 'dpus', params } as const;
const WRITE = { ...ITEM, scope: 'topology:write', problems: [404, 409, 412], requestHeaders: IF_MATCH } as const;
const PLACEMENT_EXAMPLE = { doorway_id: 2, effective_at: '2018-02-26T12:00:00Z' };
const UPDATED = {
  status: 200,
  description: 'the updated sensor',
  schema: resources.dpu,
  example: DPU_EXAMPLE,
  headers: ETAG,
} as const;
const EFFECTIVE_AT =
  'The placement changes from `effective_at` on, which may be in the past: readings since then are counted at the new doorway.';

export function dpusRoutes(topology: TopologyService, now: () => number): Route[] {
  return [
    listDpus(topology, now),
    createDpu(topology, now),
    getDpu(topology, now),
    replaceDpu(topology, now),
    updateDpu(topology, now),
    deleteDpu(topology, now),
  ];
}

function listDpus({ history }: TopologyService, now: () => number): Route {
  const readers: Readers<Dpu, typeof FIELDS> = {
    id: ({ id }) => id,
    doorway_id: ({ placements }) => doorwayAt(placements, now()),
    created_at: ({ createdMs }) => createdMs,
    updated_at: ({ updatedMs }) => updatedMs,
  };
  return defineRoute({
    ...COLLECTION,
    method: 'GET',
    operationId: 'listDpus',
    summary: 'List sensors',
    scope: 'read',
    query: z.strictObject(listQuery(FIELDS, 'id')),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of sensors',
      schema: z.array(resources.dpu),
      example: [DPU_EXAMPLE],
      headers: { ...LIST_HEADERS, ...ETAG },
    },
    handle: ({ query }, ctx) =>
      answerList(ctx, notDeleted(history.latest().dpus()), readers, query, (dpu) => dpuJson(dpu, now())),
  });
}

function createDpu(topology: TopologyService, now: () => number): Route {
  return defineRoute({
    ...COLLECTION,
    method: 'POST',
    operationId: 'createDpu',
    summary: 'Create a sensor',
    scope: 'topology:write',
    description:
      'Without `effective_at`, the first placement holds for all time: readings that the sensor has already sent are counted there.',
    body: dpuBody,
    bodyExample: { id: '423', doorway_id: 1 },
    problems: [409],
    success: {
      status: 201,
      description: 'the new sensor',
      schema: resources.dpu,
      example: DPU_EXAMPLE,
      headers: LOCATION,
    },
    handle: async ({ body }, ctx) => {
      const { id, doorway_id: doorwayId, effective_at: effectiveMs, counter_modulus: counterModulus } = body;
      const { doc } = await topology.execute({ kind: 'createDpu', id, doorwayId, effectiveMs, counterModulus });
      const dpu = doc as Dpu;
      return createdAt(ctx, `/dpus/${dpu.id}`, dpuJson(dpu, now()));
    },
  });
}

function getDpu({ history }: TopologyService, now: () => number): Route {
  return defineRoute({
    ...ITEM,
    method: 'GET',
    operationId: 'getDpu',
    summary: 'Get a sensor',
    scope: 'read',
    problems: [404],
    requestHeaders: IF_NONE_MATCH,
    success: { status: 200, description: 'the sensor', schema: resources.dpu, example: DPU_EXAMPLE, headers: ETAG },
    handle: ({ params: { id } }, ctx) => revalidated(ctx, dpuJson(dpuIn(history.latest(), id), now())),
  });
}

function replaceDpu(topology: TopologyService, now: () => number): Route {
  return defineRoute({
    ...WRITE,
    method: 'PUT',
    operationId: 'replaceDpu',
    summary: 'Replace the placement of a sensor',
    description: EFFECTIVE_AT,
    body: dpuPut,
    bodyExample: PLACEMENT_EXAMPLE,
    success: UPDATED,
    handle: async ({ params: { id }, body }, ctx) => place(topology, ctx, id, { counter_modulus: null, ...body }, now),
  });
}

function updateDpu(topology: TopologyService, now: () => number): Route {
  return defineRoute({
    ...WRITE,
    method: 'PATCH',
    operationId: 'updateDpu',
    summary: 'Move a sensor',
    description: EFFECTIVE_AT,
    body: dpuPatch,
    bodyExample: PLACEMENT_EXAMPLE,
    success: UPDATED,
    handle: async ({ params: { id }, body }, ctx) => place(topology, ctx, id, body, now),
  });
}

function deleteDpu(topology: TopologyService, now: () => number): Route {
  return defineRoute({
    ...WRITE,
    method: 'DELETE',
    operationId: 'deleteDpu',
    summary: 'Delete a sensor',
    description: 'Readings from before the deletion still count.',
    query: z.strictObject({ effective_at: instantInQuery('when the deletion takes effect; default: now').optional() }),
    success: { status: 204, description: 'the sensor is deleted' },
    handle: async ({ params: { id }, query: { effective_at: effectiveMs } }, ctx) => {
      await topology.execute({ kind: 'deleteDpu', id, effectiveMs }, unchanged(ctx, id, now));
    },
  });
}

async function place(
  topology: TopologyService,
  ctx: Context,
  id: Dpu['id'],
  body: z.output<typeof dpuPatch>,
  now: () => number,
) {
  const { doorway_id: doorwayId, effective_at: effectiveMs, counter_modulus: counterModulus } = body;
  const command = { kind: 'placeDpu', id, doorwayId, effectiveMs, counterModulus } as const;
  const { doc } = await topology.execute(command, unchanged(ctx, id, now));
  return revalidated(ctx, dpuJson(doc as Dpu, now()));
}

function unchanged(ctx: Context, id: Dpu['id'], now: () => number): (view: TopologyView) => void {
  return (view) => checkUnchanged(ctx, () => dpuJson(dpuIn(view, id), now()));
}

function dpuIn(view: TopologyView, id: Dpu['id']): Dpu {
  return existing(view.dpu(id), `DPU ${id}`);
}
