// Deliberate bugs in profiles of spaces, and in intervals of several spaces.
import { mutant, type Mutant } from './mutant.ts';

export const PROFILE_MUTANTS: readonly Mutant[] = [
  mutant(
    'the millisecond of a reset has the count before it',
    'const fromMs = isAfterReset ? afterMs : afterMs + 1; const toMs = resets.has(upToMs) ? upToMs : upToMs + 1;',
    'const fromMs = afterMs + 1;\n        const toMs = upToMs + 1;',
  ),
  mutant(
    'the peak of an hour leaves out the count at its start',
    'isReplaced ? max : Math.max(countOf(occupancy), max)',
    'max',
  ),
  mutant(
    'a profile is that of history alone',
    'tally.times.follow(stretches.slice(stored.length), tail);',
    'tally.times.follow(stretches.slice(stored.length), []);',
  ),
  mutant(
    'a profile starts with nobody in the space',
    'hour = afterMs < firstMs ? undefined : hours[at];',
    'hour = afterMs < firstMs ? undefined : hours[at];\n      if (afterMs === firstMs) occupancy = occupancyAfterReset(0);',
  ),
  mutant(
    'the last millisecond of an hour lacks the reset in it',
    'tally.times.add({ cell: hour.cell, count: resetTo, ms: 1 });',
    '',
  ),
  mutant(
    'spaces whose runs are divided at other instants are asked for together',
    'addTo(groups, one.edges.edges.join(), one)',
    "addTo(groups, '', one)",
    'test/property/intervals-of-spaces.test.ts',
  ),
  mutant(
    'stored events after the oldest one in memory are missing if a space is asked for with others',
    'joined(split, segments, tails.get(spaceId) ?? [])',
    'joined(split, segments, [])',
    'test/property/intervals-of-spaces.test.ts',
  ),
];
