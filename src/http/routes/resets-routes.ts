// Resets of a space: a person states how many people were in it at an instant, and may correct or delete that later.
import type { Context } from 'koa';
import { z } from 'zod';
import { formatInstant } from '../../domain/instant.ts';
import type { Reset } from '../../domain/topology.ts';
import { resetIn } from '../../domain/topology-command.ts';
import { existing, type TopologyView } from '../../domain/topology-history.ts';
import { change, DRY_RUN, IF_AS_OF, IF_MATCH_OR_AS_OF, TRIED, type Changing } from './change.ts';
import { ETAG, IF_NONE_MATCH, revalidated } from '../middleware/caching.ts';
import { answerList, type Readers } from '../list.ts';
import { LIST_HEADERS } from '../paging.ts';
import { defineRoute, type Route } from './route.ts';
import { resetBody, resetPatch } from '../schemas/bodies.ts';
import { dryRun } from '../schemas/dry-runs.ts';
import { numberInPath, spaceIdInPath } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import { TOPOLOGY_AS_OF_HEADER, topologyKnownAt } from '../schemas/known-at.ts';
import * as resources from '../schemas/resources.ts';
import { RESET_EXAMPLE, resetJson } from '../topology-json.ts';
import type { TopologyReads } from '../topology-reads.ts';

const FIELDS = {
  id: 'number',
  timestamp: 'instant',
  count: 'number',
  recorded_at: 'instant',
  updated_at: 'instant',
} as const;
const READERS: Readers<Reset, typeof FIELDS> = {
  id: ({ id }) => id,
  timestamp: ({ timestampMs }) => timestampMs,
  count: ({ count }) => count,
  recorded_at: ({ recordedMs }) => recordedMs,
  updated_at: ({ updatedMs }) => updatedMs,
};
const params = z.strictObject({ id: spaceIdInPath });
const RESETS = { path: '/spaces/{id}/resets', tag: 'spaces', params, problems: [404] } as const;

const ITEM = {
  path: '/spaces/{id}/resets/{reset_id}',
  tag: 'spaces',
  params: z.strictObject({ id: spaceIdInPath, reset_id: numberInPath('the reset') }),
} as const;
const WRITE = {
  ...ITEM,
  scope: 'topology:write',
  query: z.strictObject(DRY_RUN),
  problems: [404, 412],
  requestHeaders: IF_MATCH_OR_AS_OF,
} as const;
const BODY_EXAMPLE = { timestamp: formatInstant(Date.UTC(2018, 1, 25, 4)), count: 0 };
const UPDATED = {
  status: 200,
  description: 'the changed reset',
  schema: z.union([resources.reset, dryRun]),
  example: RESET_EXAMPLE,
  headers: ETAG,
} as const;
const CHANGE =
  'Counts since the earlier one of the old and the new instant are recomputed. Of two resets at the same instant, the one that was changed last applies.';

export function resetsRoutes(changing: Changing, reads: TopologyReads): Route[] {
  return [
    listResets(reads),
    recordReset(changing),
    getReset(reads),
    replaceReset(changing),
    updateReset(changing),
    deleteReset(changing),
  ];
}

function listResets(reads: TopologyReads): Route {
  return defineRoute({
    ...RESETS,
    method: 'GET',
    operationId: 'listResets',
    summary: 'List the resets of a space',
    scope: 'read',
    description: 'Recorded resets only, without deleted ones. The daily reset is a field of the space.',
    query: z.strictObject({ ...listQuery(FIELDS, 'timestamp'), ...topologyKnownAt }),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of resets',
      schema: z.array(resources.reset),
      example: [RESET_EXAMPLE],
      headers: { ...LIST_HEADERS, ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
    },
    handle: ({ params: { id }, query }, ctx) => {
      const { view } = reads.read(ctx, query);
      const space = existing(view.space(id), `space ${id}`);
      return answerList(ctx, view.resets(space.id), READERS, query, resetJson);
    },
  });
}

function recordReset(changing: Changing): Route {
  return defineRoute({
    ...RESETS,
    method: 'POST',
    operationId: 'recordReset',
    summary: 'Record how many people were in a space',
    scope: 'topology:write',
    query: z.strictObject(DRY_RUN),
    requestHeaders: IF_AS_OF,
    problems: [404, 412],
    alternativeStatus: TRIED,
    description: 'All counts after that instant are recomputed from it, including those that were answered before.',
    body: resetBody,
    bodyExample: BODY_EXAMPLE,
    success: { status: 201, description: 'the reset', schema: resources.reset, example: RESET_EXAMPLE },
    handle: async ({ params: { id: spaceId }, body, query: { dry_run: isDryRun } }, ctx) => {
      const { timestamp: timestampMs, count } = body;
      const done = await change(ctx, changing, { kind: 'recordReset', spaceId, timestampMs, count }, { isDryRun });
      return 'tried' in done ? done.tried : resetJson(done.made.doc as Reset);
    },
  });
}

function getReset(reads: TopologyReads): Route {
  return defineRoute({
    ...ITEM,
    method: 'GET',
    operationId: 'getReset',
    summary: 'Get a reset',
    scope: 'read',
    problems: [404],
    query: z.strictObject(topologyKnownAt),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'the reset',
      schema: resources.reset,
      example: RESET_EXAMPLE,
      headers: { ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
    },
    handle: ({ params: { id, reset_id: resetId }, query }, ctx) =>
      revalidated(ctx, resetJson(resetIn(reads.read(ctx, query).view, id, resetId))),
  });
}

function replaceReset(changing: Changing): Route {
  return defineRoute({
    ...WRITE,
    method: 'PUT',
    operationId: 'replaceReset',
    summary: 'Replace a reset',
    description: CHANGE,
    body: resetBody,
    bodyExample: BODY_EXAMPLE,
    success: UPDATED,
    handle: async ({ params: { id, reset_id: resetId }, body, query: { dry_run: isDryRun } }, ctx) =>
      changeReset(changing, ctx, { spaceId: id, id: resetId, body, isDryRun }),
  });
}

function updateReset(changing: Changing): Route {
  return defineRoute({
    ...WRITE,
    method: 'PATCH',
    operationId: 'updateReset',
    summary: 'Change a reset',
    description: CHANGE,
    body: resetPatch,
    bodyExample: { count: 3 },
    success: UPDATED,
    handle: async ({ params: { id, reset_id: resetId }, body, query: { dry_run: isDryRun } }, ctx) =>
      changeReset(changing, ctx, { spaceId: id, id: resetId, body, isDryRun }),
  });
}

function deleteReset(changing: Changing): Route {
  return defineRoute({
    ...WRITE,
    method: 'DELETE',
    operationId: 'deleteReset',
    summary: 'Delete a reset',
    description: 'Counts after its instant are recomputed from the reset before it.',
    success: { status: 204, description: 'the reset is deleted' },
    alternativeStatus: TRIED,
    handle: async ({ params: { id: spaceId, reset_id: id }, query: { dry_run: isDryRun } }, ctx) => {
      const current = currentReset(spaceId, id);
      const done = await change(ctx, changing, { kind: 'deleteReset', spaceId, id }, { isDryRun, current });
      return 'tried' in done ? done.tried : undefined;
    },
  });
}

interface ResetChange extends Pick<Reset, 'spaceId' | 'id'> {
  readonly body: z.output<typeof resetPatch>;
  readonly isDryRun: boolean | undefined;
}

async function changeReset(changing: Changing, ctx: Context, { spaceId, id, body, isDryRun }: ResetChange) {
  const { timestamp: timestampMs, count } = body;
  const command = { kind: 'changeReset', spaceId, id, timestampMs, count } as const;
  const done = await change(ctx, changing, command, { isDryRun, current: currentReset(spaceId, id) });
  return 'tried' in done ? done.tried : revalidated(ctx, resetJson(done.made.doc as Reset));
}

function currentReset(spaceId: Reset['spaceId'], id: number): (view: TopologyView) => object {
  return (view) => resetJson(resetIn(view, spaceId, id));
}
