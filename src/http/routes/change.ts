// A change of the topology that corrects counts, or a dry run of it. Both are decided by the same code on the same state of the log,
// so a dry run is refused wherever the change would be.
import type { Context } from 'koa';
import { parsePlace, type TopologyPlace } from '../../domain/topology-place.ts';
import type { SingleFact } from '../../domain/topology.ts';
import type { TopologyCommand } from '../../domain/topology-command.ts';
import type { TopologyView } from '../../domain/topology-history.ts';
import { Failure } from '../../domain/failure.ts';
import { authorOf } from '../auth/auth.ts';
import type { DryRuns } from '../../counts/dry-runs.ts';
import type { TopologyService } from '../../topology/topology-service.ts';
import { DRY_RUN_EXAMPLE, dryRunJson } from '../dry-run-json.ts';
import { checkUnchanged } from '../middleware/caching.ts';
import { booleanInQuery } from '../schemas/fields.ts';
import { dryRun } from '../schemas/dry-runs.ts';
import type { HeaderDoc } from './route.ts';

export interface Changing {
  readonly topology: TopologyService;
  readonly dryRuns: DryRuns;
}

export interface ChangeOptions {
  readonly isDryRun: boolean | undefined;
  /** The resource as the client may have seen it, for an etag in `if-match`; undefined for one that is new. */
  readonly current?: (view: TopologyView) => unknown;
}

/** Makes the change. @returns the fact as recorded, or what the change would do */
export async function change(
  ctx: Context,
  { topology, dryRuns }: Changing,
  command: TopologyCommand,
  { isDryRun = false, current }: ChangeOptions,
): Promise<{ readonly made: SingleFact } | { readonly tried: object }> {
  const asOf = asOfIn(ctx);
  const unchanged = (view: TopologyView): void => {
    if (asOf) return;
    if (current) checkUnchanged(ctx, () => current(view));
    else requireNoEtag(ctx);
  };
  const decide = topology.deciding(command, unchanged, asOf);
  if (!isDryRun) return { made: (await topology.append(decide, authorOf(ctx)))[0] as SingleFact };
  const found = await dryRuns.of(decide);
  ctx.status = 200;
  ctx.set('cache-control', 'no-store');
  return { tried: dryRunJson(found) };
}

/** The place in `if-match` that a dry run gave as `as_of`. */
export function asOfIn(ctx: Context): TopologyPlace | undefined {
  return parsePlace(
    ctx
      .get('if-match')
      .trim()
      .replace(/^"(.*)"$/, '$1'),
  );
}

/** What does not exist has no etag. @throws Failure changed */
export function requireNoEtag(ctx: Context): void {
  const expected = ctx.get('if-match').trim();
  if (expected !== '' && expected !== '*')
    throw new Failure('changed', `if-match takes the as_of of a dry run here, not ${expected}`);
}

export const DRY_RUN = {
  dry_run: booleanInQuery('true answers 200 with what the change would do, and changes nothing').optional(),
};

export const TRIED = {
  status: 200,
  description: 'what the change would do (dry_run)',
  schema: dryRun,
  example: DRY_RUN_EXAMPLE,
} as const;

/** For a resource that has an etag. */
export const IF_MATCH_OR_AS_OF: Readonly<Record<string, HeaderDoc>> = {
  'if-match': {
    description:
      'write only if the etag is still this one or, for the as_of of a dry run, if nothing that concerns the change has changed since; otherwise answer 412',
  },
};

export const IF_AS_OF: Readonly<Record<string, HeaderDoc>> = {
  'if-match': {
    description:
      'the as_of of a dry run: write only if nothing that concerns the change has changed since, otherwise answer 412',
  },
};
