// The series (series.ts) that a repair looks at, complete: it may change what any reading counts.
import type { ReadingPlace } from '../domain/commit.ts';
import type { DpuId } from '../domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../domain/instant.ts';
import { identityOf, type Reading } from '../domain/reading.ts';
import { seriesKeyOf, seriesOf, type Series, type SeriesKey } from '../domain/series.ts';
import type { DpuReadingsPage, History } from '../ports/history.ts';
import type { ViewOfReading } from './view-of-reading.ts';

export const READINGS_PER_PAGE = 2_000;

export async function storedSeries(
  key: SeriesKey,
  dpuId: DpuId,
  history: Pick<History, 'readingsOfDpus'>,
): Promise<Reading[]> {
  const found: Reading[] = [];
  let after: ReadingPlace | null = { dpuId, timestampMs: BEGINNING_MS, readingId: '' };
  while (after) {
    const query = { dpuIds: [dpuId], fromMs: BEGINNING_MS, toMs: END_MS, after, limit: READINGS_PER_PAGE };
    const page: DpuReadingsPage = await history.readingsOfDpus(query);
    found.push(...page.readings.filter((reading) => seriesKeyOf(reading) === key));
    after = page.end;
  }
  return found;
}

/**
 * Adds the readings that depend on those of a page: the row of a reading may have survived, and the row for the
 * change that it caused in another reading may be lost.
 */
export function withDependents(
  page: readonly Reading[],
  series: ReadonlyMap<SeriesKey, Series>,
  views: ViewOfReading,
): Reading[] {
  const readings = new Map(page.map((reading) => [identityOf(reading), reading]));
  for (const reading of page) {
    for (const view of views.allOf(reading)) {
      const dependent = seriesOf(reading, series)?.dependentOn(reading, (other) => view.isDeleted(other));
      if (dependent) readings.set(identityOf(dependent), dependent);
    }
  }
  return [...readings.values()];
}
