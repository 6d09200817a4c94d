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
    'a list has the counts of blocks after its place',
    'this.#blocks ? (this.#blocks[partitionOfSpace(spaceId, this.#blocks.length)] ?? 0) : Number.MAX_SAFE_INTEGER',
    'Number.MAX_SAFE_INTEGER',
  ),
  mutant(
    'a list announces the events of blocks after its place',
    'countAllEvents(range, this.#blocks)',
    'countAllEvents(range)',
  ),
  mutant(
    'a block on its way is in the list of a time',
    'const blocks = cut.map((block, partition) => Math.min(block, stored[partition] ?? 0));',
    'const blocks = cut;',
    'test/unit/stored-places.test.ts',
  ),
  mutant(
    'a list names blocks without rows, whose numbers are used again',
    'Math.min(storedBlock, last[partition] ?? 0)',
    'storedBlock',
    'test/unit/stored-places.test.ts',
  ),
  mutant(
    'a report names blocks without rows, whose numbers are used again',
    'const { filledBlock: storedBlock, epoch, seq, logMs } = fold;',
    'const { storedBlock, epoch, seq, logMs } = fold;',
    'test/property/event-pages.test.ts',
  ),
  mutant(
    'a cursor carries its count past rows that were stored since',
    '(await this.#pages.newestBlock(spaceId, since)) > counted.block',
    '(await this.#pages.newestBlock(spaceId, since)) < 0',
  ),
  mutant(
    'an earlier list has the resets of now',
    'return { place, view: this.#topologyAt({ place: place.topology }).view };',
    'return { place, view: this.#deps.topology.latest() };',
  ),
  mutant(
    'the topology of a place is that of now',
    'return { asOf, view: history.at(asOf.seq) };',
    'return { asOf, view: history.latest() };',
  ),
  mutant(
    'a sensor is listed where it is now, not where it was',
    'return { ...place, atMs: place.atMs ?? nowMs };',
    'return { ...place, atMs: nowMs };',
  ),
  mutant(
    'what was stored at the very instant of a time came after it',
    'storedMs <= atMs)?.seq',
    'storedMs < atMs)?.seq',
    'test/unit/known-topology.test.ts',
  ),
  mutant(
    'a place in another log is taken for one in this log',
    'history.digestAt(place.seq) !== place.digest)\n    throw refused',
    'history.digestAt(place.seq) === undefined)\n    throw refused',
    'test/unit/known-topology.test.ts',
  ),
  mutant('pages have what came after a place', '...{ spaceId, block, upTo, range },', '...{ spaceId, block, range },'),
  mutant(
    'the number of events is that of now',
    'countEvents({ spaceId, range, block, upTo, watermarkMs })',
    'countEvents({ spaceId, range, block, watermarkMs })',
  ),
  mutant(
    'the number of events known at a place includes what came later',
    'part(`-${EVENTS}`, ROWS_SINCE, ',
    'part(EVENTS, ROWS_SINCE, ',
    'test/integration/event-count.test.ts',
  ),
  mutant(
    'rows after the block of an answer are subtracted from its number of events',
    'block <= {block:UInt64} AND NOT ${KNOWN}',
    'NOT ${KNOWN}',
    'test/integration/event-count.test.ts',
  ),
  mutant(
    'a page continues with the count of another place',
    'if (counted.upTo?.epoch !== upTo?.epoch || counted.upTo?.seq !== upTo?.seq) return undefined;',
    '',
    'test/property/event-pages.test.ts',
  ),
  mutant(
    'a page of an earlier place continues with any count if nothing has been stored since',
    'return { spaceId, block, resetMs, resetCount, upTo };',
    'return { spaceId, block, resetMs, resetCount };',
    'test/property/event-pages.test.ts',
  ),
  mutant(
    'the next page of a time is of a later place',
    "if (params.has('known_at')) params.set('known_at', ctx.response.get('as-of'));",
    '',
    'test/unit/paging.test.ts',
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
  mutant(
    'an hour that has changed since is summed up as it was stored',
    '[...new Set([...divided, ...changed])]',
    '[...new Set(divided)]',
  ),
  mutant('an hour that a question divides is summed up as a whole', '[...divided, ...changed]', '[...changed]'),
];
