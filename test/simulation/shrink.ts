import type { Scenario } from './scenario.ts';
import { simulate, type Outcome } from './simulate.ts';

const TRIALS_MAX = 400;

/** Removes ever shorter runs of actions as long as the rest still fails in the same way. */
export async function shrink(scenario: Scenario): Promise<{ scenario: Scenario; outcome: Outcome }> {
  let [best, outcome, trials] = [scenario, await simulate(scenario), 0];
  const kind = kindOf(outcome.objections[0] ?? '');
  const attempt = async (candidate: Scenario): Promise<boolean> => {
    trials += 1;
    const result = await simulate(candidate);
    // A different failure would belong to a different run.
    if (!result.objections.some((objection) => kindOf(objection) === kind)) return false;
    [best, outcome] = [candidate, result];
    return true;
  };
  await attempt({ ...best, failureRate: 0 });
  for (
    let size = Math.ceil(best.actions.length / 2);
    size >= 1 && trials < TRIALS_MAX;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < best.actions.length && trials < TRIALS_MAX;) {
      const without = [...best.actions.slice(0, at), ...best.actions.slice(at + size)];
      if (!(await attempt({ ...best, actions: without }))) at += size;
    }
  }
  return { scenario: best, outcome };
}

/** The kind of an objection, without the numbers of this run. */
function kindOf(objection: string): string {
  return /^\D*/.exec(objection)?.[0] ?? '';
}
