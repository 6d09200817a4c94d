// Deliberate bugs in what was known at an earlier moment.
import { mutant, type Mutant } from './mutant.ts';

export const KNOWN_MUTANTS: readonly Mutant[] = [
  mutant(
    'events in memory after the place count in an earlier answer',
    'report.unstored.filter((event) => event.seq <= seq)',
    'report.unstored',
  ),
  mutant(
    'nothing in memory counts in an earlier answer',
    'report.epoch === epoch ? report.unstored.filter',
    'report.epoch > epoch ? report.unstored.filter',
  ),
  mutant(
    'stored events after the place count in an earlier answer',
    'history.segments(spaceId, edgesMs, block, upTo)',
    'history.segments(spaceId, edgesMs, block)',
  ),
  mutant(
    'an earlier answer joins the events in memory with the stored events of now',
    'history.events(spaceId, afterMs, upToMs, block, upTo)',
    'history.events(spaceId, afterMs, upToMs, block)',
    'test/unit/as-known.test.ts',
  ),
  mutant(
    'an earlier answer has the newest reading of now',
    'history.newestInstants({ ...query, upTo })',
    'history.newestInstants(query)',
  ),
  mutant(
    'an earlier answer has the resets of now',
    'latest: () => topology.at(seq)',
    'latest: () => topology.latest()',
  ),
  mutant(
    'an earlier answer has the watermark of now',
    'upTo: { epoch, seq },',
    'upTo: { epoch, seq },\n    watermarkMs: report.watermarkMs,',
  ),
  mutant(
    'an earlier explanation has provisional events only if they are in memory now',
    'report.upTo && !isFinal',
    'report.upTo && isFinal',
  ),
  mutant(
    'an earlier explanation has the doorways of now',
    'history.doorwayTotals({ ...query, upTo })',
    'history.doorwayTotals(query)',
  ),
  mutant(
    'an earlier explanation has the exits at zero of now',
    'history.exitsAtZero({ ...query, upTo })',
    'history.exitsAtZero(query)',
  ),
  mutant(
    'an earlier profile has the times of now',
    'history.timeAtCounts({ ...query, upTo })',
    'history.timeAtCounts(query)',
  ),
  mutant(
    'a row has the place at which its block was cut',
    'return mark.seq === 0 ? 0 : row.seq;',
    'return mark.seq + 0 * row.seq;',
  ),
  mutant(
    'a rebuild leaves out events that lead to the same result',
    'const start = lastSeq === 0 ? -1 :',
    'const start = lastSeq > -1 ? -1 :',
    'test/unit/log-tail.test.ts',
  ),
];
