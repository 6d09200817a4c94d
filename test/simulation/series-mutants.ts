// Deliberate bugs in what standings and revisions of intervals count.
import { mutant, type Mutant } from './mutant.ts';

export const SERIES_MUTANTS: readonly Mutant[] = [
  mutant(
    'a late standing does not change the next one',
    'if (was.entrances !== is.entrances || was.exits !== is.exits) {',
    'if (was.entrances < 0) {',
  ),
  mutant(
    'a standing is compared with the newest',
    'const before = this.#before(reading, isLeftOut);',
    'const before = this.#inOrder.at(-1);',
  ),
  mutant(
    'history is not asked for the neighbours of a late standing',
    'if (notNewer.length > 0)',
    'if (notNewer.length < 0)',
  ),
  mutant(
    'the newest stored reading of another kind hides the standings before it',
    'if (unknown.size > 0) {',
    'if (unknown.size < 0) {',
  ),
  mutant('a stored standing is forgotten', 'if (known.newestStored !== undefined) storedUpTo(known, reading);', ''),
  mutant(
    'history is not asked what precedes the newest stored standing',
    'compareInSeries(reading, newestStored) <= 0',
    'compareInSeries(reading, newestStored) < 0',
    'test/unit/series-memory.test.ts',
  ),
  mutant(
    'every revision of an interval counts',
    'return this.#isSuperseded(reading, isLeftOut) ? NOBODY : passedIn(reading.measure);',
    'return passedIn(reading.measure);',
  ),
  mutant(
    'a revision leaves the one that it supersedes as it was',
    'return isStanding(reading.measure) ? this.#after(reading, isLeftOut) : this.#before(reading, isLeftOut);',
    'return isStanding(reading.measure) ? this.#after(reading, isLeftOut) : undefined;',
  ),
  mutant(
    'a revision supersedes those of other intervals with the same end',
    '&& startOf(after.measure) === startOf(reading.measure)',
    '',
  ),
  mutant(
    'the revision with the most people counts',
    'return a.revision - b.revision || a.entrances + a.exits',
    'return a.entrances + a.exits',
  ),
  mutant(
    'of equal revisions the one with the highest id counts',
    'x.startMs - y.startMs || compareRevisions(x, y) || compareNames(a, b)',
    'x.startMs - y.startMs || x.revision - y.revision || compareNames(a, b) || compareRevisions(x, y)',
  ),
  mutant(
    'a revision is no part of the identity of an interval',
    'return `${intervalMeasure(passed, startMs)}r${revision}` as Measure;',
    'return `${intervalMeasure(passed, startMs)}r${revision === 0 ? 0 : 1}` as Measure;',
  ),
  mutant(
    'a wrap of a counter is taken for a restart',
    'return wrapped < modulus / 2 ? wrapped : undefined;',
    'return wrapped < 0 ? wrapped : undefined;',
  ),
  mutant(
    'one counter may restart alone',
    'return entrances === undefined || exits === undefined ? restarted : { entrances, exits };',
    'return { entrances: entrances ?? restarted.entrances, exits: exits ?? restarted.exits };',
  ),
  mutant(
    'another counter epoch is not noticed',
    'if (previous.counterEpoch !== next.counterEpoch) return restarted;',
    '',
  ),
  mutant(
    'a change of the modulus applies only to later readings',
    'if ((was?.counterModulus ?? null) !== (is?.counterModulus ?? null)) return [[id, [ALWAYS]]];',
    '',
  ),
];
