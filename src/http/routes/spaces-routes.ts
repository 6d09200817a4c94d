// Spaces, and their resets.
import { z } from 'zod';
import { formatInstant } from '../../domain/instant.ts';
import type { Reset, Space } from '../../domain/topology.ts';
import { existing, type TopologyView } from '../../domain/topology-history.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { checkUnchanged, ETAG, IF_MATCH, IF_NONE_MATCH, revalidated } from '../middleware/caching.ts';
import { answerList, LIST_HEADERS, type Readers } from '../list.ts';
import { defineRoute, type Route } from './route.ts';
import { resetBody, spaceBody, spacePatch } from '../schemas/bodies.ts';
import { spaceIdInPath } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import * as resources from '../schemas/resources.ts';
import { createdAt, defined, live, RESET_EXAMPLE, resetJson, SPACE_EXAMPLE, spaceJson } from '../topology-json.ts';

const FIELDS = {
  id: 'number',
  name: 'text',
  time_zone: 'text',
  daily_reset: 'text',
  capacity: 'number',
  created_at: 'instant',
  updated_at: 'instant',
} as const;
const READERS: Readers<Space, typeof FIELDS> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  time_zone: ({ timeZone }) => timeZone,
  daily_reset: ({ dailyReset }) => dailyReset,
  capacity: ({ capacity }) => capacity,
  created_at: ({ createdMs }) => createdMs,
  updated_at: ({ updatedMs }) => updatedMs,
};
const RESET_FIELDS = { timestamp: 'instant', count: 'number', recorded_at: 'instant' } as const;
const RESET_READERS: Readers<Reset, typeof RESET_FIELDS> = {
  timestamp: ({ timestampMs }) => timestampMs,
  count: ({ count }) => count,
  recorded_at: ({ recordedMs }) => recordedMs,
};

const params = z.strictObject({ id: spaceIdInPath });
const BODY_EXAMPLE = { name: 'Hall', time_zone: 'Europe/Vienna', daily_reset: '04:00', capacity: 120 };

export function spacesRoutes(topology: TopologyService): Route[] {
  const view = (): TopologyView => topology.history.latest();
  const spaceIn = (seen: TopologyView, id: Space['id']): Space => existing(seen.space(id), `space ${id}`);
  return [
    defineRoute({
      method: 'GET',
      path: '/spaces',
      operationId: 'listSpaces',
      tag: 'spaces',
      summary: 'List spaces',
      scope: 'read',
      query: z.strictObject(listQuery(FIELDS, 'id')),
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of spaces',
        schema: z.array(resources.space),
        example: [SPACE_EXAMPLE],
        headers: { ...LIST_HEADERS, ...ETAG },
      },
      handle: ({ query }, ctx) => answerList(ctx, live(view().spaces()), READERS, query, spaceJson),
    }),
    defineRoute({
      method: 'POST',
      path: '/spaces',
      operationId: 'createSpace',
      tag: 'spaces',
      summary: 'Add a space',
      scope: 'topology:write',
      body: spaceBody,
      bodyExample: BODY_EXAMPLE,
      problems: [409],
      success: {
        status: 201,
        description: 'the space',
        schema: resources.space,
        example: SPACE_EXAMPLE,
        headers: { location: { description: 'where it is' } },
      },
      handle: async ({ body: { name, time_zone: timeZone, daily_reset: dailyReset, capacity } }, ctx) => {
        const space = (
          await topology.execute({ kind: 'createSpace', fields: { name, timeZone, dailyReset, capacity } })
        ).doc as Space;
        return createdAt(ctx, `/spaces/${space.id}`, spaceJson(space));
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/spaces/{id}',
      operationId: 'getSpace',
      tag: 'spaces',
      summary: 'Look a space up',
      scope: 'read',
      params,
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'the space',
        schema: resources.space,
        example: SPACE_EXAMPLE,
        headers: ETAG,
      },
      handle: ({ params: { id } }, ctx) => revalidated(ctx, spaceJson(spaceIn(view(), id))),
    }),
    ...writeRoutes(topology, spaceIn),
    ...resetRoutes(topology, spaceIn),
  ];
}

function writeRoutes(topology: TopologyService, spaceIn: (seen: TopologyView, id: Space['id']) => Space): Route[] {
  const success = {
    status: 200,
    description: 'the space as it is now',
    schema: resources.space,
    example: SPACE_EXAMPLE,
    headers: ETAG,
  } as const;
  const common = {
    path: '/spaces/{id}',
    tag: 'spaces',
    scope: 'topology:write',
    params,
    problems: [404, 409, 412],
    requestHeaders: IF_MATCH,
  } as const;
  return [
    defineRoute({
      ...common,
      method: 'PUT',
      operationId: 'replaceSpace',
      summary: 'Write all of a space',
      body: spaceBody,
      bodyExample: BODY_EXAMPLE,
      success,
      handle: async (
        { params: { id }, body: { name, time_zone: timeZone, daily_reset: dailyReset, capacity } },
        ctx,
      ) => {
        const fact = await topology.execute(
          { kind: 'updateSpace', id, fields: { name, timeZone, dailyReset, capacity } },
          (seen) => checkUnchanged(ctx, () => spaceJson(spaceIn(seen, id))),
        );
        return revalidated(ctx, spaceJson(fact.doc as Space));
      },
    }),
    defineRoute({
      ...common,
      method: 'PATCH',
      operationId: 'updateSpace',
      summary: 'Write some fields of a space',
      body: spacePatch,
      bodyExample: { capacity: 80 },
      success,
      handle: async (
        { params: { id }, body: { name, time_zone: timeZone, daily_reset: dailyReset, capacity } },
        ctx,
      ) => {
        const fact = await topology.execute(
          { kind: 'updateSpace', id, fields: defined({ name, timeZone, dailyReset, capacity }) },
          (seen) => checkUnchanged(ctx, () => spaceJson(spaceIn(seen, id))),
        );
        return revalidated(ctx, spaceJson(fact.doc as Space));
      },
    }),
    defineRoute({
      ...common,
      method: 'DELETE',
      operationId: 'deleteSpace',
      summary: 'Remove a space that no doorway leads to',
      success: { status: 204, description: 'it is removed' },
      handle: async ({ params: { id } }, ctx) => {
        await topology.execute({ kind: 'deleteSpace', id }, (seen) =>
          checkUnchanged(ctx, () => spaceJson(spaceIn(seen, id))),
        );
      },
    }),
  ];
}

function resetRoutes(topology: TopologyService, spaceIn: (seen: TopologyView, id: Space['id']) => Space): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/spaces/{id}/resets',
      operationId: 'listResets',
      tag: 'spaces',
      summary: 'List the resets of a space',
      scope: 'read',
      description: 'Those that people recorded; the daily one follows from the space.',
      params,
      query: z.strictObject(listQuery(RESET_FIELDS, 'timestamp')),
      problems: [404],
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of resets',
        schema: z.array(resources.reset),
        example: [RESET_EXAMPLE],
        headers: { ...LIST_HEADERS, ...ETAG },
      },
      handle: ({ params: { id }, query }, ctx) => {
        const seen = topology.history.latest();
        return answerList(ctx, seen.resets(spaceIn(seen, id).id), RESET_READERS, query, resetJson);
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/spaces/{id}/resets',
      operationId: 'recordReset',
      tag: 'spaces',
      summary: 'Say how many people there were',
      scope: 'topology:write',
      description: 'Counts after the instant are counted from there, those that were answered before too.',
      params,
      body: resetBody,
      bodyExample: { timestamp: formatInstant(RESET_AT_MS), count: 0 },
      problems: [404],
      success: { status: 201, description: 'the reset', schema: resources.reset, example: RESET_EXAMPLE },
      handle: async ({ params: { id }, body: { timestamp, count } }) =>
        resetJson(
          (await topology.execute({ kind: 'recordReset', spaceId: id, timestampMs: timestamp, count })).doc as Reset,
        ),
    }),
  ];
}

const RESET_AT_MS = Date.UTC(2018, 1, 25, 4);
