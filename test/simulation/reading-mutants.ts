// Deliberate bugs in what a router remembers of readings, and in what makes two readings the same.
import { mutant, type Mutant } from './mutant.ts';

export const READING_MUTANTS: readonly Mutant[] = [
  mutant(
    'duplicate memory lost on restart',
    'for (const reading of readings) this.#memory.remember(reading, this.#commits);',
    '',
  ),
  mutant('duplicates are remembered and never looked up', 'this.#memory.mayBeStored(reading) &&', 'false &&'),
  mutant(
    'memory forgets readings that are not stored',
    'findIndex(({ seq }) => seq >= storedBeforeSeq)',
    'findIndex(({ seq }) => seq > storedBeforeSeq + 40)',
  ),
  mutant(
    'what was forgotten while history was asked counts twice',
    'dpu.newestStoredMs = Math.max(dpu.newestStoredMs, storedMs ?? BEGINNING_MS);',
    'dpu.newestStoredMs = storedMs ?? BEGINNING_MS;',
    'test/unit/reading-memory.test.ts',
  ),
  mutant(
    'a reading without an id is not recognised while its DPU has few',
    "return typeof key === 'number' && (recent?.includes(key) ?? false);",
    'return false;',
  ),
  mutant(
    'the readings of a DPU are forgotten when they become many',
    'new Map((recent ?? []).map((each) => [each, null]))',
    "new Map(typeof key === 'number' ? [] : (recent ?? []).map((each) => [each, null]))",
    'test/unit/reading-memory.test.ts',
  ),
  mutant(
    'the id alone is the identity',
    "return `${timestampMs}~${measure}${name === undefined ? '' : `.${name}`}`;",
    'return name ?? `${timestampMs}~${measure}`;',
  ),
  mutant(
    'the id is not part of the identity',
    "if (name === undefined && isPerson(measure)) return timestampMs * 2 + (directionOf(measure) > 0 ? 1 : 0); return `${timestampMs}~${measure}${name === undefined ? '' : `.${name}`}`;",
    'return `${timestampMs}~${measure}`;',
  ),
  mutant(
    'the measure is not part of the identity of a named reading',
    "return `${timestampMs}~${measure}${name === undefined ? '' : `.${name}`}`;",
    'return `${timestampMs}${name === undefined ? measure : `.${name}`}`;',
  ),
];
