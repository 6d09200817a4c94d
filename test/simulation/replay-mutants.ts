// Deliberate bugs in replays of dead letters.
import { mutant, type Mutant } from './mutant.ts';

export const REPLAY_MUTANTS: readonly Mutant[] = [
  mutant(
    'a letter is replayed again with another shift',
    'if (recorded.shiftMs !== shiftMs || recorded.dpuId !== dpuId || recorded.readAs !== readAs) {',
    'if (recorded.readAs !== readAs) {',
  ),
  mutant(
    'how a letter is replayed is not recorded',
    'isDryRun ? replay : await deadLetters.recordReplay(letter, replay)',
    'replay',
  ),
  mutant(
    'a payload is replayed again with other options',
    'recorded.dpuId !== dpuId || recorded.readAs !== readAs) {',
    'recorded.dpuId !== dpuId) {',
  ),
  mutant(
    'all of a payload is replayed, whatever counted of it',
    'if (index === 0) return { values: now.values,',
    'if (index >= 0) return { values: now.values,',
  ),
  mutant(
    'what counted of a payload may be read differently in a replay',
    'return rest.length === values.length - others.length ? rest : undefined;',
    'return rest;',
  ),
  mutant(
    'the readings of a payload that were rejected are replayed with the rest of it',
    '? { values: rejected, unreadable: [] }',
    '? { values, unreadable: [] }',
  ),
  mutant(
    'a replay leaves the timestamps as they are',
    'const instant = deviceMs + shiftMs;',
    'const instant = deviceMs;',
  ),
  mutant(
    'a replayed reading without a timestamp has its new place in the log',
    'parsed.ok ? withTimestamp(parsed.reading, letter, position) : parsed',
    'parsed',
  ),
  mutant(
    'a replay for another DPU leaves the readings with the first',
    'const sender = dpuId ?? dpuOfToken(token);',
    'const sender = dpuOfToken(token);',
  ),
];
