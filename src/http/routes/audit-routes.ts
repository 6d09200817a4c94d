// The audit: who changed what in the topology, and when.
import { z } from 'zod';
import type { EditPlace } from '../../domain/topology-edits.ts';
import { MACHINE_TIMING } from '../../runtime/timing.ts';
import { readAudit } from '../../topology/read-audit.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { AUDIT_EXAMPLE, editJson } from '../audit-json.ts';
import { IF_NONE_MATCH, revalidatedPage } from '../middleware/caching.ts';
import { LIST_HEADERS, setPageHeaders } from '../paging.ts';
import { AUDITED_KINDS, auditedChange } from '../schemas/audit.ts';
import {
  booleanInQuery,
  doorwayIdInPath,
  dpuIdInPath,
  field,
  instantInQuery,
  spaceIdInPath,
  wholeNumberInQuery,
} from '../schemas/fields.ts';
import { pageLimit } from '../schemas/list.ts';
import { defineRoute, type Route } from './route.ts';

const SEQUENCE_MAX = 999_999_999_999_999;

const place = z.tuple([z.int().min(0), z.int().min(0), z.int().min(0)]);

const cursor = field(
  { type: 'string', description: 'where the previous page ended, taken from its `link` header' },
  'must be a cursor from a link header',
  (value): (EditPlace & { total: number }) | undefined => {
    if (typeof value !== 'string') return undefined;
    try {
      const [seq, index, total] = place.parse(JSON.parse(Buffer.from(value, 'base64url').toString('utf8')));
      return { seq, index, total };
    } catch {
      return undefined;
    }
  },
);

const cursorOf = ({ seq, index }: EditPlace, total: number): string =>
  Buffer.from(JSON.stringify([seq, index, total])).toString('base64url');

const query = z.strictObject({
  kind: z
    .enum(AUDITED_KINDS, `must be one of ${AUDITED_KINDS.join(', ')}`)
    .optional()
    .meta({ description: 'what was changed' }),
  space_id: spaceIdInPath
    .meta({ description: 'the space, its resets, and doorways that lead into it or out of it' })
    .optional(),
  doorway_id: doorwayIdInPath
    .meta({ description: 'the doorway, and sensors that were moved to it or away from it' })
    .optional(),
  dpu_id: dpuIdInPath
    .meta({ description: 'the sensor or device, its exclusions, and deletions of its readings' })
    .optional(),
  by: z
    .string()
    .optional()
    .meta({ description: 'who made the change', examples: ['token:facility'] }),
  from: instantInQuery('changes made at this instant or later').optional(),
  to: instantInQuery('changes made before this instant').optional(),
  sequence: wholeNumberInQuery({
    minimum: 1,
    maximum: SEQUENCE_MAX,
    description: 'the changes of one entry of the topology log',
  }).optional(),
  desc: booleanInQuery('false returns the oldest first').prefault('true').meta({ default: true }),
  limit: pageLimit,
  cursor: cursor.optional(),
});

export function auditRoutes({ history }: TopologyService): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/audit',
      operationId: 'listAudit',
      tag: 'topology',
      summary: 'List who changed what in the topology, and when',
      description:
        'Every change of a space, doorway, sensor, device, exclusion, deletion of a reading, reset or setting since the installation was created, the newest first. Readings that were sent are not changes of the topology.',
      scope: 'read',
      query,
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of changes',
        schema: z.array(auditedChange),
        example: [AUDIT_EXAMPLE],
        headers: LIST_HEADERS,
      },
      handle: async ({ query: { limit, cursor: after, desc, ...given } }, ctx) => {
        const { kind, space_id: spaceId, doorway_id: doorwayId, dpu_id: dpuId, by, from, to, sequence } = given;
        const filter = { kind, spaceId, doorwayId, dpuId, by, fromMs: from, toMs: to, seq: sequence };
        const request = { filter, isNewestFirst: desc, limit, after };
        const { edits, total, isLast } = await readAudit(history.edits, request, () => MACHINE_TIMING.yield());
        const last = edits.at(-1);
        const next =
          last && !isLast ? { cursor: cursorOf({ seq: last.entry.seq, index: last.index }, total) } : undefined;
        setPageHeaders(ctx, { total, offset: 0, limit, next });
        return revalidatedPage(ctx, total, edits.map(editJson));
      },
    }),
  ];
}
