// Deliberate bugs in replays of dead letters.
import { REPLAYS_EVERY } from './draw-scenario.ts';
import { mutant, type Mutant } from './mutant.ts';

/** Sought in the seeds in which options of a device change between replays. */
function ofPayloads(name: string, find: string, replace: string, test?: string): Mutant {
  return { ...mutant(name, find, replace, test), step: REPLAYS_EVERY };
}

export const REPLAY_MUTANTS: readonly Mutant[] = [
  mutant(
    'a letter is replayed again with another shift',
    'return recorded.shiftMs === shiftMs && recorded.dpuId === dpuId && recorded.readAs === readAs;',
    'return recorded.readAs === readAs;',
  ),
  mutant(
    'how a letter is replayed is not recorded',
    'const recorded = await deadLetters.recordReplay(letter, own);',
    'const recorded = own;',
  ),
  ofPayloads(
    'a payload is replayed again with other options',
    '&& recorded.dpuId === dpuId && recorded.readAs === readAs;',
    '&& recorded.dpuId === dpuId;',
  ),
  ofPayloads(
    'the letters of a payload are replayed with different options',
    'if (recorded.readAs !== readAs) return `a part',
    "if (readAs === '') return `a part",
    'test/unit/replay-rejected.test.ts',
  ),
  ofPayloads(
    'letters that stand for the same readings are replayed with different shifts',
    'if (!isSame(recorded, whole)) return',
    'if (!isSame(recorded, recorded)) return',
    'test/unit/replay-rejected.test.ts',
  ),
  ofPayloads(
    'all of a payload is replayed, whatever counted of it',
    "if (reason === 'bad_payload' && index === 0) return [];",
    "if (reason === 'bad_payload') return [];",
  ),
  ofPayloads(
    'what counted of a payload may be read differently in a replay',
    'return rest.length === values.length - others.length ? rest : undefined;',
    'return rest;',
  ),
  ofPayloads(
    'the readings of a payload that were rejected are replayed with the rest of it',
    'const rejected = then.filter((reading) => reading.reason === reason).map',
    'const rejected = then.map',
  ),
  mutant(
    'a replay leaves the timestamps as they are',
    'const instant = deviceMs + shiftMs;',
    'const instant = deviceMs;',
  ),
  mutant(
    'a replayed reading without a timestamp has its new place in the log',
    'parsed.ok ? withTimestamp(parsed.reading, letter, `${name}_${position}`) : parsed',
    'parsed',
  ),
  mutant(
    'a replay for another DPU leaves the readings with the first',
    'const sender = dpuId ?? dpuOfToken(token);',
    'const sender = dpuOfToken(token);',
  ),
  ofPayloads(
    'readings that were rejected stay as they were read, whatever counts in their payload',
    'if (added === undefined && arrival !== undefined) return undefined;',
    '',
    'test/unit/replay-rejected.test.ts',
  ),
  ofPayloads(
    'each letter of a payload has ids of its own for the same readings',
    "isShared ? 'payload' : letter.index",
    'letter.index',
    'test/unit/replay-rejected.test.ts',
  ),
];
