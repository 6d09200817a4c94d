// Deliberate bugs in explanations of counts.
import { mutant, type Mutant } from './mutant.ts';

export const EXPLANATION_MUTANTS: readonly Mutant[] = [
  mutant(
    'the term of a doorway forgets retractions',
    'entrances: entrances + sign * event.entrances,',
    'entrances: entrances + (sign > 0 ? event.entrances : 0),',
  ),
  mutant(
    'an instant of exits at zero counts twice',
    'occupancy = occupancyAfterReset(resetTo); } fromMs = toMs;',
    'occupancy = occupancyAfterReset(resetTo);\n    }\n    fromMs = toMs - 1;',
  ),
  mutant(
    'exits at zero are those of history alone',
    'const events = mergeEvents(unstoredIn(report, afterMs, upToMs)',
    'const events = mergeEvents(unstoredIn(report, upToMs, upToMs)',
  ),
  mutant(
    'the terms of doorways are those of history alone',
    'for (const event of unstoredIn(report, afterMs, upToMs)) {',
    'for (const event of unstoredIn(report, upToMs, upToMs)) {',
  ),
  mutant(
    'an explanation ignores the reset in force',
    'const reset = resetInForce(schedule, atMs); const span',
    'const reset = { ...NEVER_RESET, timestampMs: resetInForce(schedule, atMs).timestampMs };\n    const span',
  ),
  mutant(
    'an explanation starts before the reset in force',
    'const span = { afterMs: reset.timestampMs, upToMs: atMs };',
    'const span = { afterMs: NEVER_RESET.timestampMs, upToMs: atMs };',
  ),
  mutant(
    'an interval is explained as if its resets changed nothing',
    'countsBefore.push(countOf(occupancy)); occupancy = occupancyAfterReset(resetTo);',
    'countsBefore.push(countOf(occupancy));',
  ),
  mutant(
    'everything that is not stored is provisional',
    '{ afterMs: Math.max(afterMs, watermarkMs), upToMs }',
    '{ afterMs, upToMs }',
  ),
  mutant(
    'the first of two resets at one instant is named',
    'manual.findLast((reset) => reset.timestampMs === timestampMs)',
    'manual.find((reset) => reset.timestampMs === timestampMs)',
  ),
];
