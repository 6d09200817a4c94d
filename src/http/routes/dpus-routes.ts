// DPUs, and where they were when.
import type { Context } from 'koa';
import { z } from 'zod';
import type { DpuId } from '../../domain/ids.ts';
import { END_MS } from '../../domain/instant.ts';
import { doorwayAt, placementsOf, type Placement } from '../../domain/placement.ts';
import type { Dpu } from '../../domain/topology.ts';
import { existing, type TopologyView } from '../../domain/topology-history.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { checkUnchanged, ETAG, IF_MATCH, IF_NONE_MATCH, revalidated } from '../middleware/caching.ts';
import { answerList, LIST_HEADERS, type Readers } from '../list.ts';
import { defineRoute, type Route } from './route.ts';
import { dpuBody, dpuPatch, dpuPut } from '../schemas/bodies.ts';
import { dpuIdInPath, instantInQuery } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import * as resources from '../schemas/resources.ts';
import { createdAt, DPU_EXAMPLE, dpuJson, live, PLACEMENT_EXAMPLE, placementJson } from '../topology-json.ts';

const FIELDS = { id: 'text', doorway_id: 'number', created_at: 'instant', updated_at: 'instant' } as const;
const PLACEMENT_FIELDS = { from: 'instant', to: 'instant', doorway_id: 'number' } as const;
const PLACEMENT_READERS: Readers<Placement, typeof PLACEMENT_FIELDS> = {
  from: ({ fromMs }) => (fromMs < 0 ? null : fromMs),
  to: ({ toMs }) => (toMs === END_MS ? null : toMs),
  doorway_id: ({ doorwayId }) => doorwayId,
};

const params = z.strictObject({ id: dpuIdInPath });
const EFFECTIVE_AT =
  'Where it was changes from `effective_at` on, which may be in the past: what it saw since then counts where it was.';

export function dpusRoutes(topology: TopologyService, now: () => number): Route[] {
  const view = (): TopologyView => topology.history.latest();
  const readers: Readers<Dpu, typeof FIELDS> = {
    id: ({ id }) => id,
    doorway_id: ({ placements }) => doorwayAt(placements, now()),
    created_at: ({ createdMs }) => createdMs,
    updated_at: ({ updatedMs }) => updatedMs,
  };
  return [
    defineRoute({
      method: 'GET',
      path: '/dpus',
      operationId: 'listDpus',
      tag: 'dpus',
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
      handle: ({ query }, ctx) => answerList(ctx, live(view().dpus()), readers, query, (dpu) => dpuJson(dpu, now())),
    }),
    defineRoute({
      method: 'POST',
      path: '/dpus',
      operationId: 'createDpu',
      tag: 'dpus',
      summary: 'Add a sensor',
      scope: 'topology:write',
      description:
        'Its first placement has been there always, unless `effective_at` says otherwise: readings it sent before count now.',
      body: dpuBody,
      bodyExample: { id: '423', doorway_id: 1 },
      problems: [409],
      success: {
        status: 201,
        description: 'the sensor',
        schema: resources.dpu,
        example: DPU_EXAMPLE,
        headers: { location: { description: 'where it is' } },
      },
      handle: async ({ body }, ctx) => {
        const { id, doorway_id: doorwayId, effective_at: effectiveMs, counter_modulus: counterModulus } = body;
        const command = { kind: 'createDpu', id, doorwayId, effectiveMs, counterModulus } as const;
        const dpu = (await topology.execute(command)).doc as Dpu;
        return createdAt(ctx, `/dpus/${dpu.id}`, dpuJson(dpu, now()));
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/dpus/{id}',
      operationId: 'getDpu',
      tag: 'dpus',
      summary: 'Look a sensor up',
      scope: 'read',
      params,
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: { status: 200, description: 'the sensor', schema: resources.dpu, example: DPU_EXAMPLE, headers: ETAG },
      handle: ({ params: { id } }, ctx) => revalidated(ctx, dpuJson(dpuIn(view(), id), now())),
    }),
    defineRoute({
      method: 'GET',
      path: '/dpus/{id}/placements',
      operationId: 'listPlacements',
      tag: 'dpus',
      summary: 'List where a sensor was when',
      scope: 'read',
      params,
      query: z.strictObject(listQuery(PLACEMENT_FIELDS, 'from')),
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of placements',
        schema: z.array(resources.placement),
        example: [PLACEMENT_EXAMPLE],
        headers: { ...LIST_HEADERS, ...ETAG },
      },
      handle: ({ params: { id }, query }, ctx) =>
        answerList(ctx, placementsOf(dpuIn(view(), id).placements), PLACEMENT_READERS, query, placementJson),
    }),
    ...writeRoutes(topology, now),
  ];
}

function dpuIn(seen: TopologyView, id: Dpu['id']): Dpu {
  return existing(seen.dpu(id), `DPU ${id}`);
}

function writeRoutes(topology: TopologyService, now: () => number): Route[] {
  const success = {
    status: 200,
    description: 'the sensor as it is now',
    schema: resources.dpu,
    example: DPU_EXAMPLE,
    headers: ETAG,
  } as const;
  const common = {
    path: '/dpus/{id}',
    tag: 'dpus',
    scope: 'topology:write',
    params,
    problems: [404, 409, 412],
    requestHeaders: IF_MATCH,
  } as const;
  const bodyExample = { doorway_id: 2, effective_at: '2018-02-26T12:00:00Z' };
  const change = async (ctx: Context, id: DpuId, body: z.infer<typeof dpuPatch>): Promise<object | undefined> => {
    const { doorway_id: doorwayId, effective_at: effectiveMs, counter_modulus: counterModulus } = body;
    const fact = await topology.execute({ kind: 'placeDpu', id, doorwayId, effectiveMs, counterModulus }, (seen) =>
      checkUnchanged(ctx, () => dpuJson(dpuIn(seen, id), now())),
    );
    return revalidated(ctx, dpuJson(fact.doc as Dpu, now()));
  };
  return [
    defineRoute({
      ...common,
      method: 'PUT',
      operationId: 'replaceDpu',
      summary: 'Say where a sensor is',
      description: EFFECTIVE_AT,
      body: dpuPut,
      bodyExample,
      success,
      handle: ({ params: { id }, body }, ctx) => change(ctx, id, body),
    }),
    defineRoute({
      ...common,
      method: 'PATCH',
      operationId: 'updateDpu',
      summary: 'Move a sensor',
      description: EFFECTIVE_AT,
      body: dpuPatch,
      bodyExample,
      success,
      handle: ({ params: { id }, body }, ctx) => change(ctx, id, body),
    }),
    defineRoute({
      ...common,
      method: 'DELETE',
      operationId: 'deleteDpu',
      summary: 'Remove a sensor',
      description: 'What it saw until then still counts.',
      query: z.strictObject({ effective_at: instantInQuery('since or from when; otherwise now').optional() }),
      success: { status: 204, description: 'it is removed' },
      handle: async ({ params: { id }, query: { effective_at: effectiveMs } }, ctx) => {
        await topology.execute({ kind: 'deleteDpu', id, effectiveMs }, (seen) =>
          checkUnchanged(ctx, () => dpuJson(dpuIn(seen, id), now())),
        );
      },
    }),
  ];
}
