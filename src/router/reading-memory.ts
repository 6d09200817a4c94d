// The readings that a router has seen. Together with ClickHouse it knows every accepted reading: it holds at least
// those of its commits from one on, and everything in the commits before that one is stored.
//
// - D1 (actors/SPEC.md) a reading is accepted as new exactly once, whatever the memory has forgotten or rebuilt in
//   between.
import type { DpuId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { Span } from '../domain/placement.ts';
import type { Reading } from '../domain/reading.ts';
import type { Series, SeriesKey } from '../domain/series.ts';
import type { TopologyView } from '../domain/topology-history.ts';
import type { History } from '../ports/history.ts';
import {
  hasKey,
  keyOf,
  readingsIn,
  timestampOf,
  wholeReadingOf,
  removeKey,
  addReading,
  type Key,
  type RecentReadings,
} from './recent-readings.ts';
import { SeriesMemory } from './series-memory.ts';

interface DpuMemory {
  /** Most DPUs of a large installation have sent nothing for some minutes. */
  recent: RecentReadings;
  /** Every forgotten reading has at most this timestamp; and, if `isLearned`, every accepted one not in `recent`. */
  newestStoredMs: number;
  /** True once history was asked about the time before this memory began. */
  isLearned: boolean;
}

export class ReadingMemory {
  readonly #series = new SeriesMemory();
  readonly #dpus = new Map<DpuId, DpuMemory>();
  /** In the order in which they were remembered; as three arrays, so that there is no object for each reading. */
  readonly #order = { dpus: [] as DpuMemory[], keys: [] as Key[], commits: [] as number[] };

  get size(): number {
    return this.#order.commits.length;
  }

  /** True when a reading with the same identity is remembered. */
  has(reading: Reading): boolean {
    return hasKey(this.#dpus.get(reading.dpuId)?.recent, keyOf(reading));
  }

  /** False until `learnNewest` was called: before that, history may hold newer readings of this DPU than the memory. */
  knowsNewest(dpuId: DpuId): boolean {
    return this.#dpus.get(dpuId)?.isLearned ?? false;
  }

  learnNewest(dpuId: DpuId, storedMs: number | undefined): void {
    const dpu = this.#dpu(dpuId);
    // Readings may have been stored, and forgotten, since history was asked.
    dpu.newestStoredMs = Math.max(dpu.newestStoredMs, storedMs ?? BEGINNING_MS);
    dpu.isLearned = true;
  }

  /**
   * True if history has to be asked whether a reading that is not remembered is stored: the reading is not newer than
   * everything stored.
   */
  mayBeStored(reading: Reading): boolean {
    const dpu = this.#dpus.get(reading.dpuId);
    return !dpu?.isLearned || reading.timestampMs <= dpu.newestStoredMs;
  }

  /**
   * @param commit the number of the commit that accepts it, which is not lower than that of one before
   * @returns false if a reading with the same identity is remembered already
   */
  remember(reading: Reading, commit: number): boolean {
    const dpu = this.#dpu(reading.dpuId);
    const key = keyOf(reading);
    if (hasKey(dpu.recent, key)) return false;
    dpu.recent = addReading(dpu.recent, key, reading);
    this.#order.dpus.push(dpu);
    this.#order.keys.push(key);
    this.#order.commits.push(commit);
    this.#series.remember(reading);
    return true;
  }

  /** Forgets the readings of all commits up to one, because they are stored. */
  forget(throughCommit: number): void {
    const { dpus, keys, commits } = this.#order;
    const firstKept = commits.findIndex((commit) => commit > throughCommit);
    const count = firstKept < 0 ? commits.length : firstKept;
    for (let n = 0; n < count; n++) forgetIn(dpus[n] as DpuMemory, keys[n] as Key, this.#series);
    for (const each of [dpus, keys, commits]) each.splice(0, count);
  }

  /** The series of the given readings, as in SeriesMemory. @param views those under which the series are needed */
  async seriesAround(
    readings: readonly Reading[],
    history: Pick<History, 'neighbours' | 'readingsAt'>,
    views: readonly Pick<TopologyView, 'isDeleted'>[],
  ): Promise<ReadonlyMap<SeriesKey, Series>> {
    return this.#series.around(
      readings,
      history,
      (dpuId) => (this.knowsNewest(dpuId) ? this.#dpus.get(dpuId)?.newestStoredMs : undefined),
      (reading) => views.some((view) => view.isDeleted(reading)),
    );
  }

  /** Remembered readings of a DPU within some spans. */
  within(dpuId: DpuId, spans: readonly Span[]): Reading[] {
    return readingsIn(this.#dpus.get(dpuId)?.recent, dpuId).filter(({ timestampMs }) =>
      spans.some(({ fromMs, toMs }) => fromMs <= timestampMs && timestampMs < toMs),
    );
  }

  #dpu(dpuId: DpuId): DpuMemory {
    let dpu = this.#dpus.get(dpuId);
    if (!dpu) {
      dpu = { recent: undefined, newestStoredMs: BEGINNING_MS, isLearned: false };
      this.#dpus.set(dpuId, dpu);
    }
    return dpu;
  }
}

function forgetIn(dpu: DpuMemory, key: Key, series: SeriesMemory): void {
  const reading = wholeReadingOf(dpu.recent, key);
  dpu.recent = removeKey(dpu.recent, key);
  if (reading) series.forget(reading);
  dpu.newestStoredMs = Math.max(dpu.newestStoredMs, reading?.timestampMs ?? timestampOf(Number(key)));
}
