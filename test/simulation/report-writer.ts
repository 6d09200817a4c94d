// Draws intervals and standings.
import type { DpuId } from '../../src/domain/ids.ts';
import type { Random } from './random.ts';

const HOUR = 3_600_000;
/** Small, so that counters wrap. */
export const MODULUS = 12;

export class ReportWriter {
  readonly #random: Random;
  readonly #reportsTotals: ReadonlySet<DpuId>;
  /** The last standing of each DPU. */
  readonly #totals = new Map<DpuId, [entrances: number, exits: number]>();

  constructor(random: Random, reportsTotals: ReadonlySet<DpuId>) {
    this.#random = random;
    this.#reportsTotals = reportsTotals;
  }

  /** An interval or a standing, sometimes without a timestamp. */
  next(dpuId: DpuId, timestamp: string): string {
    const random = this.#random;
    const timed = random.chance(0.1) ? {} : { timestamp };
    const name = random.chance(0.15) ? { id: `n${random.int(1, 20)}` } : {};
    const bad = random.chance(0.04)
      ? random.pick([{ direction: 1 }, { entrances: -1, exits: 0 }, { total_entrances: 1.5, total_exits: 2 }])
      : {};
    if (!this.#reportsTotals.has(dpuId) || random.chance(0.15)) {
      const start = random.chance(0.4)
        ? { start: new Date(Date.parse(timestamp) - random.int(0, HOUR)).toISOString() }
        : {};
      return JSON.stringify({
        ...timed,
        entrances: random.int(0, 3),
        exits: random.int(0, 3),
        ...start,
        ...name,
        ...bad,
      });
    }
    const [entrances, exits] = this.#totals.get(dpuId) ?? [0, 0];
    // Mostly the counter goes on; sometimes it restarts at 0, or anywhere.
    const next = random.weighted({ on: 10, restart: 1.5, anywhere: 1.5 });
    const totals: [number, number] = {
      on: [(entrances + random.int(0, 3)) % MODULUS, (exits + random.int(0, 3)) % MODULUS] as [number, number],
      restart: [random.int(0, 2), random.int(0, 2)] as [number, number],
      anywhere: [random.int(0, MODULUS), random.int(0, MODULUS)] as [number, number],
    }[next];
    this.#totals.set(dpuId, totals);
    const epoch = random.chance(0.15) ? { counter_epoch: random.pick(['a', 'b']) } : {};
    return JSON.stringify({ ...timed, total_entrances: totals[0], total_exits: totals[1], ...epoch, ...name, ...bad });
  }
}
