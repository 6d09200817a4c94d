// Lists DPUs that send readings and are at no doorway, so that an installer can find and place them.
import { z } from 'zod';
import { deviceOf, type DpuId } from '../../domain/ids.ts';
import { formatInstant } from '../../domain/instant.ts';
import { doorwayAt } from '../../domain/placement.ts';
import type { TopologyHistory, TopologyView } from '../../domain/topology-history.ts';
import type { EventPages, HeldDpu } from '../../ports/event-pages.ts';
import type { PublishedTopics } from '../../ports/readings-log.ts';
import { AdaptersInUse } from '../adapters-in-use.ts';
import { IF_NONE_MATCH, revalidatedPage } from '../middleware/caching.ts';
import { LIST_HEADERS, setPageHeaders } from '../paging.ts';
import { listQuery } from '../schemas/list.ts';
import * as resources from '../schemas/resources.ts';
import { defineRoute, type Route } from './route.ts';

const FIELDS = {
  id: 'text',
  device: 'text',
  held: 'number',
  first_reading_at: 'instant',
  last_reading_at: 'instant',
} as const;

const EXAMPLE = {
  id: '00:6E:02:01:02:03/2',
  device: '00:6E:02:01:02:03',
  adapter: 'xovis',
  registered: false,
  doorway_id: null,
  held: 214,
  first_reading_at: '2026-11-24T09:00:00.000Z',
  last_reading_at: '2026-11-24T17:45:00.000Z',
};

export interface UnplacedDpusDeps {
  readonly pages: Pick<EventPages, 'heldDpus'>;
  readonly log: PublishedTopics;
  readonly topology: TopologyHistory;
  readonly now: () => number;
}

export function unplacedDpusRoutes({ pages, log, topology, now }: UnplacedDpusDeps): Route[] {
  const adaptersInUse = new AdaptersInUse(log);
  return [
    defineRoute({
      method: 'GET',
      path: '/unplaced-dpus',
      operationId: 'listUnplacedDpus',
      tag: 'dpus',
      summary: 'List sensors that report and are at no doorway',
      scope: 'read',
      description:
        'Sensors with readings that are held, because they were at no doorway then. `POST /dpus` with the id and a doorway places one, and what it has sent counts. ' +
        'A reading appears here once it is final and stored in ClickHouse, half a minute after it was sent, and is gone some seconds after it counts.',
      query: z.strictObject(listQuery(FIELDS, 'id')),
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of sensors',
        schema: z.array(resources.unplacedDpu),
        example: [EXAMPLE],
        headers: LIST_HEADERS,
      },
      handle: async ({ query: { limit, offset, sort, desc, filter } }, ctx) => {
        const { dpus, total } = await pages.heldDpus({ filter, sort, desc, offset, limit });
        const end = offset + limit;
        setPageHeaders(ctx, { total, offset, limit, next: end < total ? { offset: end } : undefined });
        const view = topology.latest();
        const adapters = await adaptersInUse.of(new Set(dpus.map(({ dpuId }) => deviceOf(dpuId))), view);
        return revalidatedPage(
          ctx,
          total,
          dpus.map((dpu) => unplacedJson(dpu, adapters, view, now())),
        );
      },
    }),
  ];
}

function unplacedJson(
  { dpuId, held, firstMs, lastMs }: HeldDpu,
  adapters: ReadonlyMap<DpuId, string | null>,
  view: TopologyView,
  nowMs: number,
): z.output<typeof resources.unplacedDpu> {
  const dpu = view.dpu(dpuId);
  return {
    id: dpuId,
    device: deviceOf(dpuId),
    adapter: adapters.get(deviceOf(dpuId)) ?? null,
    registered: dpu?.deleted === false,
    doorway_id: dpu ? doorwayAt(dpu.placements, nowMs) : null,
    held,
    first_reading_at: formatInstant(firstMs),
    last_reading_at: formatInstant(lastMs),
  };
}
