// Exclusions: spans of time in which the readings of a sensor count in no space.
import { z } from 'zod';
import { formatInstant } from '../../domain/instant.ts';
import type { Exclusion } from '../../domain/topology.ts';
import { existing } from '../../domain/topology-history.ts';
import { change, DRY_RUN, IF_AS_OF, TRIED, type Changing } from './change.ts';
import { ETAG, IF_NONE_MATCH } from '../middleware/caching.ts';
import { answerList, type Readers } from '../list.ts';
import { LIST_HEADERS } from '../paging.ts';
import { defineRoute, type Route } from './route.ts';
import { exclusionBody } from '../schemas/bodies.ts';
import { dpuIdInPath, numberInPath } from '../schemas/fields.ts';
import { listQuery } from '../schemas/list.ts';
import { TOPOLOGY_AS_OF_HEADER, topologyKnownAt } from '../schemas/known-at.ts';
import * as resources from '../schemas/resources.ts';
import { EXCLUSION_EXAMPLE, exclusionJson, notDeleted } from '../topology-json.ts';
import type { TopologyReads } from '../topology-reads.ts';

const FIELDS = { id: 'number', from: 'instant', to: 'instant', reason: 'text', recorded_at: 'instant' } as const;
const READERS: Readers<Exclusion, typeof FIELDS> = {
  id: ({ id }) => id,
  from: ({ fromMs }) => fromMs,
  to: ({ toMs }) => toMs,
  reason: ({ reason }) => reason,
  recorded_at: ({ recordedMs }) => recordedMs,
};
const params = z.strictObject({ id: dpuIdInPath });
const EXCLUSIONS = { path: '/dpus/{id}/exclusions', tag: 'dpus', params, problems: [404] } as const;
const WRITE = {
  ...EXCLUSIONS,
  scope: 'topology:write',
  query: z.strictObject(DRY_RUN),
  requestHeaders: IF_AS_OF,
  problems: [404, 412],
  alternativeStatus: TRIED,
} as const;

export function exclusionsRoutes(changing: Changing, reads: TopologyReads): Route[] {
  return [listExclusions(reads), excludeReadings(changing), deleteExclusion(changing)];
}

function listExclusions(reads: TopologyReads): Route {
  return defineRoute({
    ...EXCLUSIONS,
    method: 'GET',
    operationId: 'listExclusions',
    summary: 'List the exclusions of a sensor',
    scope: 'read',
    query: z.strictObject({ ...listQuery(FIELDS, 'from'), ...topologyKnownAt }),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of exclusions',
      schema: z.array(resources.exclusion),
      example: [EXCLUSION_EXAMPLE],
      headers: { ...LIST_HEADERS, ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
    },
    handle: ({ params: { id }, query }, ctx) => {
      const { view } = reads.read(ctx, query);
      existing(view.dpu(id), `DPU ${id}`);
      return answerList(ctx, notDeleted(view.exclusions(id)), READERS, query, exclusionJson);
    },
  });
}

function excludeReadings(changing: Changing): Route {
  return defineRoute({
    ...WRITE,
    method: 'POST',
    operationId: 'excludeReadings',
    summary: 'Exclude the readings of a sensor during a span',
    description:
      'Readings of the sensor with `from` <= timestamp < `to` count in no space, whenever they arrive. They are stored, and count again when the exclusion is deleted. ' +
      'An interval counts by its end. An excluded standing is still the predecessor of the next one, so only its own difference is left out.',
    body: exclusionBody,
    bodyExample: {
      from: formatInstant(Date.UTC(2018, 1, 24, 20)),
      to: formatInstant(Date.UTC(2018, 1, 24, 20, 45)),
      reason: EXCLUSION_EXAMPLE.reason,
    },
    success: { status: 201, description: 'the exclusion', schema: resources.exclusion, example: EXCLUSION_EXAMPLE },
    handle: async ({ params: { id: dpuId }, body, query: { dry_run: isDryRun } }, ctx) => {
      const { from: fromMs, to: toMs, reason } = body;
      const command = { kind: 'excludeReadings', dpuId, fromMs, toMs, reason } as const;
      const done = await change(ctx, changing, command, { isDryRun });
      return 'tried' in done ? done.tried : exclusionJson(done.made.doc as Exclusion);
    },
  });
}

function deleteExclusion(changing: Changing): Route {
  return defineRoute({
    ...WRITE,
    path: '/dpus/{id}/exclusions/{exclusion_id}',
    params: z.strictObject({ id: dpuIdInPath, exclusion_id: numberInPath('the exclusion') }),
    method: 'DELETE',
    operationId: 'deleteExclusion',
    summary: 'Delete an exclusion',
    description: 'Its readings count again, unless another exclusion covers them.',
    success: { status: 204, description: 'the exclusion is deleted' },
    handle: async ({ params: { id: dpuId, exclusion_id: id }, query: { dry_run: isDryRun } }, ctx) => {
      const done = await change(ctx, changing, { kind: 'deleteExclusion', dpuId, id }, { isDryRun });
      return 'tried' in done ? done.tried : undefined;
    },
  });
}
