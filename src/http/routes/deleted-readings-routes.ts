// Deletions of single readings.
import { z } from 'zod';
import { Failure } from '../../domain/failure.ts';
import { dpuOfReadingId, readingOfIdentity, storedReading, type Reading } from '../../domain/reading.ts';
import type { Deletion } from '../../domain/topology.ts';
import type { EventPages } from '../../ports/event-pages.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { answerList, type Readers } from '../list.ts';
import { ETAG, IF_NONE_MATCH } from '../middleware/caching.ts';
import { LIST_HEADERS } from '../paging.ts';
import { reasonText } from '../schemas/bodies.ts';
import { deletedReading } from '../schemas/deleted-readings.ts';
import { listQuery } from '../schemas/list.ts';
import { DELETION_EXAMPLE, deletionJson } from '../topology-json.ts';
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

export function deletedReadingsRoutes(topology: TopologyService, pages: Pick<EventPages, 'reading'>): Route[] {
  return [listDeletedReadings(topology), deleteReading(topology, pages), restoreReading(topology, pages)];
}

function listDeletedReadings({ history }: TopologyService): Route {
  return defineRoute({
    method: 'GET',
    path: '/deleted-readings',
    operationId: 'listDeletedReadings',
    tag: 'readings',
    summary: 'List the deleted readings, with the reasons',
    scope: 'read',
    query: z.strictObject(listQuery(FIELDS, 'deleted_at')),
    requestHeaders: IF_NONE_MATCH,
    success: {
      status: 200,
      description: 'a page of deleted readings',
      schema: z.array(deletedReading),
      example: [DELETION_EXAMPLE],
      headers: { ...LIST_HEADERS, ...ETAG },
    },
    handle: ({ query }, ctx) => answerList(ctx, history.latest().deletions(), READERS, query, deletionJson),
  });
}

function deleteReading(topology: TopologyService, pages: Pick<EventPages, 'reading'>): Route {
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
      reason: reasonText.meta({ description: 'why it does not count', examples: [DELETION_EXAMPLE.reason] }),
    }),
    problems: [404, 409],
    success: {
      status: 200,
      description: 'the deleted reading',
      schema: deletedReading,
      example: DELETION_EXAMPLE,
    },
    handle: async ({ params: { id }, query: { reason } }) => {
      const reading = await readingCalled(id, pages);
      const { doc } = await topology.execute({ kind: 'deleteReading', reading, reason });
      return deletionJson(doc as Deletion);
    },
  });
}

function restoreReading(topology: TopologyService, pages: Pick<EventPages, 'reading'>): Route {
  return defineRoute({
    method: 'POST',
    path: '/readings/{id}/restore',
    operationId: 'restoreReading',
    tag: 'readings',
    summary: 'Restore a deleted reading',
    scope: 'topology:write',
    description: 'The reading counts again or, if it was not sent yet, once it is sent.',
    params,
    problems: [404],
    success: { status: 204, description: 'the reading is restored' },
    handle: async ({ params: { id } }) => {
      const reading = await readingCalled(id, pages);
      await topology.execute({ kind: 'restoreReading', reading });
    },
  });
}

/** @throws Failure not_found if the id has the previous format, which does not say all of a reading, and none is stored */
async function readingCalled(id: string, pages: Pick<EventPages, 'reading'>): Promise<Reading> {
  const identified = readingOfIdentity(id);
  if (identified) return identified;
  const dpuId = dpuOfReadingId(id);
  const stored = dpuId === undefined ? undefined : await pages.reading(dpuId, id);
  if (!stored) throw new Failure('not_found', `there is no stored reading ${id}`);
  return storedReading(stored.dpuId, stored.timestampMs, stored.direction, stored.readingId);
}
