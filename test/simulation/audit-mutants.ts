// Deliberate bugs in what is recorded about changes of the topology.
import { mutant, type Mutant } from './mutant.ts';

export const AUDIT_MUTANTS: readonly Mutant[] = [
  mutant(
    'the audit has the wrong person',
    'const signed: TopologyFact = { ...fact, by,',
    "const signed: TopologyFact = { ...fact, by: 'token:person 1',",
  ),
  mutant(
    'the audit takes the reset before this one for what it was before',
    'const before = current.get(fact.doc.id);',
    'const before = current.get(fact.doc.id - 1);',
  ),
  mutant(
    'a page of the audit begins with the last change of the page before',
    'end = Math.min(end, edits.positionOf(after));',
    'end = Math.min(end, edits.positionOf(after) + 1);',
    'test/unit/audit.test.ts',
  ),
  mutant(
    'an explanation, unlike the audit, names who recorded a reset and not who changed it',
    'findLast(({ doc }) => doc === reset)',
    'find(({ doc }) => doc.id === reset.id)',
  ),
  mutant(
    'a correction names a change of the audit although another one had a part in it',
    'return changes.some((other) => other !== only && areRelated(other.change, only.change)) ? undefined : only.entry;',
    'return only.entry;',
    'test/unit/correction-cause.test.ts',
  ),
];
