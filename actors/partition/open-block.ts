// The block that a partition is filling, and when it has to be cut. Everything, including the time, comes from the
// log, so every process that folds the same log cuts the same blocks (F2).
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { Settings } from '../../src/domain/topology.ts';
import type { SpaceOutput } from '../space/space-state.ts';
import { leastSeq } from './block.ts';

export interface OpenBlockSnapshot {
  /** The number of the open block. */
  readonly openNumber: number;
  readonly openRows: readonly LoggedEvent[];
  /** When the open block got its first row, by the log's clock; null if it is empty. */
  readonly openedMs: number | null;
  /** When the open block got its first late row. A correction waits until that row is stored, so the block is cut early. */
  readonly lateMs: number | null;
  /** Null if no block with a late row has been cut, as far as the snapshot that the state comes from knows. */
  readonly lateBefore: LateBlock | null;
  readonly cutRequested: boolean;
}

/** The last block that had a late row. */
interface LateBlock {
  readonly cutMs: number;
  /** How old its first late row was allowed to become. */
  readonly ageMaxMs: number;
}

export class OpenBlock {
  #number: number;
  #rows: LoggedEvent[];
  /** Kept up to date, because it is asked for every few seconds, and a block may have thousands of rows. */
  #leastSeq: number;
  #openedMs: number | null;
  #lateMs: number | null;
  #lateBefore: LateBlock | null;
  #cutRequested: boolean;

  constructor(from: Partial<OpenBlockSnapshot>) {
    const { openNumber = 1, openRows = [], openedMs, lateMs, lateBefore, cutRequested } = from;
    this.#number = openNumber;
    this.#rows = [...openRows];
    this.#leastSeq = leastSeq(this.#rows);
    this.#openedMs = openedMs ?? null;
    this.#lateMs = lateMs ?? null;
    this.#lateBefore = lateBefore ?? null;
    this.#cutRequested = cutRequested ?? false;
  }

  snapshot(): OpenBlockSnapshot {
    return {
      openNumber: this.#number,
      openRows: this.#rows,
      openedMs: this.#openedMs,
      lateMs: this.#lateMs,
      lateBefore: this.#lateBefore,
      cutRequested: this.#cutRequested,
    };
  }

  get number(): number {
    return this.#number;
  }

  get rows(): readonly LoggedEvent[] {
    return this.#rows;
  }

  /** The lowest sequence of its rows in SPACE_EVENTS; Infinity if it has none. */
  get leastSeq(): number {
    return this.#leastSeq;
  }

  get openedMs(): number | null {
    return this.#openedMs;
  }

  /** True if the block will be cut without further events, at the latest at its maximum age. */
  get isWaiting(): boolean {
    return this.#rows.length > 0 || this.#cutRequested;
  }

  /** Adds the events that a space has emitted. */
  take(output: SpaceOutput, logMs: number): void {
    switch (output.type) {
      case 'eventsFinal':
        for (const event of output.events) this.#add(event);
        return;
      case 'eventLate':
        this.#add(output.event);
        this.#lateMs ??= logMs;
        return;
      case 'cutRequested':
        this.#cutRequested = true;
    }
  }

  /** Call it after each entry of the log. @param partOfAge a fraction of the maximum age */
  isDue(logMs: number, settings: Settings, partOfAge: number): boolean {
    if (!this.isWaiting) return false;
    this.#openedMs ??= logMs;
    const isFull = this.#rows.length >= settings.blockRowsMax;
    const isOld =
      logMs - this.#openedMs >= settings.blockAgeMaxMs * partOfAge ||
      (this.#lateMs !== null && logMs - this.#lateMs >= this.#lateAgeMaxMs(this.#lateMs, settings));
    return isFull || isOld || this.#cutRequested;
  }

  /**
   * Twice the age of the block before if late rows keep coming, up to a limit: a block costs ClickHouse about the same
   * whatever its size.
   */
  #lateAgeMaxMs(lateMs: number, { lateBlockAgeMaxMs, repeatedLateBlockAgeMaxMs = 0 }: Settings): number {
    const before = this.#lateBefore;
    const isRepeated = before !== null && lateMs - before.cutMs < before.ageMaxMs;
    return isRepeated
      ? Math.max(lateBlockAgeMaxMs, Math.min(2 * before.ageMaxMs, repeatedLateBlockAgeMaxMs))
      : lateBlockAgeMaxMs;
  }

  /** Opens the next block. @returns the number and the rows of the block that was cut */
  cut(logMs: number, settings: Settings): { readonly number: number; readonly rows: readonly LoggedEvent[] } {
    const [number, rows] = [this.#number, this.#rows];
    this.#number += 1;
    this.#rows = [];
    this.#leastSeq = Infinity;
    this.#openedMs = null;
    if (this.#lateMs !== null) {
      // Not while the rule is off: processes of earlier versions do not know when their blocks were cut.
      const isRule = (settings.repeatedLateBlockAgeMaxMs ?? 0) > settings.lateBlockAgeMaxMs;
      this.#lateBefore = isRule ? { cutMs: logMs, ageMaxMs: this.#lateAgeMaxMs(this.#lateMs, settings) } : null;
    }
    this.#lateMs = null;
    this.#cutRequested = false;
    return { number, rows };
  }

  #add(event: LoggedEvent): void {
    this.#rows.push(event);
    this.#leastSeq = Math.min(this.#leastSeq, event.seq);
  }
}
