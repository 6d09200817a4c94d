// Draws what a DPU reports of an interval, again and again.
import type { DpuId } from '../../src/domain/ids.ts';
import type { Random } from './random.ts';

const MINUTE = 60_000;

export class RevisionWriter {
  readonly #random: Random;
  readonly #intervals: { readonly dpuId: DpuId; readonly timestamp: string; readonly start: string }[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Mostly of an interval that was reported before. Few values, so that revisions often agree in some of them. */
  next(dpuId: DpuId, timestamp: string): string {
    const random = this.#random;
    const before = this.#intervals.filter((interval) => interval.dpuId === dpuId);
    const isNew = before.length === 0 || random.chance(0.3);
    const interval = isNew
      ? { dpuId, timestamp, start: new Date(Date.parse(timestamp) - random.int(0, 2) * MINUTE).toISOString() }
      : random.pick(before.slice(-3));
    if (isNew) this.#intervals.push(interval);
    const name = random.chance(0.2) ? { id: `n${random.int(1, 3)}` } : {};
    const bad = random.chance(0.04)
      ? random.pick([{ revision: -1 }, { revision: 1.5 }, { start: undefined }, { timestamp: undefined }])
      : {};
    const { timestamp: end, start } = interval;
    const [entrances, exits, revision] = [random.int(0, 3), random.int(0, 3), random.int(0, 3)];
    return JSON.stringify({ timestamp: end, entrances, exits, start, revision, ...name, ...bad });
  }
}
