// Deliberate bugs in who passed a doorway or a DPU.
import { mutant, type Mutant } from './mutant.ts';

export const PASSAGE_MUTANTS: readonly Mutant[] = [
  mutant(
    'a reading between two spaces counts twice at its doorway',
    'primary && (',
    '(primary || !primary) &&\n      (',
  ),
  mutant(
    'entrances of a doorway are those of the space that it leads out of',
    'return isEgress ? { entrances: exits, exits: entrances } : { entrances, exits };',
    'return isEgress ? { entrances, exits } : { entrances, exits };',
  ),
  mutant(
    'entrances and exits are those of history alone',
    'const unstored = reports.flatMap((report) => passagesIn(report, source, edgesMs));',
    'const unstored = reports.slice(0, 0).flatMap((report) => passagesIn(report, source, edgesMs));',
  ),
  mutant(
    'a retraction counts as passing once more',
    'sum.entrances += event.sign * entrances;',
    'sum.entrances += entrances;',
  ),
  mutant(
    'readings of a DPU are looked for only in the spaces of its present placement',
    'const doorways = topology .dpuVersions(dpuId) .flatMap((version) => doorwaysBetween(placementsOf(version.placements), firstMs, lastMs));',
    'const doorways = doorwaysBetween(placementsOf(placements), firstMs, lastMs);',
    'test/unit/passages.test.ts',
  ),
  mutant(
    'readings of a doorway are looked for only in its present ingress space',
    'const spaces = new Set(topology.doorwayVersions(doorwayId).flatMap(primarySpaces));',
    'const spaces = new Set(countedIn);',
    'test/unit/passages.test.ts',
  ),
  mutant(
    'the reports of several spaces are of different moments',
    'unstored: after.unstored.filter((event) => event.seq <= seq)',
    'unstored: after.unstored',
    'test/unit/reports-at-once.test.ts',
  ),
  mutant(
    'a report is not asked for again although its log is behind',
    'for (let poll = 0; report.seq < seq; poll++) {',
    'for (let poll = 0; report.seq < 0 * seq; poll++) {',
    'test/unit/reports-at-once.test.ts',
  ),
  mutant(
    'a block that was stored between two reports is joined with what it has',
    'if (after.storedBlock === before.storedBlock) found.push(',
    'found.push(',
    'test/unit/reports-at-once.test.ts',
  ),
  mutant(
    'a question about several spaces is answered by the topology that the process happens to know',
    'await topology.catchUp().catch(unreadable); const { spaces: needed',
    'const { spaces: needed',
    'test/unit/passages.test.ts',
  ),
  mutant(
    'entrances and exits are final by the watermark of a later moment',
    'return { ...before, seq, unstored',
    'return { ...after, seq, unstored',
    'test/unit/reports-at-once.test.ts',
  ),
];
