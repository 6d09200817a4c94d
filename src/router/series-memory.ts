// The neighbours of the readings that a router is routing, for readings that count by their neighbours (series.ts).
// The memory holds the readings of a series that may not be stored yet; the neighbours of a late reading come from
// history.
import { END_MS } from '../domain/instant.ts';
import type { Reading } from '../domain/reading.ts';
import { compareInSeries, Series, seriesKeyOf, seriesKindOf, seriesOf, type SeriesKey } from '../domain/series.ts';
import type { History, SeriesPlace } from '../ports/history.ts';

type Neighbours = Pick<History, 'neighbours'>;

interface KnownSeries {
  /** Readings that may not be stored yet. */
  readonly recent: Series;
  /** The newest stored reading; null if there is none, undefined until history was asked. */
  newestStored: Reading | null | undefined;
}

export class SeriesMemory {
  readonly #known = new Map<SeriesKey, KnownSeries>();

  remember(reading: Reading): void {
    const key = seriesKeyOf(reading);
    if (key !== undefined) this.#of(key).recent.add(reading);
  }

  /** Drops a reading from `recent`, because it is stored now. */
  forget(reading: Reading): void {
    const key = seriesKeyOf(reading);
    const known = key && this.#known.get(key);
    if (!known) return;
    known.recent.delete(reading);
    if (known.newestStored !== undefined) storedUpTo(known, reading);
  }

  /**
   * The series of the given readings, with at least the direct neighbours of each.
   * @param readings may be unknown to the memory; readings that are in no series are skipped
   */
  async around(readings: readonly Reading[], history: Neighbours): Promise<ReadonlyMap<SeriesKey, Series>> {
    const found = new Map<SeriesKey, Series>();
    const [inSeries, unknown] = this.#inSeries(readings);
    if (inSeries.length === 0) return found;
    if (unknown.size > 0) await this.#learnNewest(unknown, history);
    const notNewer: Reading[] = [];
    for (const [key, reading] of inSeries) {
      const { recent, newestStored } = this.#of(key);
      if (!found.has(key)) found.set(key, new Series(newestStored ? [...recent.all, newestStored] : recent.all));
      // Includes the newest reading itself: the memory has that reading, but not the one before it.
      if (newestStored && compareInSeries(reading, newestStored) <= 0) notNewer.push(reading);
    }
    if (notNewer.length === 0) return found;
    for (const stored of await history.neighbours(notNewer.flatMap(placeIn))) seriesOf(stored, found)?.add(stored);
    return found;
  }

  /** The given readings that are in a series, and the series whose newest stored reading is unknown. */
  #inSeries(readings: readonly Reading[]): [[SeriesKey, Reading][], Map<SeriesKey, Reading>] {
    const inSeries: [SeriesKey, Reading][] = [];
    const unknown = new Map<SeriesKey, Reading>();
    for (const reading of readings) {
      const key = seriesKeyOf(reading);
      if (key === undefined) continue;
      inSeries.push([key, reading]);
      if (this.#of(key).newestStored === undefined) unknown.set(key, reading);
    }
    return [inSeries, unknown];
  }

  async #learnNewest(unknown: ReadonlyMap<SeriesKey, Reading>, history: Neighbours): Promise<void> {
    const ends = [...unknown.values()].flatMap(placeIn).map((place) => ({ ...place, timestampMs: END_MS }));
    const found = await history.neighbours(ends);
    for (const key of unknown.keys()) this.#of(key).newestStored = null;
    for (const stored of found) {
      const key = seriesKeyOf(stored);
      if (key !== undefined) storedUpTo(this.#of(key), stored);
    }
  }

  #of(key: SeriesKey): KnownSeries {
    let known = this.#known.get(key);
    if (!known) this.#known.set(key, (known = { recent: new Series(), newestStored: undefined }));
    return known;
  }
}

function storedUpTo(known: KnownSeries, reading: Reading): void {
  if (!known.newestStored || compareInSeries(known.newestStored, reading) < 0) known.newestStored = reading;
}

function placeIn({ dpuId, timestampMs, measure }: Reading): SeriesPlace[] {
  const kind = seriesKindOf(measure);
  return kind ? [{ kind, dpuId, timestampMs }] : [];
}
