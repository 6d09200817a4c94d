// Draws the amendments that a person makes: exclusions and deletions of readings, and changes and deletions of resets
// and exclusions.
import type { DpuId } from '../../src/domain/ids.ts';
import type { Random } from './random.ts';
import type { Action } from './scenario.ts';

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];

export class AmendmentWriter {
  readonly #random: Random;
  readonly #someInstant: () => number;
  /** How many exclusions of each DPU were recorded. */
  readonly #excluded = new Map<DpuId, number>();
  readonly #resets: { readonly space: number; readonly timestampMs: number }[] = [];

  constructor(random: Random, someInstant: () => number) {
    this.#random = random;
    this.#someInstant = someInstant;
  }

  resetRecorded(space: number, timestampMs: number): void {
    this.#resets.push({ space, timestampMs });
  }

  /** A reset that was recorded; undefined if there is none. */
  someReset(): { readonly space: number; readonly timestampMs: number } | undefined {
    return this.#resets.length > 0 ? this.#random.pick(this.#resets) : undefined;
  }

  /** Mostly around some reading; some overlap, and some end in the future. */
  exclude(dpuId: DpuId): Action {
    const random = this.#random;
    const fromMs = this.#someInstant() - random.pick([0, SECOND, MINUTE, HOUR]);
    const toMs = fromMs + random.pick([1, MINUTE, HOUR, HOUR, DAY]);
    this.#excluded.set(dpuId, (this.#excluded.get(dpuId) ?? 0) + 1);
    return { kind: 'exclude', dpuId, fromMs, toMs };
  }

  include(): Action | undefined {
    if (this.#excluded.size === 0) return undefined;
    const [dpuId, exclusions] = this.#random.pick([...this.#excluded]);
    return { kind: 'include', dpuId, id: this.#random.int(1, exclusions) };
  }

  /** One reading, or some that were sent one after the other. */
  deleteReadings(): Action[] {
    const first = this.#random.int(0, 500);
    const length = this.#random.pick([1, 1, 1, 2, 3]);
    return Array.from({ length }, (_, n) => ({ kind: 'deleteReading', which: first + n }));
  }

  restoreReading(): Action {
    return { kind: 'restoreReading', which: this.#random.int(0, 50) };
  }

  /** One that was recorded, if none was lost. Often to an instant that has another one. */
  changeReset(kind: 'changeReset' | 'deleteReset'): Extract<Action, { kind: typeof kind }> | undefined {
    const random = this.#random;
    const space = this.someReset()?.space;
    if (space === undefined) return undefined;
    const resets = this.#resets.filter((reset) => reset.space === space);
    const id = random.int(1, resets.length);
    const other = random.chance(0.7) ? random.pick(resets).timestampMs : this.#someInstant();
    const moved = random.chance(0.6) ? { timestampMs: other } : {};
    return kind === 'deleteReset' ? { kind, space, id } : { kind, space, id, ...moved, count: random.int(0, 3) };
  }
}
