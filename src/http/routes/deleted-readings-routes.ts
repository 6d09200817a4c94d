// Deletions of single readings.
import { z } from 'zod';
import { Failure } from '../../domain/failure.ts';
import { dpuOfReadingId, readingOfIdentity, storedReading, type Reading } from '../../domain/reading.ts';
import type { Deletion } from '../../domain/topology.ts';
import type { EventPages } from '../../ports/event-pages.ts';
import { answerList, type Readers } from '../list.ts';
import { change, DRY_RUN, IF_AS_OF, TRIED, type Changing } from './change.ts';
import { dryRun } from '../schemas/dry-runs.ts';
import { ETAG, IF_NONE_MATCH } from '../middleware/caching.ts';
import { LIST_HEADERS } from '../paging.ts';
import { reasonText } from '../schemas/bodies.ts';
import { deletedReading } from '../schemas/deleted-readings.ts';
import { TOPOLOGY_AS_OF_HEADER, topologyKnownAt } from '../schemas/known-at.ts';
import { listQuery } from '../schemas/list.ts';
import { DELETION_EXAMPLE, deletionJson } from '../topology-json.ts';
import type { TopologyReads } from '../topology-reads.ts';
import { defineRoute, type Route } from './route.ts';
import { readingId } from './stored-readings-routes.ts';

const FIELDS = {
  id: 'text',
  dpu_id: 'text',
  timestamp: 'instant',
  reason: 'text',
  deleted_at: 'instant',
} as const;
const READERS: Readers<Deletion, typeof FIELDS> = {
  id: ({ readingId: id }) => id,
  dpu_id: ({ dpuId }) => dpuId,
  timestamp: ({ readingId: id }) => readingOfIdentity(id)?.timestampMs ?? null,
  reason: ({ reason }) => reason,
  deleted_at: ({ recordedMs }) => recordedMs,
};
const params = z.strictObject({ id: readingId });

export function deletedReadingsRoutes(
  changing: Changing,
  reads: TopologyReads,
  pages: Pick<EventPages, 'reading'>,
): Route[] {
  return [listDeletedReadings(reads), deleteReading(changing, pages), restoreReading(changing, pages)];
}

function listDeletedReadings(reads: TopologyReads): Route {
  return defineRoute({
    method: 'GET',
    path: '/deleted-readings',
    operationId: 'listDeletedReadings',
    tag: 'readings',
    summary: 'List the deleted readings, with the reasons',
    scope: 'read',
    query: z.strictObject({ ...listQuery(FIELDS, 'deleted_at'), ...topologyKnownAt }),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of deleted readings',
      schema: z.array(deletedReading),
      example: [DELETION_EXAMPLE],
      headers: { ...LIST_HEADERS, ...ETAG, ...TOPOLOGY_AS_OF_HEADER },
    },
    handle: ({ query }, ctx) => answerList(ctx, reads.read(ctx, query).view.deletions(), READERS, query, deletionJson),
  });
}

function deleteReading(changing: Changing, pages: Pick<EventPages, 'reading'>): Route {
  return defineRoute({
    method: 'DELETE',
    path: '/readings/{id}',
    operationId: 'deleteReading',
    tag: 'readings',
    summary: 'Delete a reading',
    scope: 'topology:write',
    description:
      'The reading counts in no space, as if it had never been sent: a deleted standing is not the predecessor of the next one, and of the revisions of an interval another one counts. It stays deleted when it is sent again, until it is restored, and may be deleted before it is sent. ' +
      'It is still stored. For many readings of a sensor use an exclusion, because the number of deletions is limited.',
    params,
    query: z.strictObject({
      ...DRY_RUN,
      reason: reasonText.meta({ description: 'why it does not count', examples: [DELETION_EXAMPLE.reason] }),
    }),
    requestHeaders: IF_AS_OF,
    problems: [404, 409, 412],
    success: {
      status: 200,
      description: 'the deleted reading, or what its deletion would do (dry_run)',
      schema: z.union([deletedReading, dryRun]),
      example: DELETION_EXAMPLE,
    },
    handle: async ({ params: { id }, query: { reason, dry_run: isDryRun } }, ctx) => {
      const reading = await readingCalled(id, pages);
      const done = await change(ctx, changing, { kind: 'deleteReading', reading, reason }, { isDryRun });
      return 'tried' in done ? done.tried : deletionJson(done.made.doc as Deletion);
    },
  });
}

function restoreReading(changing: Changing, pages: Pick<EventPages, 'reading'>): Route {
  return defineRoute({
    method: 'POST',
    path: '/readings/{id}/restore',
    operationId: 'restoreReading',
    tag: 'readings',
    summary: 'Restore a deleted reading',
    scope: 'topology:write',
    description: 'The reading counts again or, if it was not sent yet, once it is sent.',
    params,
    query: z.strictObject(DRY_RUN),
    requestHeaders: IF_AS_OF,
    problems: [404, 412],
    alternativeStatus: TRIED,
    success: { status: 204, description: 'the reading is restored' },
    handle: async ({ params: { id }, query: { dry_run: isDryRun } }, ctx) => {
      const reading = await readingCalled(id, pages);
      const done = await change(ctx, changing, { kind: 'restoreReading', reading }, { isDryRun });
      return 'tried' in done ? done.tried : undefined;
    },
  });
}

/** @throws Failure not_found if the id has the previous format, which does not contain all fields, and no such reading is stored */
async function readingCalled(id: string, pages: Pick<EventPages, 'reading'>): Promise<Reading> {
  const identified = readingOfIdentity(id);
  if (identified) return identified;
  const dpuId = dpuOfReadingId(id);
  const stored = dpuId === undefined ? undefined : await pages.reading(dpuId, id);
  if (!stored) throw new Failure('not_found', `there is no stored reading ${id}`);
  return storedReading(stored.dpuId, stored.timestampMs, stored.direction, stored.readingId);
}
