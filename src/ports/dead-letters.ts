// Keeps unusable items from READINGS, with the reason, for people to look at and to replay. The store is limited in
// age and bytes. Evicted items remain counted, so that the account of readings always balances.
import type { DpuId } from '../domain/ids.ts';
import type { RejectReason } from '../domain/reading.ts';

/**
 * Identifies a letter. The arrival time is included, because READINGS may reuse a sequence after it has lost its end.
 */
export interface LetterKey {
  readonly reason: RejectReason;
  /** The message's sequence in READINGS. */
  readonly readingsSeq: number;
  /** The first item's index in the message, from 0. */
  readonly index: number;
  /** When the message arrived in READINGS. */
  readonly arrivedMs: number;
}

/** All items of one message that were rejected for the same reason. */
export interface DeadLetter extends LetterKey {
  /** Why the first of the items was rejected, in words. */
  readonly detail: string;
  /** The message's subject in READINGS. */
  readonly subject: string;
  /** The number of items. */
  readonly items: number;
  /** A single item as it was received, or several as a JSON array. */
  readonly raw: Uint8Array;
  /** True if `raw` is truncated, because the items exceed the size of a message. */
  readonly isCut: boolean;
}

export interface KeptLetter extends DeadLetter {
  readonly storedMs: number;
}

/** A kept letter without its content. */
export interface LetterSummary extends Omit<KeptLetter, 'raw'> {
  readonly bytes: number;
}

/** Selects letters; a field that is left out selects all. */
export interface LetterSelection {
  readonly reason?: RejectReason | undefined;
  /** Stored at or after `fromMs`, and before `toMs`. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

/** How a letter was replayed. */
export interface Replay {
  /** The DPU for which its readings were sent; null for the original one. */
  readonly shiftMs: number;
  /** The DPU whose readings they became; null for the one that sent them. */
  readonly dpuId: DpuId | null;
}

export interface RecordedReplay extends Replay {
  readonly atMs: number;
  /** Identifies the options that a payload was read with; absent where there was nothing to read again. */
  readonly readAs?: string;
}

export type ItemsByReason = Partial<Record<RejectReason, number>>;

export interface DeadLetters {
  /** Idempotent: a letter replaces one with the same reason, sequence and index. Resolves once all are stored. */
  store(letters: readonly DeadLetter[]): Promise<void>;
  /** Counts items rather than letters: those in kept letters, and those in letters evicted so far. */
  count(): Promise<{ readonly kept: ItemsByReason; readonly evicted: ItemsByReason }>;
  /** Removes letters older than `ageMaxMs`, and the oldest ones while the store exceeds its limit in bytes. */
  evict(ageMaxMs: number): Promise<void>;
  /** The letters that are kept now, oldest first. */
  letters(selection: LetterSelection): AsyncIterable<KeptLetter>;
  /**
   * Records how a letter is replayed, unless that is already recorded. Durable, and atomic between processes.
   * @returns the recorded replay
   */
  recordReplay(letter: LetterKey, replay: RecordedReplay): Promise<RecordedReplay>;
}

/** The letters as people browse them. */
export interface ListedLetters {
  /** The letters that are kept now, oldest first. */
  summaries(): AsyncIterable<LetterSummary>;
  /** The content of a letter, and how it was replayed; undefined once it is evicted. */
  content(
    letter: LetterKey,
  ): Promise<{ readonly raw: Uint8Array; readonly replay: RecordedReplay | undefined } | undefined>;
}

/** The id of a letter in the API. */
export function letterIdOf({ reason, readingsSeq, index }: LetterKey): string {
  return `${reason}.${readingsSeq}.${index}`;
}
