// Deliberate bugs in exclusions.
import { mutant, type Mutant } from './mutant.ts';

export const EXCLUSION_MUTANTS: readonly Mutant[] = [
  mutant(
    'an exclusion applies only to later readings',
    "if (fact.kind === 'exclusion') return [[fact.doc.dpuId, [fact.doc]]];",
    "if (fact.kind === 'exclusion') return [];",
  ),
  mutant(
    'a deleted exclusion still applies',
    'view.exclusions(dpuId).filter((each) => !each.deleted)',
    'view.exclusions(dpuId)',
  ),
  mutant(
    'an import leaves the exclusions of a document out',
    "...exclusions.map((entry) => ({ kind: 'exclusion', entry }) as const),",
    '',
    'test/unit/import-topology.test.ts',
  ),
  mutant('an exclusion includes its end', 'return atMs < span.toMs;', 'return atMs <= span.toMs;'),
  mutant('an exclusion ends with a shorter one that began later', 'toMs: Math.max(last.toMs, toMs)', 'toMs'),
  mutant(
    'an excluded reading is held',
    'this.counters[uncountedAs(event.doorwayId)] += sign;',
    'this.counters.held += sign;',
  ),
  mutant(
    'a reading in an exclusion is excluded only where its doorway leads into a space',
    'if (isWithinSpans(view.excludedSpans(reading.dpuId), reading.timestampMs)) return [',
    'if (ingressSpaceId !== null && isWithinSpans(view.excludedSpans(reading.dpuId), reading.timestampMs))\n    return [',
  ),
];
