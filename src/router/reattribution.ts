// Re-attribution: after a change of the topology, retracts readings where they counted and asserts them where they
// count now. It works in pages. Each page is one commit that also records where the next one starts, so a crash
// between two pages neither repeats nor skips a page.
import type { DpuId } from '../domain/ids.ts';
import { END_MS } from '../domain/instant.ts';
import type { ReadingPlace } from '../domain/commit.ts';
import { identityOf, readingIdOf, type Reading } from '../domain/reading.ts';
import { compareEvents } from '../domain/space-event.ts';
import type { History } from '../ports/history.ts';
import type { ReadingMemory } from './reading-memory.ts';
import { isWithin, type TopologyChange } from '../domain/topology-change.ts';

const PAGE_DPUS = 500;

const START: ReadingPlace = { dpuId: '' as DpuId, timestampMs: -1, readingId: '' };

export interface ReattributionPage {
  readonly readings: readonly Reading[];
  /** Where the next page starts, or null after the last one. */
  readonly after: ReadingPlace | null;
}

/** The accepted readings that a change may affect, one page at a time, in (DPU, timestamp, reading id) order. */
export async function* pagesOf(
  change: TopologyChange,
  from: ReadingPlace | undefined,
  history: History,
  memory: ReadingMemory,
  pageReadings: number,
): AsyncGenerator<ReattributionPage> {
  let after: ReadingPlace | null = from ?? START;
  const dpuIds = [...change.spans.keys()].sort();
  const leftToHistory = await storedUnderPreviousIds(change, history, memory);
  const remembered = (dpuId: DpuId): Reading[] =>
    memory.within(dpuId, change.spans.get(dpuId) ?? []).filter((reading) => !leftToHistory.has(identityOf(reading)));
  while (after) {
    const page: ReattributionPage = await pageAfter(after, dpuIds, change, history, remembered, pageReadings);
    yield page;
    after = page.after;
  }
}

/**
 * Remembered readings that history holds under an id in the previous format. Their place in the order differs, and
 * memory does not know it.
 */
async function storedUnderPreviousIds(
  change: TopologyChange,
  history: History,
  memory: ReadingMemory,
): Promise<Set<string>> {
  const named = [...change.spans].flatMap(([dpuId, spans]) =>
    memory.within(dpuId, spans).filter(({ name }) => name !== undefined),
  );
  if (named.length === 0) return new Set();
  return new Set((await history.findReadings(named)).filter(({ hasPreviousId }) => hasPreviousId).map(identityOf));
}

async function pageAfter(
  after: ReadingPlace,
  allDpuIds: readonly DpuId[],
  change: TopologyChange,
  history: History,
  remembered: (dpuId: DpuId) => Reading[],
  limit: number,
): Promise<ReattributionPage> {
  const remaining = allDpuIds.filter((dpuId) => dpuId >= after.dpuId);
  const dpuIds = remaining.slice(0, PAGE_DPUS);
  const spans = dpuIds.flatMap((dpuId) => change.spans.get(dpuId) ?? []);
  if (spans.length === 0) return { readings: [], after: null };
  const fromMs = Math.min(...spans.map((span) => span.fromMs));
  const toMs = Math.max(...spans.map((span) => span.toMs));
  const stored = await history.readingsOfDpus({ dpuIds, fromMs, toMs, after, limit });
  const end: ReadingPlace = stored.end ?? { dpuId: dpuIds.at(-1) ?? after.dpuId, timestampMs: END_MS, readingId: '' };
  const found = new Map<string, Reading>();
  for (const reading of stored.readings) found.set(readingIdOf(reading), reading);
  for (const dpuId of dpuIds) {
    for (const reading of remembered(dpuId)) {
      const place = placeOf(reading);
      if (comparePlaces(place, after) > 0 && comparePlaces(place, end) <= 0) found.set(place.readingId, reading);
    }
  }
  const readings = [...found.values()]
    .filter((reading) => isWithin(reading, change))
    .sort((a, b) => comparePlaces(placeOf(a), placeOf(b)));
  return { readings, after: stored.end || remaining.length > dpuIds.length ? end : null };
}

export function placeOf(reading: Reading): ReadingPlace {
  return { dpuId: reading.dpuId, timestampMs: reading.timestampMs, readingId: readingIdOf(reading) };
}

/** By DPU, then in event order. */
export function comparePlaces(a: ReadingPlace, b: ReadingPlace): number {
  if (a.dpuId !== b.dpuId) return a.dpuId < b.dpuId ? -1 : 1;
  return compareEvents(a, b);
}
