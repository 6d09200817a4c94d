// The displays that are paired: listing them, confirming one by its code, and removing one.
import type { Context } from 'koa';
import { z } from 'zod';
import { Failure } from '../../domain/failure.ts';
import { formatInstant } from '../../domain/instant.ts';
import { existing, type TopologyHistory } from '../../domain/topology-history.ts';
import type { PairedDisplay } from '../../ports/displays.ts';
import { principalOf } from '../auth/auth.ts';
import { codeIn, type Displays } from '../auth/displays.ts';
import type { PairingLimits } from '../auth/pairing-limits.ts';
import { answerList, type Readers } from '../list.ts';
import { IF_NONE_MATCH } from '../middleware/caching.ts';
import { LIST_HEADERS } from '../paging.ts';
import { invalid } from '../problem.ts';
import { listQuery } from '../schemas/list.ts';
import { display, displayBody } from '../schemas/displays.ts';
import { defineRoute, type Route } from './route.ts';

const FIELDS = { id: 'text', space_id: 'number', name: 'text', paired_at: 'instant', paired_by: 'text' } as const;
const READERS: Readers<PairedDisplay, typeof FIELDS> = {
  id: ({ id }) => id,
  space_id: ({ spaceId }) => spaceId,
  name: ({ name }) => name,
  paired_at: ({ pairedMs }) => pairedMs,
  paired_by: ({ pairedBy }) => pairedBy,
};
const EXAMPLE = {
  id: 'q5Yd0gWw4sT1cXk7',
  space_id: 1,
  name: 'Entrance',
  paired_at: '2026-11-24T09:00:00.000Z',
  paired_by: 'token:dashboard',
};

export interface DisplaysDeps {
  readonly displays: Displays;
  readonly limits: PairingLimits;
  readonly topology: TopologyHistory;
  readonly now: () => number;
}

export function displaysRoutes(deps: DisplaysDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/displays',
      operationId: 'listDisplays',
      tag: 'displays',
      summary: 'List the displays that are paired with a space',
      scope: 'read',
      query: z.strictObject(listQuery(FIELDS, 'space_id')),
      requestHeaders: IF_NONE_MATCH,
      success: {
        status: 200,
        description: 'a page of displays',
        schema: z.array(display),
        example: [EXAMPLE],
        headers: LIST_HEADERS,
      },
      handle: async ({ query }, ctx) => answerList(ctx, await deps.displays.list(), READERS, query, displayJson),
    }),
    defineRoute({
      method: 'POST',
      path: '/displays',
      operationId: 'confirmDisplay',
      tag: 'displays',
      summary: 'Pair the display that shows a code, so that it can read the count of its space',
      description:
        'The space is the one in the address of the display. `dry_run` tells which space that is, and changes nothing. More than ten wrong codes a minute are answered 429.',
      scope: 'topology:write',
      body: displayBody,
      bodyExample: { code: 'BCD-FGH', name: 'Entrance' },
      problems: [404, 409, 429],
      success: {
        status: 200,
        description: 'the display, which is now paired',
        schema: display,
        example: EXAMPLE,
      },
      handle: async ({ body }, ctx) => confirm(body, ctx, deps),
    }),
    defineRoute({
      method: 'DELETE',
      path: '/displays/{display_id}',
      operationId: 'removeDisplay',
      tag: 'displays',
      summary: 'Remove a display, which stops showing the count within seconds',
      scope: 'topology:write',
      params: z.strictObject({ display_id: z.string().regex(/^[\w-]{1,64}$/, 'must be the id of a display') }),
      problems: [404],
      success: { status: 204, description: 'the display is removed' },
      handle: async ({ params: { display_id: id } }) => deps.displays.remove(id),
    }),
  ];
}

async function confirm(
  { code: given, name = null, dry_run: isDryRun }: z.infer<typeof displayBody>,
  ctx: Context,
  { displays, limits, topology, now }: DisplaysDeps,
): Promise<object> {
  const code = codeIn(given);
  if (code === undefined) throw invalid('code', 'must be the six letters on the display, such as BCD-FGH');
  const principal = principalOf(ctx)?.name ?? null;
  const person = principal ?? ctx.ip;
  await limits.countCode(person);
  const pending = await displays.find(code);
  if (!pending) throw new Failure('not_found', 'no display shows this code, or not any more', { field: 'code' });
  await limits.forgiveCode(person);
  existing(topology.latest().space(pending.spaceId), `space ${pending.spaceId}`);
  if (isDryRun) return displayJson({ ...pending, name, pairedMs: now(), pairedBy: principal });
  return displayJson(await displays.confirm(pending, name, principal));
}

function displayJson({ id, spaceId, name, pairedMs, pairedBy }: PairedDisplay): z.output<typeof display> {
  return { id, space_id: spaceId, name, paired_at: formatInstant(pairedMs), paired_by: pairedBy };
}
