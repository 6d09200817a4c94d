// Which standings are next to those that a router is routing. Together with ClickHouse the router knows every accepted
// standing: it remembers those that may not be stored, and asks history for the neighbours of one that comes late.
import type { DpuId } from '../domain/ids.ts';
import { END_MS } from '../domain/instant.ts';
import { isStanding } from '../domain/measure.ts';
import type { Reading } from '../domain/reading.ts';
import { compareStandings, Standings } from '../domain/standings.ts';
import type { History } from '../ports/history.ts';

interface DpuStandings {
  /** Standings that may not be stored yet. */
  readonly recent: Standings;
  /** The newest that is stored; null where none is, undefined until history was asked. */
  newestStored: Reading | null | undefined;
}

export class StandingMemory {
  readonly #dpus = new Map<DpuId, DpuStandings>();

  remember(reading: Reading): void {
    if (isStanding(reading.measure)) this.#dpu(reading.dpuId).recent.add(reading);
  }

  /** It is stored. */
  forget(reading: Reading): void {
    const dpu = isStanding(reading.measure) ? this.#dpus.get(reading.dpuId) : undefined;
    if (!dpu) return;
    dpu.recent.delete(reading);
    if (dpu.newestStored !== undefined) this.#storedUpTo(reading);
  }

  #storedUpTo(reading: Reading): void {
    const dpu = this.#dpu(reading.dpuId);
    if (!dpu.newestStored || compareStandings(dpu.newestStored, reading) < 0) dpu.newestStored = reading;
  }

  /**
   * By DPU: a set of standings that has those directly before and after each of the given ones.
   * @param readings standings; they need not be known
   */
  async around(
    readings: readonly Reading[],
    history: Pick<History, 'standingsAround'>,
  ): Promise<Map<DpuId, Standings>> {
    const found = new Map<DpuId, Standings>();
    if (readings.length === 0) return found;
    await this.#learnNewest(readings, history);
    for (const { dpuId } of readings) {
      if (found.has(dpuId)) continue;
      const { recent, newestStored } = this.#dpu(dpuId);
      found.set(dpuId, new Standings(newestStored ? [...recent.all, newestStored] : recent.all));
    }
    const late = readings.filter((reading) => {
      const { newestStored } = this.#dpu(reading.dpuId);
      // The newest itself, too: what it counts depends on the one before it, which is not known here.
      return newestStored && compareStandings(reading, newestStored) <= 0;
    });
    if (late.length === 0) return found;
    for (const stored of await history.standingsAround(late)) found.get(stored.dpuId)?.add(stored);
    return found;
  }

  async #learnNewest(readings: readonly Reading[], history: Pick<History, 'standingsAround'>): Promise<void> {
    const strangers = new Set<DpuId>();
    for (const { dpuId } of readings) if (this.#dpu(dpuId).newestStored === undefined) strangers.add(dpuId);
    if (strangers.size === 0) return;
    const places = [...strangers].map((dpuId) => ({ dpuId, timestampMs: END_MS }));
    const found = await history.standingsAround(places);
    for (const dpuId of strangers) this.#dpu(dpuId).newestStored = null;
    for (const stored of found) this.#storedUpTo(stored);
  }

  #dpu(dpuId: DpuId): DpuStandings {
    let dpu = this.#dpus.get(dpuId);
    if (!dpu) this.#dpus.set(dpuId, (dpu = { recent: new Standings(), newestStored: undefined }));
    return dpu;
  }
}
