// Deliberate bugs in which hours are read as they are stored.
import { mutant, type Mutant } from './mutant.ts';

const QUERIES = 'test/integration/history-queries.test.ts';

export const HOURS_MUTANTS: readonly Mutant[] = [
  mutant('what is kept of stored hours is not checked', 'if (areStored) return answer;', 'return answer;', QUERIES),
  mutant(
    'a guess of what has changed is taken for the truth',
    'const isRight = guessedPlans?.every(({ spaceId, plan }) => !isAnyIn(changed.get(spaceId) ?? [], plan.slots));',
    'const isRight = guessedPlans !== undefined;',
    QUERIES,
  ),
  mutant(
    'stored hours are used for an earlier place than they were stored at',
    'if (!kept || kept.block > block || kept.readMs < oldestMs) return true;',
    'if (!kept || kept.readMs < oldestMs) return true;',
    'test/conformance/hours.test.ts',
  ),
];
