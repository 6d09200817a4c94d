// Collects what survives of the series of some readings. A repair needs them, because what a reading of a series counts
// depends on its neighbours.
import type { ReadingPlace } from '../domain/commit.ts';
import type { DpuId } from '../domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../domain/instant.ts';
import { identityOf, type Reading } from '../domain/reading.ts';
import { Series, seriesKeyOf, seriesOf, type SeriesKey } from '../domain/series.ts';
import type { DpuReadingsPage, History } from '../ports/history.ts';
import type { ViewOfReading } from './view-of-reading.ts';

const READINGS_PER_PAGE = 2_000;

export class SurvivingSeries {
  readonly #history: Pick<History, 'readingsOfDpus'>;
  /** Whole series, cached once they were queried. */
  readonly #series = new Map<SeriesKey, Series>();

  constructor(history: Pick<History, 'readingsOfDpus'>) {
    this.#history = history;
  }

  /** The series of some readings. @param suspects readings that may not be stored */
  async around(
    readings: readonly Reading[],
    suspects: ReadonlyMap<string, Reading>,
  ): Promise<ReadonlyMap<SeriesKey, Series>> {
    for (const reading of readings) {
      const key = seriesKeyOf(reading);
      if (key === undefined || this.#series.has(key)) continue;
      const one = new Series(await this.#stored(key, reading.dpuId));
      for (const suspect of suspects.values()) if (seriesKeyOf(suspect) === key) one.add(suspect);
      this.#series.set(key, one);
    }
    return this.#series;
  }

  async #stored(key: SeriesKey, dpuId: DpuId): Promise<Reading[]> {
    const found: Reading[] = [];
    let after: ReadingPlace | null = { dpuId, timestampMs: BEGINNING_MS, readingId: '' };
    while (after) {
      const query = { dpuIds: [dpuId], fromMs: BEGINNING_MS, toMs: END_MS, after, limit: READINGS_PER_PAGE };
      const page: DpuReadingsPage = await this.#history.readingsOfDpus(query);
      found.push(...page.readings.filter((reading) => seriesKeyOf(reading) === key));
      after = page.end;
    }
    return found;
  }
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
