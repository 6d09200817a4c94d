// The routes of spaces.
import type { Context } from 'koa';
import { z } from 'zod';
import type { Space } from '../../domain/topology.ts';
import type { SpaceFields } from '../../domain/topology-command.ts';
import { existing, type TopologyView } from '../../domain/topology-history.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { authorOf } from '../auth/auth.ts';
import { checkUnchanged, ETAG, IF_MATCH, IF_NONE_MATCH, revalidated } from '../middleware/caching.ts';
import { answerList, type Readers } from '../list.ts';
import { LIST_HEADERS } from '../paging.ts';
import { defineRoute, type Route } from './route.ts';
import { spaceBody, spacePatch } from '../schemas/bodies.ts';
import { spaceIdInPath } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import { TOPOLOGY_AS_OF_HEADER, topologyKnownAt } from '../schemas/known-at.ts';
import * as resources from '../schemas/resources.ts';
import { createdAt, defined, LOCATION, notDeleted, SPACE_EXAMPLE, spaceJson } from '../topology-json.ts';
import type { TopologyReads } from '../topology-reads.ts';

const FIELDS = {
  id: 'number',
  name: 'text',
  external_id: 'text',
  time_zone: 'text',
  daily_reset: 'text',
  daily_reset_count: 'number',
  capacity: 'number',
  created_at: 'instant',
  updated_at: 'instant',
} as const;
const READERS: Readers<Space, typeof FIELDS> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  external_id: ({ externalId = null }) => externalId,
  time_zone: ({ timeZone }) => timeZone,
  daily_reset: ({ dailyReset }) => dailyReset,
  daily_reset_count: ({ dailyResetCount = 0 }) => dailyResetCount,
  capacity: ({ capacity }) => capacity,
  created_at: ({ createdMs }) => createdMs,
  updated_at: ({ updatedMs }) => updatedMs,
};

const COLLECTION = { path: '/spaces', tag: 'spaces' } as const;
const params = z.strictObject({ id: spaceIdInPath });
const ITEM = { path: '/spaces/{id}', tag: 'spaces', params } as const;
const WRITE = { ...ITEM, scope: 'topology:write', problems: [404, 409, 412], requestHeaders: IF_MATCH } as const;
const BODY_EXAMPLE = { name: 'Hall', time_zone: 'Europe/Vienna', daily_reset: '04:00', capacity: 120 };
const UPDATED = {
  status: 200,
  description: 'the updated space',
  schema: resources.space,
  example: SPACE_EXAMPLE,
  headers: ETAG,
} as const;

export function spacesRoutes(topology: TopologyService, reads: TopologyReads): Route[] {
  return [
    listSpaces(reads),
    createSpace(topology),
    getSpace(reads),
    replaceSpace(topology),
    updateSpace(topology),
    deleteSpace(topology),
  ];
}

function listSpaces(reads: TopologyReads): Route {
  return defineRoute({
    ...COLLECTION,
    method: 'GET',
    operationId: 'listSpaces',
    summary: 'List spaces',
    scope: 'read',
    query: z.strictObject({ ...listQuery(FIELDS, 'id'), ...topologyKnownAt }),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of spaces',
      schema: z.array(resources.space),
      example: [SPACE_EXAMPLE],
      headers: { ...LIST_HEADERS, ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
    },
    handle: ({ query }, ctx) =>
      answerList(ctx, notDeleted(reads.read(ctx, query).view.spaces()), READERS, query, spaceJson),
  });
}

function createSpace(topology: TopologyService): Route {
  return defineRoute({
    ...COLLECTION,
    method: 'POST',
    operationId: 'createSpace',
    summary: 'Create a space',
    scope: 'topology:write',
    body: spaceBody,
    bodyExample: BODY_EXAMPLE,
    problems: [409],
    success: {
      status: 201,
      description: 'the new space',
      schema: resources.space,
      example: SPACE_EXAMPLE,
      headers: LOCATION,
    },
    handle: async ({ body }, ctx) => {
      const { doc } = await topology.execute({ kind: 'createSpace', fields: fieldsOf(body) }, authorOf(ctx));
      const space = doc as Space;
      return createdAt(ctx, `/spaces/${space.id}`, spaceJson(space));
    },
  });
}

function getSpace(reads: TopologyReads): Route {
  return defineRoute({
    ...ITEM,
    method: 'GET',
    operationId: 'getSpace',
    summary: 'Get a space',
    scope: 'read',
    problems: [404],
    query: z.strictObject(topologyKnownAt),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'the space',
      schema: resources.space,
      example: SPACE_EXAMPLE,
      headers: { ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
    },
    handle: ({ params: { id }, query }, ctx) => revalidated(ctx, spaceJson(spaceIn(reads.read(ctx, query).view, id))),
  });
}

function replaceSpace(topology: TopologyService): Route {
  return defineRoute({
    ...WRITE,
    method: 'PUT',
    operationId: 'replaceSpace',
    summary: 'Replace all fields of a space',
    body: spaceBody,
    bodyExample: BODY_EXAMPLE,
    success: UPDATED,
    handle: async ({ params: { id }, body }, ctx) => update(topology, ctx, id, fieldsOf(body)),
  });
}

function updateSpace(topology: TopologyService): Route {
  return defineRoute({
    ...WRITE,
    method: 'PATCH',
    operationId: 'updateSpace',
    summary: 'Update some fields of a space',
    body: spacePatch,
    bodyExample: { capacity: 80 },
    success: UPDATED,
    handle: async ({ params: { id }, body }, ctx) => update(topology, ctx, id, changesOf(body)),
  });
}

function deleteSpace(topology: TopologyService): Route {
  return defineRoute({
    ...WRITE,
    method: 'DELETE',
    operationId: 'deleteSpace',
    summary: 'Delete a space that no doorway leads to',
    success: { status: 204, description: 'the space is deleted' },
    handle: async ({ params: { id } }, ctx) => {
      await topology.execute({ kind: 'deleteSpace', id }, authorOf(ctx), unchanged(ctx, id));
    },
  });
}

async function update(topology: TopologyService, ctx: Context, id: Space['id'], fields: Partial<SpaceFields>) {
  const { doc } = await topology.execute({ kind: 'updateSpace', id, fields }, authorOf(ctx), unchanged(ctx, id));
  return revalidated(ctx, spaceJson(doc as Space));
}

function unchanged(ctx: Context, id: Space['id']): (view: TopologyView) => void {
  return (view) => checkUnchanged(ctx, () => spaceJson(spaceIn(view, id)));
}

function spaceIn(view: TopologyView, id: Space['id']): Space {
  return existing(view.space(id), `space ${id}`);
}

function fieldsOf(body: z.output<typeof spaceBody>): SpaceFields {
  const { name, external_id: externalId = null, time_zone: timeZone, daily_reset: dailyReset, capacity } = body;
  return { name, externalId, timeZone, dailyReset, dailyResetCount: body.daily_reset_count ?? 0, capacity };
}

/** A field that is left out is unchanged. */
function changesOf(body: z.output<typeof spacePatch>): Partial<SpaceFields> {
  const { name, external_id: externalId, time_zone: timeZone, daily_reset: dailyReset, capacity } = body;
  return defined({ name, externalId, timeZone, dailyReset, dailyResetCount: body.daily_reset_count, capacity });
}
