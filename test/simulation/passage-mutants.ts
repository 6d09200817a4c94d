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
    '.dpuVersions(source.dpuId, seq) .flatMap(',
    '.dpuVersions(source.dpuId, seq) .slice(-1) .flatMap(',
    'test/unit/passages.test.ts',
  ),
  mutant(
    'readings of a doorway are looked for only in its present ingress space',
    'return { spaces, laterSpaces, countedIn: () => countedIn };',
    'return { spaces: countedIn, laterSpaces, countedIn: () => countedIn };',
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
    'for (let poll = 0; !isKnownAt(place, report); poll++) {',
    'for (let poll = 0; !isKnownAt(place, place); poll++) {',
    'test/unit/reports-at-once.test.ts',
  ),
  mutant(
    'a block that was stored between two reports is joined with what it has',
    'if (isOfEpoch && after.storedBlock === before.storedBlock) found.push(',
    'if (isOfEpoch) found.push(',
    'test/unit/reports-at-once.test.ts',
  ),
  mutant(
    'reports of two epochs of the log are joined',
    'const isOfEpoch = before.epoch === place.epoch && after.epoch === place.epoch;',
    'const isOfEpoch = after.epoch === place.epoch;',
    'test/unit/reports-at-once.test.ts',
  ),
  mutant(
    'a question about several spaces is answered by the topology that the process happens to know',
    'await topology.catchUp().catch(unreadable); const asked',
    'const asked',
    'test/unit/passages.test.ts',
  ),
  mutant(
    'entrances and exits are final by the watermark of a later moment',
    'return { ...before, seq, unstored',
    'return { ...after, seq, unstored',
    'test/unit/reports-at-once.test.ts',
  ),
  mutant(
    'who passed as it was known has the stored events of now',
    'history.passages({ source, spaces, upTo, edgesMs })',
    'history.passages({ source, spaces, edgesMs })',
  ),
  mutant(
    'who passed as it was known is final by the placements of now',
    'const view = topology.at(seq); const spaces =',
    'const view = topology.latest(); const spaces =',
  ),
  mutant(
    'who passed as it was known is counted in spaces that came later',
    '.filter(({ seq: since }) => since <= seq)',
    '.filter(({ seq: since }) => since <= seq || seq > 0)',
    'test/unit/passages-known.test.ts',
  ),
  mutant(
    'a place whose events are newer than its topology is answered without the readings that were moved',
    'await reportsOf(asked.where.laterSpaces())',
    'await reportsOf([])',
    'test/unit/passages-known.test.ts',
  ),
  mutant(
    'readings of a DPU at a place are looked for only at the doorways of then',
    'spacesEver(source, boundsMs, topology, topology.seq)',
    'spacesEver(source, boundsMs, topology, seq)',
    'test/unit/passages-known.test.ts',
  ),
  mutant(
    'spaces that came later are asked for what they have now',
    'const passed = await this.#passed(asked, reports, place);',
    'const passed = await this.#passed(asked, reports, undefined);',
    'test/unit/passages-known.test.ts',
  ),
  mutant(
    'a time and a place are answered with the topology that the process happens to have read',
    "await topology.catchUp().catch(unreadable); if ('asOf' in knownAt)",
    "if ('asOf' in knownAt)",
    'test/unit/passages-known.test.ts',
  ),
  mutant(
    'intervals of an earlier answer follow the clock of now',
    'const view = history.at(topology.seq);',
    'const view = history.latest();',
    'test/unit/passages-known.test.ts',
  ),
  mutant(
    'places in two topologies are taken for one moment',
    'isSamePlace(place, first) && hasSameTopology(place, first)',
    'isSamePlace(place, first)',
    'test/unit/passages-known.test.ts',
  ),
  mutant(
    'a time is another place for each space',
    'found.every((place) => first && isSamePlace(place, first))',
    'found.every((place) => place && first)',
    'test/unit/passages-known.test.ts',
  ),
  mutant(
    'a place that cannot name all spaces is as final as the one that it names',
    'if (counted.length <= PLACES_MAX) return reports;',
    'if (counted.length >= 0) return reports;',
    'test/unit/passages-known.test.ts',
  ),
  mutant(
    'the place of one space is taken for that of another',
    'for (const spaceId of namedIn(asked)) placeFor(spaceId, places);',
    '',
    'test/unit/passages-known.test.ts',
  ),
];
