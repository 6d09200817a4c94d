// A change that corrects counts. The service says what it would do before it is made.
import { bodyOf, doneOf } from '../api/client.ts';
import type { DryRun } from '../api/types.ts';

export interface ChangeParams {
  readonly query: { readonly dry_run?: boolean };
  readonly header: { readonly 'if-match'?: string };
}

/** Sends the change with these parameters beside its own. */
export type Change = (params: ChangeParams) => Promise<{ data?: unknown; error?: unknown; response: Response }>;

/** While an earlier change is still being applied, the service answers 503: for a few seconds at most. */
const [TRIES_MAX, PAUSE_MS] = [10, 1_000];

/** @returns what the change would do. @throws ApiProblem if the service would refuse it */
export async function tryChange(change: Change): Promise<DryRun> {
  for (let tries = 1; ; tries++) {
    const answer = await change({ query: { dry_run: true }, header: {} });
    if (answer.response.status === 503 && tries < TRIES_MAX) await new Promise((go) => setTimeout(go, PAUSE_MS));
    else return (await bodyOf(Promise.resolve(answer))) as DryRun;
  }
}

/**
 * @param asOf the place in the log that the dry run was about
 * @returns false if something that concerns the change has changed since then, so that it was not made
 * @throws ApiProblem
 */
export async function makeChange(change: Change, asOf: string): Promise<boolean> {
  const answer = await change({ query: {}, header: { 'if-match': asOf } });
  if (answer.response.status === 412) return false;
  await doneOf(Promise.resolve(answer));
  return true;
}
