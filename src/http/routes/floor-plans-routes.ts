// Floor plans: the image, and where spaces and doorways are on it.
import type { Context } from 'koa';
import { z } from 'zod';
import { Failure } from '../../domain/failure.ts';
import { formatInstant } from '../../domain/instant.ts';
import type { TopologyView } from '../../domain/topology-history.ts';
import type { FloorPlan, PlanImage } from '../../ports/floor-plans.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { decompressed } from '../decompressed.ts';
import { IMAGE_BYTES_MAX, type Check, type Drawing, type FloorPlans } from '../floor-plans.ts';
import { answerList, type Readers } from '../list.ts';
import { checkUnchanged, ETAG, hasAlready, IF_MATCH, IF_NONE_MATCH, revalidated } from '../middleware/caching.ts';
import { LIST_HEADERS } from '../paging.ts';
import { floorPlan, floorPlanBody, planIdInPath } from '../schemas/floor-plans.ts';
import { listQuery } from '../schemas/list.ts';
import { defineRoute, type Route } from './route.ts';

const FIELDS = { id: 'text', name: 'text', updated_at: 'instant' } as const;
const READERS: Readers<FloorPlan, typeof FIELDS> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  updated_at: ({ updatedMs }) => updatedMs,
};
const params = z.strictObject({ id: planIdInPath });
const ITEM = { path: '/floor-plans/{id}', tag: 'floor-plans', params } as const;
const IMAGE = { path: '/floor-plans/{id}/image', tag: 'floor-plans', params } as const;
const DRAWING_EXAMPLE = {
  name: 'Ground floor',
  spaces: [
    {
      space_id: 1,
      points: [
        { x: 0.1, y: 0.1 },
        { x: 0.6, y: 0.1 },
        { x: 0.6, y: 0.5 },
      ],
    },
  ],
  doorways: [{ doorway_id: 1, x: 0.35, y: 0.1 }],
};
const EXAMPLE = {
  id: 'ground-floor',
  ...DRAWING_EXAMPLE,
  image: {
    type: 'image/png',
    width: 1_600,
    height: 900,
    bytes: 81_223,
    version: 'ground-floor.w3Yd0gWw4sT1cXk7.Zk3aTq1e',
  },
  updated_at: '2026-11-24T09:00:00.000Z',
};
const ONE = { status: 200, schema: floorPlan, example: EXAMPLE, headers: ETAG } as const;
const BYTES_EXAMPLE = 'the bytes of the image';
/** A browser that opens the image on its own runs nothing that is in it. */
const IMAGE_POLICY = "default-src 'none'; sandbox";

export interface FloorPlansDeps {
  readonly plans: FloorPlans;
  readonly topology: Pick<TopologyService, 'history' | 'catchUp'>;
}

export function floorPlansRoutes(deps: FloorPlansDeps): Route[] {
  return [
    listFloorPlans(deps),
    getFloorPlan(deps),
    putFloorPlan(deps),
    deleteFloorPlan(deps),
    getFloorPlanImage(deps),
    putFloorPlanImage(deps),
  ];
}

function listFloorPlans({ plans }: FloorPlansDeps): Route {
  return defineRoute({
    method: 'GET',
    path: '/floor-plans',
    operationId: 'listFloorPlans',
    tag: 'floor-plans',
    summary: 'List floor plans',
    scope: 'read',
    query: z.strictObject(listQuery(FIELDS, 'name')),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of floor plans',
      schema: z.array(floorPlan),
      example: [EXAMPLE],
      headers: { ...LIST_HEADERS, ...ETAG },
    },
    handle: async ({ query }, ctx) => answerList(ctx, await plans.list(), READERS, query, planJson),
  });
}

function getFloorPlan({ plans }: FloorPlansDeps): Route {
  return defineRoute({
    ...ITEM,
    method: 'GET',
    operationId: 'getFloorPlan',
    summary: 'Get a floor plan',
    scope: 'read',
    problems: [404],
    requestHeaders: IF_NONE_MATCH,
    success: { ...ONE, description: 'the floor plan' },
    handle: async ({ params: { id } }, ctx) => revalidated(ctx, planJson(await plans.get(id))),
  });
}

function putFloorPlan({ plans, topology }: FloorPlansDeps): Route {
  return defineRoute({
    ...ITEM,
    method: 'PUT',
    operationId: 'putFloorPlan',
    summary: 'Create a floor plan, or replace what is drawn on it',
    description: 'The image stays as it is. There may be 20 floor plans.',
    scope: 'topology:write',
    body: floorPlanBody,
    bodyExample: DRAWING_EXAMPLE,
    requestHeaders: IF_MATCH,
    problems: [409, 412],
    success: { ...ONE, description: 'the floor plan' },
    handle: async ({ params: { id }, body }, ctx) => {
      // Another process may just have created the spaces and doorways on the plan.
      await topology.catchUp();
      const drawing = drawingOf(body, topology.history.latest());
      return revalidated(ctx, planJson(await plans.put(id, drawing, seenBy(ctx))));
    },
  });
}

function deleteFloorPlan({ plans }: FloorPlansDeps): Route {
  return defineRoute({
    ...ITEM,
    method: 'DELETE',
    operationId: 'deleteFloorPlan',
    summary: 'Delete a floor plan and its image',
    scope: 'topology:write',
    requestHeaders: IF_MATCH,
    problems: [404, 409, 412],
    success: { status: 204, description: 'the floor plan is deleted' },
    handle: async ({ params: { id } }, ctx) => plans.remove(id, seenBy(ctx)),
  });
}

function getFloorPlanImage({ plans }: FloorPlansDeps): Route {
  return defineRoute({
    ...IMAGE,
    method: 'GET',
    operationId: 'getFloorPlanImage',
    summary: 'Get the image of a floor plan',
    scope: 'read',
    problems: [404],
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'the image, as it was uploaded',
      alternatives: { 'image/png': BYTES_EXAMPLE, 'image/jpeg': BYTES_EXAMPLE, 'image/webp': BYTES_EXAMPLE },
      headers: ETAG,
    },
    handle: async ({ params: { id } }, ctx) => {
      const { image, bytes } = await plans.image(id, (each) => hasAlready(ctx, etagOfImage(each)));
      ctx.set('content-security-policy', IMAGE_POLICY);
      ctx.type = image.type;
      return revalidated(ctx, bytes && Buffer.from(bytes), etagOfImage(image));
    },
  });
}

function putFloorPlanImage({ plans }: FloorPlansDeps): Route {
  return defineRoute({
    ...IMAGE,
    method: 'PUT',
    operationId: 'putFloorPlanImage',
    summary: 'Upload the image of a floor plan',
    description:
      'PNG, JPEG or WebP, which the service recognises by the content: at most 2 MB, 10,000 pixels on a side and 40 million in all. ' +
      'All images together may have 10 MB. SVG is refused, because it can carry scripts.',
    scope: 'topology:write',
    streamedBody: {
      'image/png': { example: BYTES_EXAMPLE },
      'image/jpeg': { example: BYTES_EXAMPLE },
      'image/webp': { example: BYTES_EXAMPLE },
    },
    requestHeaders: IF_MATCH,
    problems: [404, 409, 412],
    success: { ...ONE, description: 'the floor plan' },
    handle: async ({ params: { id } }, ctx) => {
      const check = seenBy(ctx);
      check(await plans.get(id));
      return revalidated(ctx, planJson(await plans.setImage(id, await bytesOf(ctx), check)));
    },
  });
}

const etagOfImage = ({ name }: PlanImage): string => `"${name}"`;

function seenBy(ctx: Context): Check {
  return (current) => checkUnchanged(ctx, () => (current ? planJson(current) : null));
}

async function bytesOf(ctx: Context): Promise<Uint8Array> {
  const tooLong = `an image may have at most ${IMAGE_BYTES_MAX / 1e6} MB`;
  const chunks: Buffer[] = [];
  for await (const chunk of decompressed(ctx, IMAGE_BYTES_MAX, tooLong)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** @throws Failure invalid if a space or doorway does not exist, or is there twice */
function drawingOf({ name, spaces, doorways }: z.infer<typeof floorPlanBody>, view: TopologyView): Drawing {
  const drawn = new Set<string>();
  const require = (kind: 'space' | 'doorway', id: number, index: number, isThere: boolean): void => {
    const key = `${kind} ${id}`;
    const problem = drawn.has(key) ? `${key} is drawn twice` : isThere ? undefined : `there is no ${key}`;
    if (problem !== undefined) throw new Failure('invalid', problem, { field: `${kind}s.${index}.${kind}_id` });
    drawn.add(key);
  };
  for (const [index, { space_id: id }] of spaces.entries())
    require('space', id, index, view.space(id)?.deleted === false);
  for (const [index, { doorway_id: id }] of doorways.entries())
    require('doorway', id, index, view.doorway(id)?.deleted === false);
  return {
    name,
    spaces: spaces.map(({ space_id: spaceId, points }) => ({ spaceId, points })),
    doorways: doorways.map(({ doorway_id: doorwayId, x, y }) => ({ doorwayId, x, y })),
  };
}

function planJson({ id, name, image, spaces, doorways, updatedMs }: FloorPlan): z.output<typeof floorPlan> {
  return {
    id,
    name,
    image: image && {
      ...{ type: image.type, width: image.width, height: image.height },
      ...{ bytes: image.bytes, version: image.name },
    },
    spaces: spaces.map(({ spaceId, points }) => ({ space_id: spaceId, points: [...points] })),
    doorways: doorways.map(({ doorwayId, x, y }) => ({ doorway_id: doorwayId, x, y })),
    updated_at: formatInstant(updatedMs),
  };
}
