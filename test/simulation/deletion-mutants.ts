// Deliberate bugs in deletions of single readings.
import { mutant, type Mutant } from './mutant.ts';

export const DELETION_MUTANTS: readonly Mutant[] = [
  mutant(
    'a deletion applies only to later readings',
    "if (fact.kind === 'deletion') return [[fact.doc.dpuId, spansOfDeletion(fact.doc)]];",
    "if (fact.kind === 'deletion') return [];",
  ),
  mutant(
    'a deletion applies only to earlier readings',
    'if (view.isDeleted(reading)) return [',
    'if (sign < 0 && view.isDeleted(reading)) return [',
  ),
  mutant('a restored reading stays deleted', 'return deletion?.restored ? undefined : deletion;', 'return deletion;'),
  mutant(
    'the deletion of a standing leaves the difference of the next one',
    'toMs: isStanding(measure) ? END_MS : fromMs + 1',
    'toMs: fromMs + 1',
  ),
  mutant(
    'a deleted standing remains the predecessor of the next',
    'return others.passedBy(reading, modulusOf(view, reading.dpuId), (other) => view.isDeleted(other));',
    'return others.passedBy(reading, modulusOf(view, reading.dpuId));',
  ),
  mutant(
    'a reading that arrives changes a deleted neighbour',
    'others.dependentOn(reading, isDeleted);',
    'others.dependentOn(reading);',
  ),
  mutant(
    'what is next to a deleted reading is not looked up',
    'if (isNewer || asked.has(place)) continue;',
    'if (isNewer || asked.size >= 0) continue;',
  ),
  mutant(
    'only what was deleted before a change is passed over',
    'views.some((view) => view.isDeleted(reading))',
    'views[0]?.isDeleted(reading) === true',
    'test/unit/reading-memory.test.ts',
  ),
  mutant(
    'a deleted reading is counted as excluded',
    "doorwayId === DELETED_DOORWAY ? 'deleted' : 'excluded'",
    "'excluded'",
  ),
  mutant('a deleted standing keeps its difference', 'if (view.isDeleted(reading)) return NOBODY;', ''),
];
