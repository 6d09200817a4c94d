// DPUs: the sensors, and the doorway at which each is placed.
import type { Context } from 'koa';
import { z } from 'zod';
import { doorwayAt } from '../../domain/placement.ts';
import type { Dpu } from '../../domain/topology.ts';
import { existing, type TopologyView } from '../../domain/topology-history.ts';
import { change, DRY_RUN, IF_AS_OF, IF_MATCH_OR_AS_OF, TRIED, type Changing } from './change.ts';
import { ETAG, IF_NONE_MATCH, revalidated } from '../middleware/caching.ts';
import { answerList, type Readers } from '../list.ts';
import { LIST_HEADERS } from '../paging.ts';
import { defineRoute, type Route } from './route.ts';
import { dpuBody, dpuPatch, dpuPut } from '../schemas/bodies.ts';
import { dryRun } from '../schemas/dry-runs.ts';
import { dpuIdInPath, instantInQuery } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import { TOPOLOGY_AS_OF_HEADER, topologyKnownAt } from '../schemas/known-at.ts';
import * as resources from '../schemas/resources.ts';
import { createdAt, DPU_EXAMPLE, dpuJson, LOCATION, notDeleted } from '../topology-json.ts';
import type { TopologyReads } from '../topology-reads.ts';

const FIELDS = { id: 'text', doorway_id: 'number', created_at: 'instant', updated_at: 'instant' } as const;

const COLLECTION = { path: '/dpus', tag: 'dpus' } as const;
const params = z.strictObject({ id: dpuIdInPath });
const ITEM = { path: '/dpus/{id}', tag: 'dpus', params } as const;
const WRITE = {
  ...ITEM,
  scope: 'topology:write',
  problems: [404, 409, 412],
  requestHeaders: IF_MATCH_OR_AS_OF,
} as const;
const PLACEMENT_EXAMPLE = { doorway_id: 2, effective_at: '2018-02-26T12:00:00Z' };
const UPDATED = {
  status: 200,
  description: 'the updated sensor',
  schema: z.union([resources.dpu, dryRun]),
  example: DPU_EXAMPLE,
  headers: ETAG,
} as const;
const EFFECTIVE_AT =
  'The placement changes from `effective_at` on, which may be in the past: readings since then are counted at the new doorway.';

export function dpusRoutes(changing: Changing, reads: TopologyReads, now: () => number): Route[] {
  return [
    listDpus(reads),
    createDpu(changing, now),
    getDpu(reads),
    replaceDpu(changing, now),
    updateDpu(changing, now),
    deleteDpu(changing, now),
  ];
}

/** @param atMs for the doorway */
const readersAt = (atMs: number): Readers<Dpu, typeof FIELDS> => ({
  id: ({ id }) => id,
  doorway_id: ({ placements }) => doorwayAt(placements, atMs),
  created_at: ({ createdMs }) => createdMs,
  updated_at: ({ updatedMs }) => updatedMs,
});

function listDpus(reads: TopologyReads): Route {
  return defineRoute({
    ...COLLECTION,
    method: 'GET',
    operationId: 'listDpus',
    summary: 'List sensors',
    scope: 'read',
    query: z.strictObject({ ...listQuery(FIELDS, 'id'), ...topologyKnownAt }),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of sensors',
      schema: z.array(resources.dpu),
      example: [DPU_EXAMPLE],
      headers: { ...LIST_HEADERS, ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
    },
    handle: ({ query }, ctx) => {
      const { view, atMs } = reads.read(ctx, query);
      return answerList(ctx, notDeleted(view.dpus()), readersAt(atMs), query, (dpu) => dpuJson(dpu, atMs));
    },
  });
}

function createDpu(changing: Changing, now: () => number): Route {
  return defineRoute({
    ...COLLECTION,
    method: 'POST',
    operationId: 'createDpu',
    summary: 'Create a sensor',
    scope: 'topology:write',
    description:
      'Without `effective_at`, the first placement holds for all time: readings that the sensor has already sent are counted there.',
    query: z.strictObject(DRY_RUN),
    requestHeaders: IF_AS_OF,
    body: dpuBody,
    bodyExample: { id: '423', doorway_id: 1 },
    problems: [409, 412],
    alternativeStatus: TRIED,
    success: {
      status: 201,
      description: 'the new sensor',
      schema: resources.dpu,
      example: DPU_EXAMPLE,
      headers: LOCATION,
    },
    handle: async ({ body, query: { dry_run: isDryRun } }, ctx) => {
      const { id, doorway_id: doorwayId, effective_at: effectiveMs, counter_modulus: counterModulus } = body;
      const command = { kind: 'createDpu', id, doorwayId, effectiveMs, counterModulus } as const;
      const done = await change(ctx, changing, command, { isDryRun });
      if ('tried' in done) return done.tried;
      const dpu = done.made.doc as Dpu;
      return createdAt(ctx, `/dpus/${dpu.id}`, dpuJson(dpu, now()));
    },
  });
}

function getDpu(reads: TopologyReads): Route {
  return defineRoute({
    ...ITEM,
    method: 'GET',
    operationId: 'getDpu',
    summary: 'Get a sensor',
    scope: 'read',
    problems: [404],
    query: z.strictObject(topologyKnownAt),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'the sensor',
      schema: resources.dpu,
      example: DPU_EXAMPLE,
      headers: { ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
    },
    handle: ({ params: { id }, query }, ctx) => {
      const { view, atMs } = reads.read(ctx, query);
      return revalidated(ctx, dpuJson(dpuIn(view, id), atMs));
    },
  });
}

function replaceDpu(changing: Changing, now: () => number): Route {
  return defineRoute({
    ...WRITE,
    method: 'PUT',
    operationId: 'replaceDpu',
    summary: 'Replace the placement of a sensor',
    description: EFFECTIVE_AT,
    query: z.strictObject(DRY_RUN),
    body: dpuPut,
    bodyExample: PLACEMENT_EXAMPLE,
    success: UPDATED,
    handle: async ({ params: { id }, body, query: { dry_run: isDryRun } }, ctx) =>
      place(changing, ctx, { id, body: { counter_modulus: null, ...body }, isDryRun }, now),
  });
}

function updateDpu(changing: Changing, now: () => number): Route {
  return defineRoute({
    ...WRITE,
    method: 'PATCH',
    operationId: 'updateDpu',
    summary: 'Move a sensor',
    description: EFFECTIVE_AT,
    query: z.strictObject(DRY_RUN),
    body: dpuPatch,
    bodyExample: PLACEMENT_EXAMPLE,
    success: UPDATED,
    handle: async ({ params: { id }, body, query: { dry_run: isDryRun } }, ctx) =>
      place(changing, ctx, { id, body, isDryRun }, now),
  });
}

function deleteDpu(changing: Changing, now: () => number): Route {
  return defineRoute({
    ...WRITE,
    method: 'DELETE',
    operationId: 'deleteDpu',
    summary: 'Delete a sensor',
    description: 'Readings from before the deletion still count.',
    query: z.strictObject({
      effective_at: instantInQuery('when the deletion takes effect; default: now').optional(),
      ...DRY_RUN,
    }),
    success: { status: 204, description: 'the sensor is deleted' },
    alternativeStatus: TRIED,
    handle: async ({ params: { id }, query: { effective_at: effectiveMs, dry_run: isDryRun } }, ctx) => {
      const current = currentDpu(id, now);
      const done = await change(ctx, changing, { kind: 'deleteDpu', id, effectiveMs }, { isDryRun, current });
      return 'tried' in done ? done.tried : undefined;
    },
  });
}

interface PlacementChange extends Pick<Dpu, 'id'> {
  readonly body: z.output<typeof dpuPatch>;
  readonly isDryRun: boolean | undefined;
}

async function place(changing: Changing, ctx: Context, { id, body, isDryRun }: PlacementChange, now: () => number) {
  const { doorway_id: doorwayId, effective_at: effectiveMs, counter_modulus: counterModulus } = body;
  const command = { kind: 'placeDpu', id, doorwayId, effectiveMs, counterModulus } as const;
  const done = await change(ctx, changing, command, { isDryRun, current: currentDpu(id, now) });
  return 'tried' in done ? done.tried : revalidated(ctx, dpuJson(done.made.doc as Dpu, now()));
}

function currentDpu(id: Dpu['id'], now: () => number): (view: TopologyView) => object {
  return (view) => dpuJson(dpuIn(view, id), now());
}

function dpuIn(view: TopologyView, id: Dpu['id']): Dpu {
  return existing(view.dpu(id), `DPU ${id}`);
}
