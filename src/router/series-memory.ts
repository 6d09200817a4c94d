// Which readings are next to those that a router is routing, where that decides what they count (series.ts). Together
// with ClickHouse the router knows every accepted reading of a series: it remembers those that may not be stored, and asks
// history for the neighbours of one that comes late.
import type { DpuId } from '../domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../domain/instant.ts';
import type { Reading } from '../domain/reading.ts';
import {
  compareInSeries,
  Series,
  seriesKeyOf,
  seriesKindOf,
  seriesOf,
  type IsLeftOut,
  type SeriesKey,
} from '../domain/series.ts';
import type { DpuInstant, History, SeriesPlace } from '../ports/history.ts';

type Answering = Pick<History, 'neighbours' | 'readingsAt'>;
/** The event time up to which a DPU has stored readings, as in ReadingMemory; undefined while that is unknown. */
type NewestStoredMs = (dpuId: DpuId) => number | undefined;

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
   * @param isLeftOut a reading that is left out is passed over: the ones next to it are included as well
   */
  async around(
    readings: readonly Reading[],
    history: Answering,
    newestStoredMs: NewestStoredMs,
    isLeftOut: IsLeftOut,
  ): Promise<ReadonlyMap<SeriesKey, Series>> {
    const found = new Map<SeriesKey, Series>();
    const [inSeries, unlearned] = this.#inSeries(readings);
    if (inSeries.length === 0) return found;
    if (unlearned.size > 0) await this.#learnNewest(unlearned, history, newestStoredMs);
    const notNewer: Reading[] = [];
    for (const [key, reading] of inSeries) {
      const { recent, newestStored } = this.#of(key);
      if (!found.has(key)) found.set(key, new Series(newestStored ? [...recent.all, newestStored] : recent.all));
      // Includes the newest reading itself: the memory has that reading, but not the one before it.
      if (newestStored && compareInSeries(reading, newestStored) <= 0) notNewer.push(reading);
    }
    if (notNewer.length > 0)
      for (const stored of await history.neighbours(notNewer.flatMap(placeIn))) seriesOf(stored, found)?.add(stored);
    await this.#passOver(inSeries, found, history, isLeftOut);
    return found;
  }

  /** One query for each reading of a run that is left out, so a long run takes a while. */
  async #passOver(
    inSeries: readonly [SeriesKey, Reading][],
    found: ReadonlyMap<SeriesKey, Series>,
    history: Answering,
    isLeftOut: IsLeftOut,
  ): Promise<void> {
    const asked = new Set<string>();
    for (;;) {
      const places: SeriesPlace[] = [];
      for (const [key, reading] of inSeries) {
        const { newestStored } = this.#of(key);
        for (const passedOver of found.get(key)?.leftOutAround(reading, isLeftOut) ?? []) {
          // What is next to a reading that is newer than everything stored is known.
          const isNewer = !newestStored || compareInSeries(passedOver, newestStored) > 0;
          const place = `${key} ${passedOver.timestampMs}`;
          if (isNewer || asked.has(place)) continue;
          asked.add(place);
          places.push(...placeIn(passedOver));
        }
      }
      if (places.length === 0) return;
      for (const stored of await history.neighbours(places)) seriesOf(stored, found)?.add(stored);
    }
  }

  /** The given readings that are in a series, and the series whose newest stored reading is unknown. */
  #inSeries(readings: readonly Reading[]): [[SeriesKey, Reading][], Map<SeriesKey, Reading>] {
    const inSeries: [SeriesKey, Reading][] = [];
    const unlearned = new Map<SeriesKey, Reading>();
    for (const reading of readings) {
      const key = seriesKeyOf(reading);
      if (key === undefined) continue;
      inSeries.push([key, reading]);
      if (this.#of(key).newestStored === undefined) unlearned.set(key, reading);
    }
    return [inSeries, unlearned];
  }

  /** After a restart all series are unknown: one query for all of them, unless a DPU sends readings of other kinds as well. */
  async #learnNewest(
    unlearned: ReadonlyMap<SeriesKey, Reading>,
    history: Answering,
    newestStoredMs: NewestStoredMs,
  ): Promise<void> {
    const places: DpuInstant[] = [];
    const unknown = new Map(unlearned);
    for (const [key, { dpuId }] of unlearned) {
      const timestampMs = newestStoredMs(dpuId);
      if (timestampMs === BEGINNING_MS) unknown.delete(key);
      else if (timestampMs !== undefined) places.push({ dpuId, timestampMs });
    }
    const found = places.length > 0 ? await history.readingsAt(places) : [];
    for (const stored of found) {
      const key = seriesKeyOf(stored);
      if (key !== undefined) unknown.delete(key);
    }
    if (unknown.size > 0) {
      const ends = [...unknown.values()].flatMap(placeIn).map((place) => ({ ...place, timestampMs: END_MS }));
      found.push(...(await history.neighbours(ends)));
    }
    for (const key of unlearned.keys()) this.#of(key).newestStored = null;
    for (const stored of found) {
      const key = seriesKeyOf(stored);
      if (key !== undefined && unlearned.has(key)) storedUpTo(this.#of(key), stored);
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
