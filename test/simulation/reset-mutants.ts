// Deliberate bugs in resets that are changed or deleted, and in daily resets to a count.
import { mutant, type Mutant } from './mutant.ts';

export const RESET_MUTANTS: readonly Mutant[] = [
  mutant(
    'a changed reset keeps its place among those of its instant',
    'current.delete(version.doc.id); if (!version.doc.deleted) current.set(',
    'if (version.doc.deleted) current.delete(version.doc.id);\n    else current.set(',
  ),
  mutant(
    'a deleted reset still applies',
    'if (!version.doc.deleted) current.set(version.doc.id, version.doc);',
    'current.set(version.doc.id, version.doc);',
  ),
  mutant(
    'a daily reset is always to 0',
    '{ timestampMs: daily, count: schedule.dailyResetCount };',
    '{ timestampMs: daily, count: 0 };',
  ),
];
