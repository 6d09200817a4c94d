// Deliberate bugs in what has changed since an earlier answer.
import { mutant, type Mutant } from './mutant.ts';

const PROPERTY = 'test/property/revisions.test.ts';
const CAUSES = 'test/unit/commit-causes.test.ts';

export const REVISED_MUTANTS: readonly Mutant[] = [
  mutant(
    'revisions: what a router moved arrived',
    'if (header?.isMove && section.events.length > 0) this.#causes = withChange(',
    'if (header?.isMove && section.events.length < 0) this.#causes = withChange(',
  ),
  mutant('revisions: net counts from the start of the span', 'netAfterMs: reset.timestampMs', 'netAfterMs: fromMs - 1'),
  mutant(
    'revisions: a changed reset is evaluated on what is known now',
    'const then = reportAsOf(report, known.asOf);',
    'const then = report;',
    PROPERTY,
  ),
  mutant(
    'revisions: of several changes of resets, each has the effect of all',
    '(nets[n + 1] ?? 0) - (nets[n] ?? 0)',
    '(nets[n + 1] ?? 0) - (nets[0] ?? 0)',
    PROPERTY,
  ),
  mutant(
    'revisions: readings are late by the watermark of now',
    'watermarkMs: known.asOf.watermarkMs',
    'watermarkMs: report.watermarkMs',
    PROPERTY,
  ),
  mutant(
    'revisions: what is in memory was known',
    '!isKnownAt({ epoch, seq: event.seq }, question.since)',
    'isKnownAt({ epoch: epoch + 1, seq: event.seq }, question.since)',
    PROPERTY,
  ),
  mutant(
    'revisions: a checkpoint lacks the causes of what it holds',
    'causes: this.#causes,\n      settings',
    'causes: NO_CHANGES,\n      settings',
  ),
  mutant(
    'revisions: a cause is forgotten with its first event that is stored',
    'causes.changes.filter(([some]) => some >= seq)',
    'causes.changes.filter(([some]) => some > seq)',
  ),
  mutant('revisions: a block lacks its causes', 'causes: this.causesOf(rows) }', 'causes: NO_CHANGES }'),
  mutant('revisions: a rebuild loses the causes of the log', 'this.#causes = causes;\n', 'void causes;\n'),
  mutant(
    'revisions: the first entry that a router followed is behind all of it',
    'entries: entries.slice(0, LISTED_MAX)',
    'entries: entries.slice(0, 1)',
    'test/unit/changes-behind.test.ts',
  ),
  mutant(
    'revisions: what an earlier version read has arrived',
    'knownAfterSeq: this.#seq }',
    'knownAfterSeq: 0 }',
    CAUSES,
  ),
  mutant(
    'revisions: rows of an earlier version have arrived',
    'causeOf(mark.causes ?? UNKNOWN_CAUSES, row.seq)',
    'causeOf(mark.causes ?? { ...UNKNOWN_CAUSES, knownAfterSeq: 0 }, row.seq)',
    CAUSES,
  ),
];
